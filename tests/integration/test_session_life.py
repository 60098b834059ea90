# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a session begins, and when it ends: once a run, with the run, and nothing of it is left (J1)."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.session_runs import eventually, is_alive
from tests.integration.sessions import directories


def test_a_hundred_workers_that_start_at_once_make_one_session(run_of):
    run = run_of()
    run.itself("perform", "credential", name="a", value="v4lue", state="present", store={"backend": "memory"})
    session = run.session()
    os.kill(session, signal.SIGTERM)
    eventually(lambda: not directories(run.pid), "it stays")
    answers = run.workers(100, "ask", "absent", default="none")
    assert [answer["values"] for answer in answers] == [["none"]] * 100
    assert len(directories(run.pid)) == 1
    run.session()
    assert sessions_of(run) == run.met - {session}


def sessions_of(run):
    """Every process that serves this run: they hold its directory's lock open."""
    found = set()
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            held = {os.readlink(each) for each in Path("/proc", process, "fd").iterdir()}
        except OSError:
            continue
        if int(process) != run.pid and any("nebula-{0}-{1}-".format(os.geteuid(), run.pid) in each for each in held):
            found.add(int(process))
    return found


def test_an_orphan_of_a_run_that_was_killed_starts_no_session(run_of, tmp_path):
    """Its controller was killed before the session began; it goes on without one, and leaves nothing."""
    run = run_of()
    result = tmp_path / "result"
    run.send("orphaned", str(result), "count_programs", "perform", "credential", name="a", value="v4lue", state="present", workers=1)
    eventually(result.exists, "the orphan comes to no end")
    found = json.loads(result.read_text())
    assert (found["error"], found["result"]["changed"]) == (None, True)
    assert "has ended" in found["warned"][0]
    assert found["started"] == []
    assert directories(run.pid) == []


def test_an_orphan_whose_session_ends_starts_no_other(run_of, tmp_path):
    """It has asked before, so that it knows where the session was."""
    run = run_of()
    run.write()
    result = tmp_path / "result"
    run.send("orphaned", str(result), "count_programs", "ask", "a", workers=1)
    eventually(result.exists, "the orphan comes to no end")
    assert json.loads(result.read_text())["values"] == ["v4lue-of-a"]
    assert json.loads(result.read_text())["started"] == []
    eventually(run.is_over, "something of the session is left")


def test_two_runs_never_share_a_session(run_of):
    one, other = run_of(), run_of()
    one.write()
    assert (one.read(), other.read()) == ("v4lue-of-a", "v4lue-of-a")
    assert one.session() != other.session()
    assert one.directory() != other.directory()


def test_runs_in_other_environments_have_sessions_of_their_own(run_of):
    """What stores are made of may be in the environment, and a session has it as it was at its start."""
    run = run_of()
    run.write()
    here = run.directory()
    assert run.itself("with_environment", "where", VAULT_TOKEN="another") != str(here)
    assert run.itself("with_environment", "where", UNRELATED="another") == str(here)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_session_ends_with_its_controller_however_that_ends(run_of, number):
    run = run_of()
    run.write()
    session = run.session()
    run.process.send_signal(number)
    run.process.wait()
    eventually(run.is_over, "the session outlives its run")
    assert not is_alive(session)


def test_a_session_ends_with_its_run_and_leaves_nothing(run_of):
    run = run_of()
    run.write()
    run.session()
    run.end()
    eventually(run.is_over, "the session outlives its run")


def test_a_session_that_nobody_asks_ends_and_another_one_follows(run_of):
    run = run_of(TEST_SESSION=json.dumps({"enabled": True, "idle": 1}))
    run.write()
    first = run.session()
    eventually(lambda: not is_alive(first) and not directories(run.pid), "it does not end")
    run.write("b")
    assert run.session() != first
    assert (run.read("a"), run.read("b")) == ("v4lue-of-a", "v4lue-of-a")


def test_a_session_that_holds_what_would_be_lost_stays(run_of):
    """A store in memory is the session's own, as leases are."""
    run = run_of(TEST_SESSION=json.dumps({"enabled": True, "idle": 1}))
    run.write(store={"backend": "memory"})
    session = run.session()
    other = run_of(TEST_SESSION=json.dumps({"enabled": True, "idle": 1}))
    other.write()
    ends = other.session()
    eventually(lambda: not is_alive(ends), "the other one, which is no older, does not end")
    eventually(lambda: not directories(other.pid), "nor does its directory")
    assert is_alive(session)


def test_what_dead_runs_left_is_swept_and_nothing_else(run_of):
    killed = run_of()
    killed.write()
    session, left = killed.session(), killed.directory()
    os.kill(session, signal.SIGKILL)
    eventually(lambda: not is_alive(session), "it lives")
    living = run_of()
    living.write()
    living.session()
    run_of().write("b")
    assert left.exists(), "its run lives and may have given it up"
    killed.process.kill()
    killed.process.wait()
    others = Path("/tmp/nebula-{0}-{1}-1-of-another".format(os.geteuid() + 1, killed.pid))
    others.mkdir(mode=0o700)
    try:
        run_of().write("c")
        assert (left.exists(), living.directory().exists(), others.exists()) == (False, True, True)
    finally:
        others.rmdir()


def test_a_directory_whose_session_lives_is_not_swept(run_of, base):
    """Its run may be out of sight: in another container that shares the directory."""
    left = base / "nebula-{0}-{1}-1-of-another".format(os.geteuid(), dead_process())
    left.mkdir(mode=0o700)
    with open(left / "begun", "w") as begun:
        fcntl.flock(begun, fcntl.LOCK_EX)
        run_of(TMPDIR=str(base)).write("b")
        assert left.exists()
    run_of(TMPDIR=str(base)).write("c")
    assert not left.exists()


def dead_process():
    """The number of a process that was."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_the_killed_starter_of_a_session_leaves_the_start_to_it(run_of):
    """The lock of the start is held until the session listens, also when who started it is no more."""
    run = run_of()
    run.itself("perform", "credential", name="a", value="v4lue", state="present")
    os.kill(run.session(), signal.SIGTERM)
    eventually(lambda: not directories(run.pid), "it stays")
    run.itself("die_while_starting", "a")
    assert [answer["values"] for answer in run.workers(5, "ask", "a")] == [["v4lue"]] * 5
    run.session()


@pytest.mark.parametrize("variable", ["XDG_RUNTIME_DIR", "TMPDIR"])
def test_the_directory_is_where_the_environment_says(run_of, base, variable):
    run = run_of(**{variable: str(base)})
    run.write()
    assert run.read() == "v4lue-of-a"
    assert run.directory().parent == base
    run.session()
    run.end()
    eventually(lambda: not list(base.iterdir()), "something is left")


@pytest.mark.parametrize("flaw", ["missing", "open to others", "too long", "a link", "not absolute"])
def test_a_runtime_directory_that_does_not_serve_is_left_alone(run_of, tmp_path, flaw):
    base = tmp_path / ("r" * 80 if flaw == "too long" else "r")
    if flaw == "a link":
        base.symlink_to(tmp_path)
    elif flaw != "missing":
        base.mkdir(mode=0o755 if flaw == "open to others" else 0o700)
    run = run_of(XDG_RUNTIME_DIR="r" if flaw == "not absolute" else str(base))
    run.write()
    assert run.read() == "v4lue-of-a"
    assert run.directory().parent == Path("/tmp")
    assert run.session()
