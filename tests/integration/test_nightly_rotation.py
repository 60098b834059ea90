# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`ansible-playbook nebula.credential.rotate` without arguments, as it is run every night: what is due, against real programs."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conftest import PROFILE
from tests.integration.counted import Counted
from tests.integration.nights import DAILY, Night


@pytest.fixture
def night(project: Any) -> Night:
    return Night(project)


def wait_for(condition: Any, what: str) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_a_night_in_which_nothing_is_due_is_one_line_of_fifteen(night: Night) -> None:
    night.add("fresh", "none", age=0)
    run = night.run().succeeded()
    (line,) = [line for line in run.output.splitlines() if line.startswith("Store ")]
    assert "nothing is due. Next: fresh (" in line
    assert len(run.output.splitlines()) <= 15, run.output
    assert night.versions() == {"fresh": "1"}


@pytest.mark.parametrize("session", ["true", "false"])
def test_what_is_due_is_rotated_and_a_failure_stops_nothing_else(night: Night, session: str) -> None:
    good = night.add_door("good")
    stuck = night.add_door("stuck", "cat >/dev/null; exit 77")
    night.add("cookie", "none")
    night.add("bare")
    night.add("typo", "goood")
    night.add("fresh", "none", age=0)
    report = night.project.directory / "report.json"
    before = night.versions()
    planned = night.project.run(*night.command("--check", rotate_report=str(report)), NEBULA_CREDENTIAL_SESSION=session)
    assert "good   good  would be rotated" in planned.output
    assert night.versions() == before
    assert not report.exists()
    run = night.project.run(*night.command(rotate_report=str(report)), NEBULA_CREDENTIAL_SESSION=session)
    assert run.returncode == 2, run.output
    written = json.loads(report.read_text())
    assert {row["name"]: row["result"] for row in written["report"]} == {
        "good": "promoted",
        "stuck": "failed",
        "cookie": "promoted",
        "bare": "no_target",
        "typo": "failed",
    }
    assert [row["name"] for row in written["next"]] == ["fresh"]
    assert "1 credentials are due and have no rotation target: bare." in run.output
    assert "Did you mean 'good'" in run.output
    assert re.search(r"stuck +stuck failed: .*rolled_back", run.output)
    assert good.read_text() == night.value("good") + "\n" != "old good\n"
    assert stuck.read_text() == night.value("stuck") + "\n" == "old stuck\n"
    assert {name for name, version in night.versions().items() if version != before[name]} == {"good", "cookie"}
    for secret in ("old good", night.value("good"), night.value("cookie")):
        assert secret not in run.output + report.read_text()


def test_a_credential_without_a_target_fails_the_run_only_where_that_is_required(night: Night) -> None:
    night.add("bare")
    assert re.search(r"^bare - +due, no target$", night.run().succeeded().output, re.MULTILINE)
    assert "it is due, and has no rotation target" in night.run(rotate_require_target=True).failed()


def test_the_filters_of_the_role_choose_and_a_variable_of_the_other_way_is_refused(night: Night) -> None:
    night.add("a/x", "none")
    night.add("b/y", "none", tags={"team": "pay"})
    night.run(rotate_prefix="a/").succeeded()
    assert night.versions() == {"a/x": "2", "b/y": "1"}
    night.run(rotate_tags={"team": "pay"}, rotate_parallel=1).succeeded()
    assert night.versions() == {"a/x": "2", "b/y": "2"}
    assert "rotate_command" in night.run(rotate_command={"apply": ["x"]}).failed()
    listed = night.run(rotate_credentials=[{"name": "a/x", "target": "none"}], rotate_prefix="a/")
    assert "rotate_prefix" in listed.failed()
    assert night.versions() == {"a/x": "2", "b/y": "2"}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"rotate_target": "dor"}, "Did you mean 'door'"),
        ({"rotate_report": "/nonexistent/report.json"}, "the report /nonexistent/report.json cannot be written"),
        ({"rotate_report": "/"}, "the report / cannot be written"),
    ],
)
def test_a_run_that_could_not_do_what_it_was_told_is_refused_before_anything_is_rotated(
    night: Night, variables: dict[str, Any], words: str
) -> None:
    night.add_door("door")
    assert words in night.run(**variables).failed()
    assert night.versions() == {"door": "1"}


def test_hosts_that_the_inventory_does_not_have_are_refused_and_not_skipped(night: Night) -> None:
    night.add("cookie", "none")
    run = night.run(rotate_hosts="bastion")
    assert run.returncode != 0
    assert "'rotate_hosts' matches no host of the inventory" in run.output
    assert night.versions() == {"cookie": "1"}
    night.run(rotate_hosts=["localhost"]).succeeded()
    assert night.versions() == {"cookie": "2"}


def test_a_report_that_cannot_be_written_in_the_end_hides_no_failure(night: Night) -> None:
    directory = night.project.directory / "reports"
    directory.mkdir()
    night.add_door("good", "rmdir {0}; cat >{{0}}".format(directory))
    night.add("typo", "goood")
    message = night.run(rotate_report=str(directory / "report.json")).failed()
    assert "2 of 3 failed: 'typo' (invalid_configuration), 'the report' (" in message
    assert night.versions() == {"good": "2", "typo": "1"}


