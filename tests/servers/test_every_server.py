# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for each server of tests/servers. What is special about PostgreSQL's is in test_servers.py."""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, PROFILE, cannot_run
from tests.servers import once, processes
from tests.servers.processes import ServerUnavailable

LISTENS = "0A"
"""The state of a listening socket in /proc/net/tcp."""
LOOPBACK_6 = {"0" * 24 + "01000000", "0" * 16 + "FFFF0000" + "0100007F"}
"""::1 and ::ffff:127.0.0.1, as /proc/net/tcp6 writes them."""
TOLD = {"host", "port", "version", "started_in", "log"}
pytestmark = pytest.mark.server


@contextlib.contextmanager
def running(kind):
    """The server, or the end of the test where it cannot be had."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(importlib.import_module("tests.servers." + kind).running())
        except ServerUnavailable as error:
            cannot_run(str(error))
        yield server


def answers(told):
    with socket.socket() as probe:
        return probe.connect_ex((told["host"], told["port"])) == 0


def users_of(directory):
    """The processes that work in a server's directory or were given it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                inside = os.readlink(entry / "cwd").startswith(str(directory))
                if inside or str(directory).encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


def find_sockets(pids):
    """The inodes of the sockets that these processes have open."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for opened in Path("/proc", str(pid), "fd").iterdir():
                with contextlib.suppress(OSError):
                    found.add(os.readlink(opened))
    return found


def list_open_ports(pids):
    """What others can reach: the address and port, as /proc/net writes them, where one of them listens outside the loopback addresses."""
    own, found = find_sockets(pids), []
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text(encoding="ascii").splitlines()[1:]:
            local, state, inode = line.split()[1], line.split()[3], line.split()[9]
            address = local.partition(":")[0]
            is_loopback = address.endswith("7F") if table == "tcp" else address in LOOPBACK_6
            if state == LISTENS and "socket:[{0}]".format(inode) in own and not is_loopback:
                found.append(local)
    return found


def emptied(directory):
    """Whether nobody uses the directory any more, within a minute."""
    deadline = time.monotonic() + 60
    while users_of(directory) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not users_of(directory)


STARTED_AGAIN = pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in ("openbao", "postgresql") else pytest.mark.long) for kind in once.KINDS], indirect=True
)
"""For what starts one of its own. All are started alike, so the fast profile has one that writes to memory and one that writes files."""


@pytest.fixture(params=[kind for kind in once.KINDS if PROFILE == "long" or not once.starts_slowly(kind)])
def kind(request):
    return request.param


@dataclass(frozen=True)
class Seen:
    """A server as a test that uses it and fails sees it, and what is left of it."""

    told: dict
    answered: bool
    processes: list
    open_ports: list
    shown: list
    is_gone: bool
    kept: list


@functools.lru_cache(maxsize=None)
def use_and_fail(kind):
    """Look at a server, once for all tests that only look, and fail."""
    seen = {}
    with tempfile.TemporaryDirectory() as kept, pytest.MonkeyPatch.context() as changed:
        changed.setattr(processes, "KEPT_LOGS", Path(kept, "kept"))
        with contextlib.suppress(ZeroDivisionError), running(kind) as server:
            told = server.described()
            directory = Path(told["log"]).parent
            users = users_of(directory)
            parts = [Path("/proc", str(pid), part).read_bytes() for pid in users for part in ("cmdline", "environ")]
            seen = {"told": told, "answered": answers(told), "processes": users, "shown": [*parts, repr(server).encode()]}
            seen["open_ports"] = list_open_ports(users)
            raise ZeroDivisionError
        is_gone = emptied(directory) and not answers(told) and not directory.exists()
        return Seen(**seen, is_gone=is_gone, kept=[log.name for log in Path(kept, "kept").glob("*.log")])


def test_it_answers_and_says_what_it_is(kind):
    seen = use_and_fail(kind)
    assert set(seen.told) >= TOLD
    assert json.loads(json.dumps(seen.told)) == seen.told
    assert seen.answered


def test_no_other_machine_reaches_it(kind):
    seen = use_and_fail(kind)
    assert seen.processes
    assert seen.open_ports == []


def test_its_secrets_are_neither_arguments_nor_variables_nor_in_its_repr(kind):
    seen = use_and_fail(kind)
    words = ("password", "token", "secret_id", "key")
    secrets = [str(value) for name, value in seen.told.items() if any(word in name for word in words)]
    secrets = [secret for secret in secrets if not secret.startswith("/")]
    assert secrets
    assert [secret for secret in secrets if any(secret.encode() in content for content in seen.shown)] == []


def test_it_is_gone_and_its_log_kept_after_a_failure(kind):
    seen = use_and_fail(kind)
    assert seen.is_gone
    assert seen.kept


@STARTED_AGAIN
def test_it_dies_with_a_killed_test_run(kind):
    """The kernel ends it when the process that holds it is killed without a chance to clean up."""
    script = """
import sys
from tests.servers import {0} as module
with module.running() as server:
    print(server.described()["log"], flush=True)
    sys.stdin.read()
""".format(kind)
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as holder:
        told = holder.stdout.readline().decode().strip()
        if not told:
            cannot_run(holder.stderr.read().decode())
        directory = Path(told).parent
        assert users_of(directory)
        holder.send_signal(signal.SIGKILL)
    try:
        assert emptied(directory)
    finally:
        subprocess.run(["rm", "-rf", str(directory)], check=True)


def test_it_dies_with_a_killed_run_that_a_script_had_in_the_background(tmp_path):
    """Such a run ignores SIGQUIT and may block it, and what it starts inherits that."""
    script = """
import signal, sys
from pathlib import Path
from tests.servers import processes
signal.signal(signal.SIGQUIT, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGQUIT])
directory = Path(sys.argv[1])
processes.start(["sleep", "60"], account=processes.Account(), log=directory / "server.log", directory=directory)
print("started", flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"started\n"
        holder.send_signal(signal.SIGKILL)
    assert emptied(tmp_path)


@STARTED_AGAIN
def test_it_can_be_kept_for_a_playbook_and_stopped(kind, tmp_path):
    """The state file is private, describes the server, and goes with it; the start tells how long it took, and where."""
    state = tmp_path / "server.json"
    command = [sys.executable, "-m", "tests.servers." + kind]
    started = subprocess.run(
        [*command, "start", "--state", str(state), "--owner", str(os.getpid())], cwd=CHECKOUT, check=False, capture_output=True
    )
    if started.returncode:
        cannot_run(started.stderr.decode())
    told = json.loads(state.read_text(encoding="utf-8"))
    assert state.stat().st_mode & 0o777 == 0o600
    assert answers(told)
    assert "ready in {started_in} s on {host}:{port}, version {version}".format(**told) in started.stdout.decode()
    subprocess.run([*command, "stop", "--state", str(state)], cwd=CHECKOUT, check=True)
    assert emptied(Path(told["log"]).parent)
    assert not answers(told)
    assert not Path(told["log"]).parent.exists()
    assert not state.exists()
