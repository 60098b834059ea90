# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program is bounded in time and output, and ends with its children."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context import process
from ansible_collections.nebula.credential.plugins.module_utils.context.process import TooSlow, find_environment, run_program, run_python
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, StorageError, Unavailable

PATIENCE = 60.0
ENVIRONMENT = find_environment(())
FORKING = "import os, time\nif not os.fork():\n    open({0!r}, 'w').write(str(os.getpid()) + chr(10))\n    time.sleep(600)\n"
"""Leaves a child that writes its process id to a file and sleeps."""


def run(code: str, given: bytes = b"", seconds: float = PATIENCE) -> process.Finished:
    return run_program([sys.executable, "-S", "-E", "-s", "-c", code], given, ENVIRONMENT, seconds)


def is_running(pid: int) -> bool:
    try:
        with open("/proc/{0}/stat".format(pid), "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def await_end_of(pid: int) -> bool:
    end = time.monotonic() + PATIENCE
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not is_running(pid)


def read_pid(file: Path) -> int:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if file.exists() and file.read_text().endswith("\n"):
            return int(file.read_text())
        time.sleep(0.02)
    raise AssertionError("it has not begun")


def test_a_program_gets_its_input_and_gives_its_output_and_its_status() -> None:
    done = run("import sys; sys.stdout.write(sys.stdin.read()[::-1]); sys.stderr.write('said'); sys.exit(3)", b"abc")
    assert done == (3, b"cba", b"said")


def test_megabytes_go_both_ways_at_the_same_time() -> None:
    given = os.urandom(1024) * 4096
    assert run("import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)", given).output == given


def test_input_that_is_not_read_is_no_failure() -> None:
    assert run("print('done')", b"x" * 1_000_000) == (0, b"done\n", b"")


def test_a_signal_shows_as_a_status_below_zero() -> None:
    assert run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)").status == -9


def test_one_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = FORKING + "time.sleep(600)"
    caught = []

    def wait() -> None:
        try:
            run(code.format(str(note)), seconds=PATIENCE / 4)
        except TooSlow as error:
            caught.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    child = read_pid(note)
    assert is_running(child)
    thread.join()
    assert caught
    assert await_end_of(child)


def test_a_child_that_holds_the_output_open_does_not_hold_up_the_answer(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = FORKING + "print('answer')"
    assert run(code.format(str(note))).output == b"answer\n"
    assert not note.exists() or await_end_of(read_pid(note))


def test_a_child_that_fills_the_error_output_without_end_does_not_hold_up_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has left the process group, so it is not killed, and there is always something to read."""
    monkeypatch.setattr(process, "_PART", 16)
    note = tmp_path / "pid"
    code = "import os, pathlib, time\nnote = pathlib.Path({0!r})\n"
    code += "if os.fork():\n    while not note.exists() or not note.read_text():\n        time.sleep(0.01)\n"
    code += "    print('answer', flush=True)\n    os._exit(0)\nos.setsid()\nnote.write_text(str(os.getpid()) + '\\n')\n"
    code += "os.set_blocking(2, True)\nwhile True:\n    os.write(2, b'e' * 4096)"
    begun = time.monotonic()
    done = run(code.format(str(note)), seconds=2 * PATIENCE)
    assert time.monotonic() - begun < PATIENCE, "it read until its time was over"
    assert (done.status, done.output) == (0, b"answer\n")
    assert await_end_of(read_pid(note)), "its error output is closed"


def test_one_that_closes_its_streams_and_stays_is_too_slow() -> None:
    with pytest.raises(TooSlow):
        run("import os, time; [os.close(number) for number in (0, 1, 2)]; time.sleep(600)", seconds=2.0)


def test_too_much_output_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MOST_OUTPUT", 1024 * 1024)
    with pytest.raises(StorageError, match="more than 1 MiB"):
        run("import sys\nwhile True: sys.stdout.write('x' * 65536)")


def test_its_error_output_is_kept_to_a_few_kilobytes() -> None:
    done = run("import sys; sys.stderr.write('e' * 10_000_000); print('done')")
    assert (done.output, len(done.errors)) == (b"done\n", 16 * 1024)


@pytest.mark.parametrize(
    ("program", "words"), [("/no/such/program", "No such file"), ("/etc/passwd", "Permission denied"), ("a\0b", "zero")]
)
def test_one_that_cannot_be_started_is_named(program: str, words: str) -> None:
    with pytest.raises(InvalidConfiguration, match=words) as caught:
        run_program([program], b"", ENVIRONMENT, PATIENCE)
    assert caught.value.option == "command"


def test_it_gets_only_what_every_program_needs_and_the_named_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("VAULT_TOKEN", "t"), ("GNUPGHOME", "/g"), ("HTTPS_PROXY", "p"), ("PYTHONPATH", "/p")):
        monkeypatch.setenv(name, value)
    found = find_environment(["GNUPGHOME"], {"GIT_ASKPASS": "false"})
    assert {"PATH", "HOME", "GNUPGHOME", "HTTPS_PROXY", "GIT_ASKPASS"} <= set(found)
    assert not {"VAULT_TOKEN", "PYTHONPATH"} & set(found)


def test_no_descriptor_is_left() -> None:
    before = set(os.listdir("/proc/self/fd"))
    for _each in range(5):
        run("print(1)")
    assert set(os.listdir("/proc/self/fd")) == before


def test_an_interpreter_that_is_gone_is_no_fault_of_an_option(monkeypatch):
    assert run_python("import json, sys; print(json.load(sys.stdin)['said'])", {"said": "yes"}, ENVIRONMENT, PATIENCE).output == b"yes\n"
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(Unavailable, match="the interpreter '/nonexistent/python' cannot be started"):
        run_python("", {}, ENVIRONMENT, PATIENCE)
