# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command as people call it: from its wheel, at a terminal, with programs, with Ansible."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conftest import CHECKOUT
from tests.integration.nights import Night
from tests.integration.terminals import Terminal
from tests.integration.test_added_backend import build

START = "import sys; sys.argv[0] = {0!r}; from nebula_credential_cli import start; sys.exit(start.{1}())"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory into which the built wheel was unpacked."""
    place = tmp_path_factory.mktemp("cli")
    build(CHECKOUT / "extras" / "cli", place / "wheels")
    (built,) = (place / "wheels").glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(place / "site")
    return place / "site"


class Command:
    """Calls the command in a process of its own, as the wheel installs it."""

    def __init__(self, wheel: Path, project: Any) -> None:
        self._environment = {**os.environ, "PYTHONPATH": str(wheel)}
        self.directory = project.directory
        self.argv = [sys.executable, "-c", START.format("nebula-credential", "run_command")]
        self.client = [sys.executable, "-c", START.format("nebula-client", "run_vault_client")]

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a call."""
        return {**self._environment, **more}

    def __call__(self, *arguments: str, given: str = "", argv: list[str] | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        """Call it with its input and output in pipes."""
        command = [*(self.argv if argv is None else argv), *arguments]
        return subprocess.run(
            command, input=given, cwd=self.directory, env=self.environment(**more), capture_output=True, text=True, check=False
        )


def store(name: str, value: str) -> None:
    """Store a credential, without a process for it."""
    manager = open_store({"backend": "local"})
    manager.create(DesiredCredential(name, value=Secret(value)))
    manager.close()


@pytest.fixture
def command(wheel: Path, project: Any) -> Command:
    project.write("ansible.cfg", "[defaults]\n")
    return Command(wheel, project)


@pytest.fixture
def terminal(command: Command) -> Iterator[Any]:
    """Opens a terminal in which the command runs."""
    opened: list[Terminal] = []

    def start(*arguments: str, **more: str) -> Terminal:
        opened.append(Terminal([*command.argv, *arguments], command.directory, command.environment(**more)))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def test_the_wheel_starts_the_collection_that_ansible_uses(command: Command, tmp_path: Path) -> None:
    done = command("doctor", "--json")
    assert done.returncode == 0, done.stderr
    found = {each["topic"]: each["found"] for each in json.loads(done.stdout)}
    assert Path(found["collection"]).resolve() == CHECKOUT
    (tmp_path / "empty").mkdir()
    lost = command("ls", ANSIBLE_COLLECTIONS_PATH=str(tmp_path / "empty"))
    assert lost.returncode == 2
    assert "ansible-galaxy collection install nebula.credential" in lost.stderr


def test_a_terminal_is_prompted_and_shown_nothing(command: Command, terminal: Any) -> None:
    typed = terminal("set", "a", "--field", "value")
    typed.wait_for("value: ")
    typed.type("typed-secret\n")
    typed.wait_for("value (again): ")
    typed.type("typed-secret\n")
    assert typed.wait() == 0
    assert "a: version 1" in typed.output
    assert "typed-secret" not in typed.output
    assert command("get", "a").stdout == "typed-secret\n"
    refused = terminal("get", "a")
    assert refused.wait() == 2
    assert "typed-secret" not in refused.output
    assert "--show" in refused.output
    shown = terminal("get", "a", "--show")
    assert shown.wait() == 0
    assert shown.output.strip() == "typed-secret"


def test_two_prompts_that_differ_write_nothing(command: Command, terminal: Any) -> None:
    typed = terminal("set", "a")
    typed.wait_for("value: ")
    typed.type("one\n")
    typed.wait_for("(again): ")
    typed.type("two\n")
    assert typed.wait() == 2
    assert "nothing was written" in typed.output.lower()


def test_the_clipboard_gets_the_value_and_is_cleared(command: Command, terminal: Any) -> None:
    store("a", "copied-secret")
    sequence = "\x1b]52;c;{0}\x07"
    copied = terminal("get", "a", "--copy", "--clear-after", "600")
    copied.wait_for("Ctrl-C clears it now.")
    copied.type("\x03")
    assert copied.wait() == 0
    assert sequence.format(base64.b64encode(b"copied-secret").decode()) in copied.output
    assert copied.output.rstrip().endswith(sequence.format("!"))
    assert "copied-secret" not in copied.output


def test_a_program_gets_secrets_and_its_status_and_signals_are_passed_on(command: Command) -> None:
    store("a", "for-the-child")
    done = command("run", "-e", "SECRET=a", "--", "sh", "-c", 'printf %s "$SECRET"; exit 7')
    assert (done.returncode, done.stdout) == (7, "for-the-child")
    assert command("run", "--stdin", "a", "--", "cat").stdout == "for-the-child"
    assert command("run", "-e", "SECRET=nothing", "--", "true").returncode == 125
    assert command("run", "-e", "SECRET=a", "--", "/no/such/program").returncode == 127
    argv = [*command.argv, "run", "-e", "SECRET=a", "--", "sh", "-c", "echo ready; exec sleep 600"]
    with subprocess.Popen(argv, env=command.environment(), cwd=command.directory, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 128 + signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_without_a_terminal_the_signals_of_a_keyboard_are_passed_on_too(command: Command, number: int) -> None:
    """As `docker stop` sends them to the first process of a container whose STOPSIGNAL is one of them."""
    store("a", "for-the-child")
    program = "import signal, sys\nsignal.signal({0}, lambda *_: sys.exit(3))\nprint('ready', flush=True)\nsignal.pause()".format(
        int(number)
    )
    argv = [*command.argv, "run", "-e", "SECRET=a", "--", sys.executable, "-c", program]
    process = subprocess.Popen(
        argv, env=command.environment(), cwd=command.directory, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.wait(120) == 3
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_an_edit_that_is_ended_leaves_no_file(command: Command, number: int) -> None:
    store("a", "x")
    script = command.directory / "editor"
    script.write_text('#!/bin/sh\necho "$1 $$"\nexec sleep 600\n')
    script.chmod(0o700)
    environment = command.environment(VISUAL=str(script))
    argv = [*command.argv, "edit", "a"]
    process = subprocess.Popen(argv, env=environment, cwd=command.directory, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        name, editor = process.stdout.readline().split()
        file = Path(name)
        assert file.read_text() == "x"
        process.send_signal(number)
        assert process.wait(120) == 128 + number
        assert not file.parent.exists()
        with suppress(ProcessLookupError):
            os.kill(int(editor), signal.SIGKILL)
    finally:
        process.kill()
        process.wait()


def test_a_credential_is_rotated_at_its_target(command: Command, project: Any) -> None:
    night = Night(project)
    door = night.add_door("good")
    night.add_door("stuck", "exit 77")
    project.write("nebula.yml", json.dumps({"targets": night.targets})).chmod(0o600)
    planned = command("rotate", "good", "--check", "--json")
    assert planned.returncode == 0, planned.stderr
    assert night.versions() == {"good": "1", "stuck": "1"}
    done = command("rotate", "good", "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    assert json.loads(done.stdout)["outcome"] == "promoted"
    assert door.read_text() == night.value("good") + "\n" != "old good\n"
    assert night.value("good") not in done.stdout + done.stderr
    assert command("rotate", "good", "--target", "nowhere").returncode == 2
    refused = command("rotate", "stuck")
    assert refused.returncode == 7
    assert "nebula-credential: credential 'stuck'" in refused.stderr
    assert "[code: rotation_failed]" in refused.stderr
    assert night.value("stuck") == "old stuck"


def test_ansible_gets_the_password_of_a_vault_id(command: Command, project: Any, wheel: Path) -> None:
    client = project.directory / "nebula-client"
    client.write_text("#!{0}\n{1}\n".format(sys.executable, START.format("nebula-client", "run_vault_client")))
    client.chmod(0o700)
    store("ansible-vault/prod", "of-the-vault")
    vault = [sys.executable, "-m", "ansible", "vault"]
    identity = "prod@{0}".format(client)
    sealed = command("encrypt_string", "--vault-id", identity, argv=vault, given="opened").stdout
    assert sealed.startswith("!vault"), sealed
    project.write("vars.yml", "word: " + sealed)
    shown = ["localhost", "-m", "debug", "-a", "var=word", "-e", "@vars.yml", "--vault-id", identity]
    assert '"word": "opened"' in command(*shown, argv=[sys.executable, "-m", "ansible", "adhoc"]).stdout
    assert command("--vault-id", "unknown", argv=command.client).returncode == 2


@pytest.mark.parametrize("text", ["stores: {local: {backend: local, key_sources: [{source: ansible_vault, vault_id: prod}]}}\n", "vaulted"])
def test_the_circle_of_a_store_that_the_vault_opens_is_refused(command: Command, project: Any, text: str) -> None:
    vaulted = "default: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3132\n"
    project.write("nebula.yml", vaulted if text == "vaulted" else text).chmod(0o600)
    done = command("--vault-id", "prod", argv=command.client)
    assert done.returncode == 2
    assert "a circle" in done.stderr
    assert done.stdout == ""


def test_a_store_that_the_vault_opens_is_read_with_its_password(command: Command, project: Any) -> None:
    project.write("nebula.yml", "stores: {local: {backend: local, key_sources: [{source: ansible_vault}]}}\n").chmod(0o600)
    project.write("word", "a vault password\n").chmod(0o600)
    assert command("set", "a", given="x").returncode != 0
    assert command("set", "a", "--vault-password-file", "word", given="x").returncode == 0
    assert command("get", "a", "--vault-password-file", "word").stdout == "x\n"


def test_doctor_names_what_is_wrong(command: Command, project: Any, home: Path) -> None:
    project.write("group_vars/web.credentials", "db_password: shop/db_pass\n")
    project.write("nebula.yml", "stores: {local: {backend: local}}\n").chmod(0o600)
    (home / ".nebula" / "credentials").mkdir(parents=True, mode=0o700)
    (home / ".nebula" / "credentials").chmod(0o755)
    done = command("doctor", "--json")
    assert done.returncode == 10
    wrong = {each["topic"]: each for each in json.loads(done.stdout) if each["state"] == "wrong"}
    assert "vars_plugins_enabled" in wrong["variables"]["remedy"]
    assert "0755" in wrong["health"]["found"]


def test_doctor_names_the_key_file_that_is_used_and_no_other(command: Command, project: Any) -> None:
    project.write("word", "word of the store\n").chmod(0o600)
    opened = "stores: {{local: {{backend: local, path: at-{0}, key_sources: [{{source: {1}}}]}}}}\n"
    for kind, shown in (
        ("passphrase, passphrase_file: word", "passphrase"),
        ("key_file, path: own.key", "own.key"),
        ("key_file", ".config"),
    ):
        project.write("nebula.yml", opened.format(shown, kind)).chmod(0o600)
        assert command("set", "a", given="x").returncode == 0
        (key,) = [line for line in command("doctor").stdout.splitlines() if line.startswith("key ")]
        assert shown in key
        assert (".config" in key) == (shown == ".config")


def test_names_are_completed_and_the_short_name_is_defined_where_it_is_free(command: Command, tmp_path: Path) -> None:
    store("shop/db", "x")
    line = "nebula-credential get sho"
    more = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_STDOUT_FILENAME": str(tmp_path / "found")}
    command(**more)
    assert (tmp_path / "found").read_text().split("\x0b") == ["shop/db "]
    code = command("shell").stdout
    bare = {"PATH": "/nowhere"}
    shown = subprocess.run(
        ["/bin/bash", "-c", "shopt -s expand_aliases; " + code + "\nalias"], env=bare, capture_output=True, text=True, check=True
    )
    assert "alias nebula='nebula-credential'" in shown.stdout
    taken = tmp_path / "nebula"
    taken.write_text("#!/bin/sh\n")
    taken.chmod(0o700)
    other = subprocess.run(["/bin/bash", "-c", code + "\nalias"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True)
    assert "nebula=" not in other.stdout
