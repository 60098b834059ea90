# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers for those who cannot hold a context manager, playbooks for one.

`start` leaves a keeper process behind, which starts the server, describes it in a 0600 JSON file and ends it when told
to by `stop`, or when the run that asked for it (the outermost ansible or molecule process above it) is gone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, List, Optional, Sequence

CHECKOUT = Path(__file__).resolve().parents[2]
READY = "ready in {started_in} s on {host}:{port}, version {version}"
Running = Callable[[], ContextManager[Any]]


def main(module: str, running: Running, arguments: Optional[Sequence[str]] = None, *, ready: str = READY) -> int:
    """Run the command line of one server's module. `ready` says, with what describes it, that it has started."""
    parser = argparse.ArgumentParser(prog="python -m {0}".format(module))
    parser.add_argument("action", choices=["start", "stop", "keep"])
    parser.add_argument("--state", required=True, type=Path, help="the JSON file that describes the server (0600)")
    parser.add_argument("--owner", type=int, default=0, help="end the server when this process is gone (default: the ansible run)")
    chosen = parser.parse_args(arguments)
    if chosen.action == "start":
        return _start(module, chosen.state, chosen.owner or _run_above(), ready)
    if chosen.action == "stop":
        return _stop(chosen.state)
    return _keep(running, chosen.state, chosen.owner)


def _start(module: str, state: Path, owner: int, ready: str) -> int:
    """Leave a keeper behind and wait until it has written the state, or has failed."""
    command = [sys.executable, "-m", module, "keep", "--state", str(state), "--owner", str(owner)]
    failure = state.with_suffix(".failed")
    with failure.open("wb") as complaints:
        kept = subprocess.Popen(
            command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=complaints, stderr=complaints, start_new_session=True
        )
    while not state.exists():
        if kept.poll() is not None:
            print(failure.read_text(encoding="utf-8", errors="replace").strip(), file=sys.stderr)
            return 1
        time.sleep(0.05)
    failure.unlink(missing_ok=True)
    told = json.loads(state.read_text(encoding="utf-8"))
    print(ready.format(**told))
    return 0


def _keep(running: Running, state: Path, owner: int) -> int:
    stopped = _signals_as_a_pipe()
    from tests.servers.processes import ServerUnavailable

    try:
        with running() as server:
            _write_state(state, dict(server.described(), keeper=os.getpid()))
            try:
                _wait(stopped, owner)
            finally:
                state.unlink(missing_ok=True)
    except ServerUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _signals_as_a_pipe() -> int:
    """A descriptor that turns readable when this process is asked to end."""
    reading, writing = os.pipe()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: os.write(writing, b"."))
    return reading


def _wait(stopped: int, owner: int) -> None:
    """Return when asked to end or when the owner is gone."""
    watched: List[int] = [stopped]
    if owner:
        try:
            watched.append(os.pidfd_open(owner))
        except ProcessLookupError:
            return
        except (AttributeError, OSError):
            pass  # No pidfd here: only `stop` ends it.
    select.select(watched, [], [])


def _write_state(state: Path, content: Dict[str, Any]) -> None:
    temporary = state.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as written:
        json.dump(content, written)
    temporary.rename(state)


def _stop(state: Path) -> int:
    """Ask the keeper to end and wait until it has. Having none is fine."""
    try:
        keeper = int(json.loads(state.read_text(encoding="utf-8"))["keeper"])
    except FileNotFoundError:
        return 0
    with contextlib.suppress(ProcessLookupError):
        os.kill(keeper, signal.SIGTERM)
        while _alive(keeper):
            time.sleep(0.05)
    return 0


def _alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be reaped does not."""
    try:
        return Path("/proc/{0}/stat".format(pid)).read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _run_above() -> int:
    """The outermost process above this one that is a run of ansible or molecule, else 0."""
    found, pid = 0, os.getppid()
    while pid > 1:
        try:
            words = Path("/proc/{0}/cmdline".format(pid)).read_bytes().split(b"\0")[:3]
            stat = Path("/proc/{0}/stat".format(pid)).read_text(encoding="ascii", errors="replace")
        except OSError:
            break
        if any(os.path.basename(word).startswith((b"ansible", b"molecule")) for word in words):
            found = pid
        pid = int(stat.rpartition(")")[2].split()[1])
    return found


if __name__ == "__main__":
    sys.exit("Run the module of a server, for example: python -m tests.servers.postgresql start --state FILE")
