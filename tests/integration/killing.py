# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes that die by `kill -9`: at a random moment, or before a chosen system call that touches files."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import Any, Callable

PROFILE = os.environ.get("NEBULA_TEST_PROFILE", "fast")
RUNS = int(os.environ.get("NEBULA_CRASH_RUNS", "1000" if PROFILE == "long" else "30"))
SYSTEM_CALLS = ("open", "write", "fsync", "fdatasync", "rename", "link", "unlink", "mkdir", "rmdir", "listdir", "close")


def killed_at_random(seed: int, work: Callable[[int], Any], lines: int = 12) -> list[str]:
    """Run `work`, which goes on without end and tells its steps to a descriptor, in a process of its own; kill it.

    It dies up to 4 ms after it has told 1 to `lines` lines. Returns all that it told.
    """
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        try:
            work(write_end)
        finally:
            os._exit(1)
    os.close(write_end)
    choice = random.Random(-seed - 1)
    said = b""
    while said.count(b"\n") < choice.randint(1, lines):
        said += os.read(read_end, 4096)
    until = time.perf_counter() + choice.random() * 0.004
    while time.perf_counter() < until:
        pass
    os.kill(pid, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    while piece := os.read(read_end, 65536):
        said += piece
    os.close(read_end)
    return said.decode().splitlines()


def die_at(count: int) -> None:
    """Kill this process before its system call number `count` that touches files."""
    seen = 0

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return step

    for name in SYSTEM_CALLS:
        setattr(os, name, watched(getattr(os, name)))


def survives(count: int, prepare: Callable[[], Any], work: Callable[[Any], Any]) -> bool:
    """Do `work` on what `prepare` gives in a process that dies at its system call number `count`. Tells whether it came to its end."""
    pid = os.fork()
    if pid == 0:
        try:
            prepared = prepare()
            die_at(count)
            work(prepared)
            os._exit(0)
        finally:
            os._exit(1)
    outcome = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert outcome in {0, -signal.SIGKILL}
    return outcome == 0
