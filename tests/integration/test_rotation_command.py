# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `command` against a real Valkey, as ansible-playbook runs it: programs, and tasks files by the role."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from tests.integration import default_store
from tests.integration.ansible_run import ONE_TRY, PROGRAMS
from tests.servers import once

PROGRAM = Path(__file__).with_name("valkey_user.py")
ROTATE = """
- nebula.credential.credential_rotate: {{name: door, target: command, command: {command}}}
  register: rotated
- ansible.builtin.debug: {{var: rotated}}
"""
TASKS = {
    "apply.yml": """
- name: Change it
  ansible.builtin.command: {argv: [PYTHON, PROGRAM, set, PORT, USER, ADMIN], stdin: "{{ rotate_value }}"}
  no_log: true
""",
    "add.yml": """
- name: Add it
  ansible.builtin.command: {argv: [PYTHON, PROGRAM, add, PORT, USER, ADMIN], stdin: "{{ rotate_value }}"}
  no_log: true
""",
    "retire.yml": """
- name: Drop it
  ansible.builtin.command: {argv: [PYTHON, PROGRAM, drop, PORT, USER, ADMIN], stdin: "{{ rotate_value }}"}
  no_log: true
""",
    "verify.yml": """
- name: Try it
  ansible.builtin.command: {argv: [PYTHON, PROGRAM, try, PORT, USER, ADMIN], stdin: "{{ rotate_value }}"}
  no_log: true
""",
}


