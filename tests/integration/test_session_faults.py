# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session that fails: the run goes on without it, says so once, waits for it once, and every answer is right."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.lookup.get import HEARTBEAT_TIMEOUT
from tests.conftest import cannot_run
from tests.integration.denied_calls import is_known
from tests.integration.session_runs import eventually, is_alive

WITHOUT = "This run continues without a session"


def killed(run):
    os.kill(run.session(), signal.SIGKILL)
    eventually(lambda: not is_alive(max(run.met)), "it lives")


def stopped(run):
    os.kill(run.session(), signal.SIGSTOP)


def without_socket(run):
    run.session()
    (run.directory() / "s").unlink()


def with_stale_socket(run):
    killed(run)
    assert (run.directory() / "s").exists()


def opened_to_others(run):
    run.session()
    run.directory().chmod(0o755)


def without_directory(run):
    run.session()
    shutil.rmtree(run.directory())


FAULTS = [killed, stopped, with_stale_socket, opened_to_others]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_run_goes_on_without_it_and_says_so_in_one_voice(run_of, fault):
    """All workers say the same, which ansible-core prints once."""
    run = run_of()
    run.write()
    assert run.read() == "v4lue-of-a"
    fault(run)
    answers = [answer for _round in range(2) for answer in run.workers(8, "ask", "a")]
    assert [answer["values"] for answer in answers] == [["v4lue-of-a"]] * 16
    assert {len(answer["warned"]) for answer in answers} == {1}
    assert len({answer["warned"][0] for answer in answers}) == 1
    assert answers[0]["warned"][0].startswith(WITHOUT)


def test_a_session_that_hangs_is_waited_for_once(run_of):
    """Those who ask later find the mark, and wait for nothing."""
    run = run_of()
    run.write()
    run.read()
    stopped(run)
    run.workers(8, "ask", "a")
    assert (run.directory() / "gone").read_text() == "it hangs, or was stopped"
    run.itself("refuse_to_connect")
    assert run.read() == "v4lue-of-a"


def test_a_session_that_is_stopped_in_the_middle_of_a_request(run_of):
    run = run_of()
    run.write()
    run.write("b", "v4lue-of-b")
    run.session()
    answer = run.worker("hold_and_ask", "b", int(signal.SIGSTOP))
    assert answer["values"] == ["v4lue-of-b"]
    assert answer["warned"][0].startswith(WITHOUT)


def test_a_session_that_goes_on_after_it_was_given_up_ends(run_of):
    """It performs nothing that its run has given up, gives back what it holds, and stays given up for the run."""
    run = run_of()
    run.write()
    session = run.session()
    os.kill(session, signal.SIGSTOP)
    lost = run.worker("perform", "credential", name="a", value="another", state="present")
    assert lost["unknown"] is True
    os.kill(session, signal.SIGCONT)
    eventually(lambda: not (run.directory() / "s").exists(), "it goes on serving")
    answer = run.worker("ask", "a")
    assert answer["values"] == ["v4lue-of-a"]
    assert answer["warned"][0].startswith(WITHOUT)


def test_a_write_whose_answer_is_lost_is_not_repeated(run_of):
    run = run_of()
    run.write()
    os.kill(run.session(), signal.SIGSTOP)
    lost = run.worker("perform", "credential", name="a", value="another", state="present")
    assert "may have been carried out" in lost["error"]
    assert "credential 'a'" in lost["error"]
    assert run.read() == "v4lue-of-a"
    assert run.write(value="another")["changed"]


def test_a_run_whose_socket_is_removed_goes_on(run_of):
    """With another session where the first has noticed that nobody reaches it, which takes it a second; else without one."""
    run = run_of()
    run.write()
    run.read()
    without_socket(run)
    answers = [answer for _round in range(2) for answer in run.workers(8, "ask", "a")]
    assert [answer["values"] for answer in answers] == [["v4lue-of-a"]] * 16
    assert len({tuple(answer["warned"]) for answer in answers}) == 1


