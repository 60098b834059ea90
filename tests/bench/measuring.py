# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measuring: times of many calls, memory of a process of its own, and how a figure is printed."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterable, List, Sequence

from tests.integration.session_peak import find_session, peak

HEADER = "{0:<58} {1:>14} {2:>14}".format("", "measured", "goal")


@dataclass(frozen=True)
class Times:
    """Seconds of many calls."""

    seconds: List[float]

    def at(self, percent: float) -> float:
        """The time that `percent` of the calls did not exceed."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]

    @property
    def a_second(self) -> float:
        """Calls a second, one after the other."""
        return len(self.seconds) / sum(self.seconds)

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.seconds)


def timed(call: Callable[[Any], Any], arguments: Iterable[Any]) -> Times:
    """Call once for each argument."""
    seconds = []
    for argument in arguments:
        began = time.perf_counter()
        call(argument)
        seconds.append(time.perf_counter() - began)
    return Times(seconds)


def once(call: Callable[[], Any]) -> float:
    """Seconds of one call."""
    return timed(lambda _nothing: call(), [None]).seconds[0]


@dataclass(frozen=True)
class Used:
    """What a command used: seconds, the memory (MiB) of the largest of its processes, and of its session; 0 if it has none."""

    seconds: float
    process: float
    session: float


def run_measured(command: Sequence[str], directory: Path) -> Used:
    """Run a command in a directory. Raises CalledProcessError if it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    session = 0.0
    while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
        with contextlib.suppress(OSError, LookupError, StopIteration):  # it has not begun, or has ended
            session = max(session, peak(find_session([process.pid])[0]))
        time.sleep(0.2)
    _pid, status, usage = ended
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command))
    return Used(seconds, usage.ru_maxrss / 1024, session)


def print_memory(what: str, used: Used) -> None:
    """Print the two figures of memory."""
    figure(what + ": memory of the largest process, MiB", "{0:.0f}".format(used.process))
    figure(what + ": memory of the session, MiB", "{0:.0f}".format(used.session))


def title(text: str) -> None:
    """Print a heading."""
    print("\n{0}\n{1}".format(HEADER.replace(" " * len(text), text, 1), "-" * len(HEADER)))


def figure(what: str, measured: str, goal: str = "") -> None:
    """Print one line."""
    print("{0:<58} {1:>14} {2:>14}".format(what, measured, goal), flush=True)


def milliseconds(seconds: float) -> str:
    """As people read it."""
    return "{0:.3f} ms".format(seconds * 1000)


def ratio(ours: float, theirs: float) -> str:
    """How many times theirs ours is."""
    return "{0:.2f} x".format(ours / theirs)
