# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets nothing from a session, and what is nowhere to be found of it (J1, E3)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS, read_traits
from tests.conftest import cannot_run
from tests.integration.session_runs import eventually, is_alive
from tests.servers.processes import unprivileged_account

CANARY = "c4nary-Zq8wT3"
NOBODY = 65534


@pytest.fixture
def root():
    """This process can be another user, as only root can."""
    if os.geteuid():
        cannot_run("only root can be another user")


@pytest.fixture
def run(run_of):
    """A run with a session that has read the canary."""
    run = run_of()
    run.write(value=CANARY)
    assert run.read() == CANARY
    run.session()
    return run


def knows(run, call="send", **more):
    """Whether a process of the run gets the canary by asking as the hit path does."""
    answer = run.worker(call, run.itself("question", "a"), **more)
    return answer is not None and CANARY in answer


def test_a_worker_is_answered_and_so_is_the_controller(run):
    assert knows(run)
    assert CANARY in run.itself("send", run.itself("question", "a"))


def test_what_a_worker_starts_is_not_answered(run):
    """A `shell:` task is a grandchild of the controller, or further away."""
    assert run.worker("from_shell", "a") in ("", None)
    assert knows(run)


@pytest.mark.usefixtures("root")
def test_another_user_does_not_get_as_far_as_the_socket(run):
    assert run.worker("send", run.itself("question", "a"), uid=NOBODY - 1) is None
    assert knows(run, uid=0)


@pytest.mark.usefixtures("root")
def test_a_worker_with_another_uid_is_refused_at_the_socket(run, base):
    """By the uid of the moment in which it connected, whoever's child it is."""
    base.chmod(0o755)
    assert run.itself("let_in", str(base), 0, 1) is True
    assert run.itself("let_in", str(base), NOBODY - 1, 1) is False


def test_a_grandchild_is_refused_at_the_socket(run, base):
    assert run.itself("let_in", str(base), os.geteuid(), 1) is True
    assert run.itself("let_in", str(base), os.geteuid(), 2) is False


@pytest.mark.usefixtures("root")
def test_the_session_of_another_user_is_told_nothing(run, base):
    """A worker looks at who listens before it says anything."""
    base.chmod(0o755)
    assert run.worker("exchange_with_stranger", str(base), NOBODY - 1) == {"error": "PermissionError", "heard": ""}
    assert run.worker("exchange_with_stranger", str(base), os.geteuid())["heard"] != ""


def test_the_overflow_uid_is_nobodys(run):
    """A container shows it for every user that it does not know, on both sides of a socket."""
    assert run.worker("with_overflow_uid") == [False, False]