@pytest.mark.parametrize("operation", ["credential_info", "find"])
def test_a_read_whose_answer_is_lost_is_repeated(run_of, operation):
    run = run_of()
    run.write()
    os.kill(run.session(), signal.SIGSTOP)
    found = run.worker("perform", operation, **({"name": "a"} if operation == "credential_info" else {}))
    assert found["error"] is None
    assert found["warned"][0].startswith(WITHOUT)


def test_a_run_whose_directory_is_removed_gets_another_session(run_of):
    """The one that nobody reaches any more ends by itself, and does not take the new one's directory along."""
    run = run_of()
    run.write()
    old = run.session()
    without_directory(run)
    assert run.read() == "v4lue-of-a"
    assert run.session() != old
    eventually(lambda: not is_alive(old), "the old one stays")
    assert run.worker("ask", "a")["warned"] == []
    assert (run.directory() / "s").exists()


def link(path):
    path.with_suffix(".real").mkdir(mode=0o700)
    path.symlink_to(path.with_suffix(".real"))


def open_to_others(path):
    path.mkdir(mode=0o755)
    path.chmod(0o755)


def a_file(path):
    path.touch()


def of_another_user(path):
    if os.geteuid():
        cannot_run("only root can give a directory away")
    path.mkdir(mode=0o700)
    os.chown(path, 65534, 65534)


def locked_by_a_link(path):
    path.mkdir(mode=0o700)
    (path / "lock").symlink_to("/dev/null")


@pytest.mark.parametrize("prepare", [link, open_to_others, a_file, of_another_user, locked_by_a_link], ids=lambda each: each.__name__)
def test_a_place_that_a_stranger_has_prepared_is_not_used(run_of, base, prepare):
    run = run_of(TMPDIR=str(base))
    prepare(Path(run.itself("where")))
    answers = run.workers(4, "perform", "credential", name="a", value="v4lue-of-a", state="present")
    assert {answer["error"] for answer in answers} == {None}
    assert {answer["warned"][0][: len(WITHOUT)] for answer in answers} == {WITHOUT}
    assert len({answer["warned"][0] for answer in answers}) == 1
    assert run.worker("ask", "a")["values"] == ["v4lue-of-a"]
    path = run.directory()
    path.unlink() if path.is_symlink() or path.is_file() else shutil.rmtree(path)


def test_a_program_that_does_not_start_is_tried_once(run_of):
    run = run_of()
    answers = run.workers(6, "without_an_interpreter", "perform", "credential", name="a", value="v4lue", state="present")
    assert {answer["error"] for answer in answers} == {None}
    assert len({answer["warned"][0] for answer in answers}) == 1
    assert "it did not start" in answers[0]["warned"][0]
    assert run.worker("ask", "a")["values"] == ["v4lue"]


def test_the_right_answer_of_the_right_store_after_every_fault(run_of):
    """Two stores with the same name and other logins: neither a session nor the lack of one mixes them up."""
    run = run_of()
    stores = [{"backend": "local", "path": str(Path.home() / each)} for each in ("one", "two")]
    for number, store in enumerate(stores):
        run.write(value="value-{0}".format(number), store=store)
    for fault in (None, killed):
        if fault is not None:
            fault(run)
        answers = [answer for store in stores * 2 for answer in run.workers(3, "ask", "a", store=store)]
        values = [answer["values"] for answer in answers]
        assert values == ([["value-0"]] * 3 + [["value-1"]] * 3) * 2


def test_a_file_system_that_cannot_be_written_is_done_without(run_of):
    run = run_of()
    answers = run.workers(4, "on_read_only_files", "perform", "find")
    assert {answer["error"] for answer in answers} == {None}
    assert len({answer["warned"][0] for answer in answers}) == 1
    assert "cannot be made (Read-only file system)" in answers[0]["warned"][0]