class Door:
    """A user of a Valkey whose password is in a store, and plays that rotate it."""

    def __init__(self, project: Any, server: Any) -> None:
        self.project = project
        self.server = server
        self.user = "door_" + secrets.token_hex(4)
        self.old = secrets.token_urlsafe(24)
        self.admin = project.directory / "admin"
        self.admin.write_text(server.password)
        server.ask("AUTH " + server.password, "ACL SETUSER {0} on >{1} +@all".format(self.user, self.old))
        default_store.create_login("door", self.user, self.old)

    def command(self, **changes: Any) -> dict[str, Any]:
        return {"apply": self.program("set"), "verify": self.program("try"), **changes}

    def program(self, mode: str) -> list[str]:
        return [sys.executable, str(PROGRAM), mode, str(self.server.port), self.user, str(self.admin)]

    def rotate(self, *arguments: str, command: Any = None, **environment: str) -> Any:
        tasks = ROTATE.format(command=json.dumps(command or self.command()))
        return self.project.play(tasks, *arguments, **environment)

    def start(self) -> subprocess.Popen[bytes]:
        """Begin a rotation that does not wait for its end."""
        task = {"nebula.credential.credential_rotate": {"name": "door", "target": "command", "command": self.command()}}
        play = self.project.write("killed.json", json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
        arguments = [str(PROGRAMS / "ansible-playbook"), str(play)]
        return subprocess.Popen(arguments, cwd=self.project.directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def accepts(self, value: str) -> bool:
        return "+PONG" in self.server.ask("AUTH {0} {1}".format(self.user, value), "PING")

    def value(self, stage: str = "current") -> str:
        return default_store.read_field("door", stage=stage)

    def tasks_files(self, **files: str) -> dict[str, str]:
        places = {"PROGRAM": PROGRAM, "PORT": self.server.port, "USER": self.user, "ADMIN": self.admin, "PYTHON": sys.executable}
        for name, tasks in TASKS.items():
            placed = re.sub("|".join(places), lambda found: "'{0}'".format(places[found[0]]), tasks)
            self.project.write(name, placed)
        return {
            name: str(self.project.directory / (file + ".yml")) for name, file in (files or {"apply": "apply", "verify": "verify"}).items()
        }

    def rotate_long_ago(self) -> str:
        """Rotate by hand, a day ago, with a short grace period. The service takes both values."""
        with default_store.opened() as manager:
            manager.clock = lambda: datetime.now(timezone.utc) - timedelta(days=1)
            for phase, options in (("prepare", {"grace": "1s"}), ("test", {"accepted": True, "wrong_refused": True}), ("commit", {})):
                perform(manager, "credential_rotate", {"name": "door", "phase": phase, **options}, AccessContext())
        value = self.value()
        self.server.ask("AUTH " + self.server.password, "ACL SETUSER {0} >{1}".format(self.user, value))
        return value

    def role(self, *credentials: dict[str, Any], **variables: Any) -> Any:
        path = self.project.write("role.json", json.dumps({"rotate_credentials": list(credentials), **variables}))
        return self.project.run("ansible-playbook", "nebula.credential.rotate", "-e", "@" + str(path))


@pytest.fixture
def door(project: Any) -> Door:
    return Door(project, once.valkey())


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.mark.parametrize("secret_in", ["stdin", "environment"])
def test_the_old_value_stops_the_new_one_works_and_no_output_shows_either(door: Door, tmp_path: Path, secret_in: str) -> None:
    command = door.command(secret_in=secret_in)
    if secret_in == "environment":
        for name in ("apply", "verify"):
            command[name] = ["sh", "-c", 'printf "%s\\n" "$NEBULA_VALUE" | "$@"', "sh", *command[name]]
    run = door.rotate("-vvvvv", command=command, ANSIBLE_DEBUG="1").succeeded()
    new = door.value()
    assert door.accepts(new)
    assert not door.accepts(door.old)
    for what, secret in (("old", door.old), ("new", new), ("admin", door.server.password)):
        assert run.output.count(secret) == 0, what
    assert '"outcome": "promoted"' in run.output


def test_with_two_values_at_once_the_old_one_opens_through_the_grace_period(door: Door) -> None:
    command = door.command(apply=door.program("add"), retire=door.program("drop"), overlap="dual")
    door.rotate(command=command).succeeded()
    assert door.accepts(door.value())
    assert door.accepts(door.old)
    assert door.value("previous") == door.old


def test_a_value_that_cannot_be_verified_is_dropped_again(door: Door) -> None:
    known = door.project.write("known", door.old)
    script = 'value=$(cat); [ "$value" = "$(cat {0})" ] || exit 77; printf "%s\\n" "$value" | "$@"'.format(known)
    only_old = ["sh", "-c", script, "sh", *door.program("try")]
    command = door.command(apply=door.program("add"), retire=door.program("drop"), overlap="dual", verify=only_old)
    message = door.rotate(command=command, **ONE_TRY).failed()
    assert "rolled_back" in message
    assert door.value() == door.old
    assert door.accepts(door.old)
    assert not door.accepts(door.value("pending"))


@pytest.mark.parametrize("lands", [True, False])
def test_a_killed_controller_is_followed_by_one_that_settles_it(door: Door, lands: bool) -> None:
    """kill -9 while a program holds the request back; then the request lands, or never does."""
    hold, held = Path(str(door.admin) + ".hold"), Path(str(door.admin) + ".held")
    hold.touch()
    process = door.start()
    wait_for(held.exists, "the program was started")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    if not lands:
        for program in programs_of(door.user):
            os.kill(program, signal.SIGKILL)
        wait_for(lambda: not programs_of(door.user), "the program is gone")
    hold.unlink()
    wait_for(lambda: not programs_of(door.user), "the program ends")
    run = door.rotate(**ONE_TRY)
    assert (run.returncode == 0) is lands, run.output
    current = door.value()
    assert door.accepts(current)
    assert (current == door.old) is not lands


def programs_of(user: str) -> list[int]:
    """The processes that change that user's password."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and user.encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_check_mode_and_an_option_that_does_not_fit_change_nothing(door: Door) -> None:
    run = door.rotate("--check").succeeded()
    assert "store the new value as pending" in run.output
    assert "retire" in door.rotate(command=door.command(overlap="dual")).failed()
    assert "command.change" in door.rotate(command={**door.command(), "change": ["true"]}).failed()
    assert "accepts a random wrong value" in door.rotate(command=door.command(verify=["true"])).failed()
    assert door.accepts(door.value())
    assert door.value() == door.old


def test_the_role_hands_over_every_option_and_refuses_what_is_none_by_name(door: Door) -> None:
    item = {"name": "door", "target": "command", "command": {"apply": door.program("set")}, "generate": {"length": 20}}
    run = door.role(item, rotate_command={"verify": door.program("try")}).succeeded()
    assert "door                             command      promoted" in run.output
    assert len(door.value()) == 20
    refused = door.role({**item, "grcae": "5m"})
    assert refused.returncode != 0
    assert "there is no option 'grcae'. Did you mean 'grace'?" in refused.output


def test_the_role_runs_tasks_files_in_place_of_programs(door: Door) -> None:
    item = {"name": "door", "target": "command", "command": door.tasks_files()}
    run = door.role(item).succeeded()
    assert "door                             command      promoted" in run.output
    new = door.value()
    assert new != door.old
    assert door.accepts(new)
    assert not door.accepts(door.old)
    assert door.old not in run.output
    assert new not in run.output


@pytest.mark.long
def test_the_role_refuses_what_does_not_fit_before_it_begins_and_tries_the_others(door: Door) -> None:
    files = door.tasks_files()
    wrong = [{**files, "verfy": "x"}, {**files, "time_limit": 3}, {"apply": files["apply"]}, {**files, "apply": "no-such-file.yml"}]
    items = [{"name": "door", "target": "command", "command": command} for command in wrong]
    run = door.role({"target": "none"}, *items, {"name": "door", "target": "command", "command": files})
    lines = [line for line in run.output.splitlines() if "command      " in line or "none         " in line]
    assert len([line for line in lines if "with tasks files it takes their paths alone" in line]) == 3
    assert "(no name)" in lines[0]
    assert "name" in lines[0].partition("failed: ")[2]
    assert "no-such-file.yml" in lines[4]
    assert "promoted" in lines[5]


@pytest.mark.long
def test_tasks_files_drop_the_previous_value_after_the_grace_period(door: Door) -> None:
    second = door.rotate_long_ago()
    assert door.accepts(door.old)
    files = door.tasks_files(apply="add", verify="verify", retire="retire")
    door.role({"name": "door", "target": "command", "command": files}).succeeded()
    assert not door.accepts(door.old)
    assert door.accepts(second)
    assert door.accepts(door.value())
    assert door.value("previous") == second


@pytest.mark.long
def test_tasks_that_do_not_bring_the_value_to_the_service_are_rolled_back(door: Door) -> None:
    files = door.tasks_files()
    good = Path(files["apply"]).read_text()
    Path(files["apply"]).write_text(good + "\n- ansible.builtin.fail: {msg: no}\n  when: rotate_stage == 'pending'\n")
    run = door.role({"name": "door", "target": "command", "command": files})
    assert run.returncode != 0
    assert "rolled back" in run.output
    assert door.value() == door.old
    assert door.accepts(door.old)


def test_tasks_files_try_the_current_value_before_anything_is_begun(door: Door) -> None:
    """The service has another password than the store: nothing is sent, unless the item says so; then nothing is sent back."""
    other = secrets.token_urlsafe(24)
    door.server.ask("AUTH " + door.server.password, "ACL SETUSER {0} resetpass >{1}".format(door.user, other))
    files = door.tasks_files()
    run = door.role({"name": "door", "target": "command", "command": files})
    assert "the service does not accept the current value" in run.output
    assert door.accepts(other)
    assert default_store.read_phase("door") is None
    item = {"name": "door", "target": "command", "command": files, "current_unverified": True}
    good = Path(files["verify"]).read_text()
    Path(files["verify"]).write_text("- ansible.builtin.fail: {msg: no}\n")
    run = door.role(item)
    assert "nothing was rolled back" in run.output
    assert not door.accepts(door.old)
    assert door.accepts(door.value("pending"))
    later = door.role({"name": "door", "target": "command", "command": files})
    assert "the task 'ansible.builtin.fail' failed, and the current value was not verified, so nothing was rolled back" in later.output
    assert door.accepts(door.value("pending"))
    Path(files["verify"]).write_text(good)
    door.role(item).succeeded()
    assert door.accepts(door.value())


@pytest.mark.parametrize("word", ["", ", current_verified: true"])
def test_tasks_files_go_back_only_to_a_value_that_the_open_rotation_calls_verified(door: Door, word: str) -> None:
    """A person began it: the role cannot try the current value any more, because the service may have the new one."""
    begun = "- nebula.credential.credential_rotate: {{name: door, phase: prepare, options: {{allow_empty: false{0}}}}}"
    door.project.play(begun.format(word)).succeeded()
    files = door.tasks_files()
    good = Path(files["apply"]).read_text()
    Path(files["apply"]).write_text(good + "\n- ansible.builtin.fail: {msg: no}\n  when: rotate_stage == 'pending'\n")
    run = door.role({"name": "door", "target": "command", "command": files})
    assert ("nothing was rolled back" not in run.output) is bool(word)
    assert door.accepts(door.old) is bool(word)
    assert door.accepts(door.value("pending")) is not bool(word)


def test_a_check_of_the_role_reports_an_open_rotation(door: Door) -> None:
    door.project.play("- nebula.credential.credential_rotate: {name: door, phase: prepare}").succeeded()
    item = {"name": "door", "target": "command", "command": door.tasks_files()}
    variables = door.project.write("role.json", json.dumps({"rotate_credentials": [item]}))
    run = door.project.run("ansible-playbook", "nebula.credential.rotate", "-e", "@" + str(variables), "--check").succeeded()
    assert re.search(r"door +command +open \(prepared\), would be continued", run.output)
    assert door.accepts(door.old)