BAD = {
    "nothing": "",
    "garbage": "\x00\xff\xfe garbage",
    "a list": "[1]",
    "a number": "1",
    "no question": "{}",
    "a question that is none": '{"question": {}}',
    "an operation without its parts": '{"operation": "get"}',
    "an operation that is none": '{"operation": [], "context": {}, "parameters": {}, "config": {}, "store": "x", "check_mode": false}',
    "a deep one": "[" * 3000,
    "a long deep one": "[" * 100000,
    "a wrong text": '{"question": "\xff"}',
    "something to forget that is none": '{"forget": 5}',
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_what_is_no_request_gets_nothing_and_harms_nobody(run, content):
    answer = run.itself("send", content)
    assert CANARY not in answer
    assert answer == "" or "error" in answer or "unknown" in answer
    assert knows(run)
    assert is_alive(max(run.met))


def test_a_huge_length_a_half_request_and_a_slow_one_are_dropped(run):
    """After a few seconds at the latest; meanwhile others are served."""
    assert run.itself("send", "x", length=2**32 - 1) == ""
    run.send("send", "half", length=100)
    run.answer()
    run.send("send", '{"question": "a question that is told so slowly"}', slowly=True)
    assert run.answer() == [""]
    assert knows(run)


def test_two_thousand_that_say_nothing_do_not_stop_others(run):
    """Nor does the session use more descriptors than the system gives it by default."""
    run.itself("allow_many_files")
    run.itself("crowd", 2000)
    answers = run.workers(10, "ask", "a")
    assert [answer["values"] for answer in answers] == [[CANARY]] * 10
    assert {len(answer["warned"]) for answer in answers} == {0}


def test_one_that_does_not_take_its_reply_does_not_stop_others(run):
    """A stopped worker with a large answer: the others do not wait for it."""
    run.write("large", value="x" * 4_000_000)
    run.read("large")
    run.itself("ask_and_take_nothing", "large")
    answers = run.workers(5, "ask", "a")
    assert [answer["values"] for answer in answers] == [[CANARY]] * 5


def test_nothing_of_a_value_is_in_a_file_an_argument_or_the_environment(run):
    session = max(run.met)
    for path in run.directory().iterdir():
        assert path.name in {"s", "lock", "begun"}
        assert path.name == "s" or path.read_bytes() == b""
    assert (run.directory().stat().st_mode & 0o777, (run.directory() / "s").stat().st_mode & 0o077) == (0o700, 0)
    here = Path("/proc", str(session))
    assert here.joinpath("cmdline").read_bytes().split(b"\0")[1:2] == [b"-I"]
    assert len(here.joinpath("cmdline").read_bytes().split(b"\0")) == 4
    theirs, its = (set(Path("/proc", str(each), "environ").read_bytes().split(b"\0")) for each in (run.pid, session))
    assert its <= theirs


def test_it_has_inherited_no_descriptor(run):
    """What it has open is its own: sockets, its directory, a pidfd, nothing of the run's."""
    held = {os.readlink(each) for each in Path("/proc", str(max(run.met)), "fd").iterdir()}
    kinds = {each.partition(":")[0] for each in held if not each.startswith(("/dev/null", str(run.directory())))}
    assert kinds <= {"socket", "pipe", "anon_inode"}
    theirs = {os.readlink(each) for each in Path("/proc", str(run.pid), "fd").iterdir()}
    assert held & theirs <= {"/dev/null", "anon_inode:[eventpoll]"}


def test_it_leaves_no_core_file(run):
    session = max(run.met)
    limits = Path("/proc", str(session), "limits").read_text()
    assert [line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core")] == [["0", "0"]]
    where = Path("/proc", str(session), "cwd").resolve()
    before = set(where.iterdir())
    os.kill(session, signal.SIGABRT)
    eventually(lambda: not is_alive(session), "it survives")
    assert set(where.iterdir()) == before
    assert run.read() == CANARY


HARDENED = """
import os, sys, time
sys.path.insert(0, {0!r})
import hardening
hardening.harden()
canary = "".join(["c4nary", "-in-", "memory"])
print(os.getpid(), flush=True)
time.sleep(60)
"""
PRYING = """
import os, sys
found = []
for name in ("mem", "environ", "maps", "fd/0", "cwd"):
    try:
        path = "/proc/{0}/{1}"
        os.readlink(path.format(sys.argv[1], name)) if name in ("fd/0", "cwd") else open(path.format(sys.argv[1], name), "rb").read(1)
        found.append(name)
    except PermissionError:
        pass
    except OSError:
        found.append(name)
print(",".join(found))
"""


@pytest.fixture
def interpreter():
    """A Python that a user without privileges may start."""
    found = [each for each in (sys.executable, "/usr/bin/python3") if starts(each)]
    if not found:
        cannot_run("no Python that an unprivileged user may start")
    return found[0]


def starts(program):
    """Whether a user without privileges may start it."""
    try:
        return not subprocess.run([program, "-c", "import ctypes"], cwd="/", check=False, **unprivileged_account().arguments()).returncode
    except OSError:
        return False


@pytest.mark.parametrize("hardened", [True, False])
def test_its_own_user_without_privileges_cannot_look_into_it(interpreter, collection_root, base, hardened):
    """Neither into its memory nor its environment, as it can into any other process of its own."""
    program = Path(collection_root, "ansible_collections/nebula/credential/plugins/plugin_utils/session/server/hardening.py")
    (base / "hardening.py").write_text(program.read_text() if hardened else "harden = int")
    base.chmod(0o755)
    account = unprivileged_account().arguments()
    code = HARDENED.format(str(base))
    with subprocess.Popen([interpreter, "-I", "-c", code], stdout=subprocess.PIPE, text=True, cwd="/", **account) as started:
        process = started.stdout.readline().strip()
        looked = subprocess.run(
            [interpreter, "-I", "-c", PRYING, process], stdout=subprocess.PIPE, text=True, check=True, cwd="/", **account
        ).stdout.strip()
        started.kill()
    assert looked == ("" if hardened else "mem,environ,maps,fd/0,cwd")


def test_it_is_not_dumpable(run):
    """proc(5): then the files of the process belong to root. Told by the kernel for root too, by the flag itself."""
    status = Path("/proc", str(max(run.met)), "coredump_filter").stat()
    assert status.st_uid == 0


def test_all_its_memory_is_locked_where_that_is_allowed(run):
    """Not under a limit, where later allocations would fail."""
    from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.hardening import may_lock_all

    status = Path("/proc", str(max(run.met)), "status").read_text()
    locked = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmLck:"))
    assert (locked > 0) == may_lock_all()


def test_a_worker_that_hits_loads_one_file_of_the_collection(run_of):
    """No cryptography, no SDK, no other file of ours: DESIGN section 5."""
    run = run_of()
    run.write(value=CANARY)
    run.read()
    answer = run.worker("ask", "a")
    assert answer["values"] == [CANARY]
    ours = [name for name in answer["loaded"] if name.startswith("ansible_collections.nebula.credential.plugins.")]
    foreign = {name.split(".")[0] for name in answer["loaded"]} - set(sys.stdlib_module_names) - {"ansible_collections"}
    assert [name.rpartition("plugins.")[2] for name in ours] == ["lookup", "lookup.get"]
    assert foreign == set()


@pytest.mark.parametrize(("operation", "values"), [("get", [CANARY]), ("get_many", [{"b": CANARY}])])
def test_so_does_one_who_asks_for_another_name_in_a_known_way(run_of, operation, values):
    """Only the first to ask with these options and variables says what they mean."""
    run = run_of()
    run.write(name="b", value=CANARY)
    run.write(name="a", value="v4lue")
    run.worker("ask", "a", operation=operation)
    answer = run.worker("ask", "b", operation=operation)
    assert answer["values"] == values
    ours = [name.rpartition("plugins.")[2] for name in answer["loaded"] if ".credential.plugins." in name]
    assert ours == ["lookup", "lookup.get", *(["lookup.get_many"] if operation == "get_many" else [])]


def test_a_miss_of_a_local_store_loads_no_sdk_into_the_session(run):
    mapped = Path("/proc", str(max(run.met)), "maps").read_text()
    libraries = {package.module.partition(".")[0] for backend in BACKENDS for package in read_traits(backend).packages}
    assert not {name for name in libraries if name in mapped}


def test_the_vault_password_is_asked_back_and_never_kept_in_a_file(run_of, base):
    """Only the run has it. The store is opened with it in the session."""
    run = run_of()
    store = {"backend": "local", "path": str(base / "store"), "key_sources": [{"source": "ansible_vault"}]}
    run.itself("know_vault_password", "vault-" + CANARY)
    run.write(value=CANARY, store=store)
    assert json.loads(json.dumps(run.worker("ask", "a", store=store)))["values"] == [CANARY]
    assert run.worker("ask", "a", store=store)["loaded"][-1:] != []
    run.session()
    other = run_of()
    failed = other.worker("ask", "a", store=store)
    assert failed["values"] is None
    assert CANARY not in failed["error"]