@pytest.mark.parametrize(("call", "reason"), [("flock", "not supported"), ("unix sockets", "Address family not supported by protocol")])
@pytest.mark.parametrize("begins", ["ask", "perform"])
def test_a_system_without_what_a_session_needs_is_done_without(run_of, call, reason, begins):
    """A file system without locks, a sandbox without sockets. The run says why, also if nobody waited for the start."""
    if not is_known(call):
        cannot_run("the number of this system call is not known here")
    run = run_of()
    first = run.worker(
        "without_call", call, begins, *(["a"] if begins == "ask" else ["find"]), **({"default": "x"} if begins == "ask" else {})
    )
    answers = [first, *run.workers(3, "without_call", call, "ask", "a", default="x")]
    assert {answer["error"] for answer in answers} == {None}
    assert [answer["values"] for answer in answers[1:]] == [["x"]] * 3
    for answer in answers:
        assert answer["warned"][0].startswith(WITHOUT)
        assert reason in answer["warned"][0]
    assert len({answer["warned"][0] for answer in answers}) == 1


def processes_of(run):
    """The controller, its workers, and its session."""
    children = Path("/proc/{0}/task/{0}/children".format(run.pid)).read_text().split()
    return [run.pid, *map(int, children), *run.met]


def test_a_freeze_of_the_whole_run_is_no_silence(run_of):
    """As `docker pause` does it, in the middle of a write and of a read, for longer than a session may be silent."""
    run = run_of()
    run.write("a")
    run.read("a")
    run.session()
    sockets = "{0}/n".format(run.directory())  # the name that the session's socket had when it was made
    locks = Path.home() / ".nebula" / "credentials" / ".nebula" / "locks"
    with ExitStack() as held:
        for path in locks.iterdir():
            fcntl.flock(held.enter_context(open(path, "r+")), fcntl.LOCK_EX)
        run.send("perform", "credential", name="a", value="v4lue", state="present", workers=2)
        eventually(lambda: len(processes_of(run)) == 4, "the workers do not begin")
        eventually(lambda: Path("/proc/net/unix").read_text().count(sockets) == 3, "they do not ask")
        frozen = processes_of(run)
        for process in frozen:
            os.kill(process, signal.SIGSTOP)
        time.sleep(HEARTBEAT_TIMEOUT + 1.5)
        for process in frozen:  # the session last
            os.kill(process, signal.SIGCONT)
    answers = run.answer()
    assert [(answer["error"], answer["warned"]) for answer in answers] == [(None, [])] * 2
    assert run.worker("ask", "a")["values"] == ["v4lue"]
    assert run.session() == max(run.met)


PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - {name: made, nebula.credential.credential: {name: a, value: v4lue-of-a}, run_once: true}
    - {name: read, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'a') == 'v4lue-of-a'"}}
    - {name: end it, ansible.builtin.command: "SCRIPT BASE", run_once: true}
    - {name: again, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'a') == 'v4lue-of-a'"}}
    - {name: once more, ansible.builtin.assert: {that: "lookup('nebula.credential.get_many', 'a') == {'a': 'v4lue-of-a'}"}}
"""
ENDS = """#!{0}
import os, pathlib, signal, sys
for process in filter(str.isdigit, os.listdir("/proc")):
    try:
        held = [os.readlink(each) for each in pathlib.Path("/proc", process, "fd").iterdir()]
    except OSError:
        continue
    if any(each.startswith(sys.argv[1] + "/nebula-") for each in held):
        os.kill(int(process), signal.SIGKILL)
"""


def test_a_play_whose_session_is_killed_is_told_once(project, base):
    """However many hosts, tasks and forks notice."""
    script = project.write("ends", ENDS.format(sys.executable))
    script.chmod(0o700)
    hosts = "".join("h{0} ansible_connection=local ansible_python_interpreter={1}\n".format(each, sys.executable) for each in range(5))
    project.write("hosts.ini", hosts)
    project.write("site.yml", PLAY.replace("SCRIPT", str(script)).replace("BASE", str(base)))
    surroundings = {"NEBULA_CREDENTIAL_SESSION": "true", "XDG_RUNTIME_DIR": str(base)}
    run = project.run("ansible-playbook", "-f", "5", "-i", "hosts.ini", "site.yml", **surroundings).succeeded()
    assert run.output.count(WITHOUT) == 1
    assert [each.name for each in base.glob("*/gone")] == ["gone"], "it was the session of this run"