def test_a_credential_that_names_the_target_of_others_is_not_sent_there(night: Night) -> None:
    """On a store of another service somebody who may change its metadata could have done that."""
    door = night.add_door("door")
    night.targets["door"]["credentials"] = ["door"]
    night.add("other", "door")
    seen = night.project.directory / "seen"
    night.targets["door"]["verify"] = ["/bin/sh", "-c", "tee -a {0} | cmp -s - {1} || exit 77".format(seen, door)]
    assert "targets.door.credentials" in night.run().failed()
    assert night.versions() == {"door": "2", "other": "1"}
    assert "old other" not in seen.read_text()


def test_no_further_rotation_begins_once_too_many_have_failed(night: Night) -> None:
    for name in ("a", "b", "c", "d"):
        night.add_door(name, "cat >/dev/null; exit 77")
    run = night.run(rotate_max_fail_percentage=25, rotate_parallel=1)
    assert "2 were not tried." in run.failed()
    assert set(night.versions().values()) == {"1"}


@pytest.mark.parametrize("again", ["here", "elsewhere"])
def test_what_a_killed_night_left_open_is_finished_by_the_next_one(night: Night, again: str) -> None:
    """kill -9 while the programs of two doors hold the new values back; a third door has not had its turn."""
    doors = [night.add_door(name) for name in ("a", "b", "c")]
    holds = [Path(str(door) + ".hold") for door in doors]
    for hold in holds:
        hold.touch()
    process = night.project.start(*night.command(rotate_parallel=2))
    wait_for(lambda: sum(Path(str(door) + ".held").exists() for door in doors) == 2, "two programs hold the value back")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    for hold in holds:
        hold.unlink()
    wait_for(lambda: not programs_of(night.project.directory), "the programs end")
    if again == "elsewhere":
        moved = night.project.directory.parent / "elsewhere"
        shutil.copytree(night.project.directory, moved)
        night.project.directory = moved
    run = night.run()
    assert run.returncode == 0, run.output
    for door in doors:
        assert door.read_text() == night.value(door.stem) + "\n"
    assert night.run().output.count("nothing is due") == 1
    assert set(night.versions().values()) == {"2"}


def programs_of(directory: Path) -> list[int]:
    """The processes that change a door of that directory."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if (
                entry.name.isdigit()
                and str(directory).encode() in (entry / "cmdline").read_bytes()
                and b".hold" in (entry / "cmdline").read_bytes()
            ):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_two_controllers_at_once_rotate_each_credential_once(night: Night) -> None:
    names = ["c{0:02}".format(number) for number in range(20)]
    for name in names:
        night.add(name, "none")
    started = [night.project.start(*night.command(rotate_parallel=4)) for _controller in range(2)]
    outputs = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0, 0], outputs
    assert sum(len(re.findall(r"^c\d\d none promoted$", output, re.MULTILINE)) for output in outputs) == 20
    assert set(night.versions().values()) == {"2"}


NUMBER, TARGETS = (1000, 200) if PROFILE == "long" else (30, 6)


def test_many_on_many_targets_of_which_some_fail(night: Night) -> None:
    names = night.add_many(NUMBER, TARGETS, {"backend": "local", "audit": "off"}, broken=TARGETS // 3)
    run = night.run(rotate_parallel=8)
    assert run.returncode == 2, run.output
    refused = {name for number, name in enumerate(names) if number % TARGETS < TARGETS // 3}
    assert {name for name, version in night.versions().items() if version == "1"} == refused
    assert "{0} rotated, {1} failed of {2} credentials".format(NUMBER - len(refused), len(refused), NUMBER) in run.output
    doors = night.project.directory / "doors"
    assert all((doors / name).read_text() == night.value(name) for name in names[:: max(1, NUMBER // 30)])


@pytest.mark.server
def test_a_night_logs_in_once_and_credentials_that_are_not_due_cost_no_request_each(night: Night, counted: Counted) -> None:
    """Counted by the server: the metadata of all is one listing, and the journals of open rotations are another."""
    configured = counted.configured()
    night.add_many(4, 1, configured)
    store = open_store(configured)
    for number in range(20):
        store.create(DesiredCredential("later{0:02}".format(number), value=Secret("x"), policy=DAILY))
    store.close()
    command = night.command("-e", "rotate_prefix=later")
    night.project.write("nebula.yml", json.dumps({"default": "prod", "stores": {"prod": configured}, "targets": night.targets}))
    counted.start_over()
    asked = len(counted.server.requests())
    night.project.run(*command).succeeded()
    assert len(counted.server.requests()) - asked <= 12
    assert counted.logins() == 1
    counted.start_over()
    night.project.run(*command[:-1], "rotate_prefix=c").succeeded()
    assert counted.logins() == 1
