# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measuring: times of many calls, memory of a process of its own, and how a figure is printed."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterable, List

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
