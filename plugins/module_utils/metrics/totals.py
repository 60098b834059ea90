# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The numbers of a store: the operations on its backend, how they ended and how long they took (A13). They hold no credential's name."""

from __future__ import annotations

from bisect import bisect_left
from copy import deepcopy
from typing import Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import CLOSED

OK = "ok"
ANSWERS = frozenset((OK, "not_found", "conflict"))
"""Results that are a normal response. Every other one is an error."""

BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds (inclusive) of the buckets of a duration, in seconds. One more bucket holds longer durations."""

WINDOW = 900
"""Seconds. "Recent" means this window and the one before."""


class Timing:
    """Durations: their number, their sum in seconds, and the number in each bucket."""

    __slots__ = ("buckets", "count", "seconds")

    def __init__(self, count: int = 0, seconds: float = 0.0, buckets: Optional[List[int]] = None) -> None:
        """Start with nothing, or with measured numbers."""
        self.count = count
        self.seconds = seconds
        self.buckets = [0] * (len(BOUNDS) + 1) if buckets is None else buckets

    def took(self, seconds: float) -> None:
        """Count one duration."""
        self.count += 1
        self.seconds += seconds
        self.buckets[bisect_left(BOUNDS, seconds)] += 1

    def add(self, other: Timing) -> None:
        """Add all durations of `other`."""
        self.count += other.count
        self.seconds += other.seconds
        self.buckets = [mine + theirs for mine, theirs in zip(self.buckets, other.buckets)]


class Breaker(NamedTuple):
    """The state of the circuit breaker, when it changed to it, and when it last opened (seconds since the epoch)."""

    state: str
    changed_at: float
    opened_at: float


class Recent(NamedTuple):
    """The number of operations and retries in a period."""

    operations: int = 0
    retries: int = 0

    def plus(self, other: Recent) -> Recent:
        """Return the sum of both."""
        return Recent(self.operations + other.operations, self.retries + other.retries)


class Totals:
    """Numbers that can be added. What was never counted is absent, never zero.

    Attributes:
        since: when counting began, in seconds since the epoch.
        operations: how often each operation ended with each result (`ok`, or the code of an error).
        timings: how long each operation took, its retries included.
        retries: how often each operation was repeated.
        breaker: the last change of the circuit breaker; None if there was none.
        opened: how often the breaker opened.
        hits, misses: of the cache; None if there is no cache.
        windows: operations and retries by window (number of `WINDOW` seconds since the epoch), for the last two windows.
    """

    def __init__(self, since: float) -> None:
        """Begin to count."""
        self.since = since
        self.operations: Dict[Tuple[str, str], int] = {}
        self.timings: Dict[str, Timing] = {}
        self.retries: Dict[str, int] = {}
        self.breaker: Optional[Breaker] = None
        self.opened = 0
        self.hits: Optional[int] = None
        self.misses: Optional[int] = None
        self.windows: Dict[int, Recent] = {}

    def is_empty(self) -> bool:
        """Return True if nothing was counted."""
        return not (self.operations or self.retries or self.breaker or self.hits or self.misses)

    def copy(self) -> Totals:
        """Return a copy of the numbers as they are now."""
        return deepcopy(self)

    def settle(self, now: float) -> None:
        """Assign everything that was counted here to the current window: a process counts only briefly between two writes of its file."""
        self.windows = {int(now // WINDOW): Recent(sum(self.operations.values()), sum(self.retries.values()))}

    def add(self, other: Totals, now: float) -> None:
        """Add what another process has counted, or this one later."""
        self.since = min(self.since, other.since)
        for key, count in other.operations.items():
            self.operations[key] = self.operations.get(key, 0) + count
        for operation, timing in other.timings.items():
            self.timings.setdefault(operation, Timing()).add(timing)
        for operation, count in other.retries.items():
            self.retries[operation] = self.retries.get(operation, 0) + count
        self.hits, self.misses = _sum(self.hits, other.hits), _sum(self.misses, other.misses)
        self.opened += other.opened
        self.breaker = self._breaker_after(other, now)
        self._add_windows(other, now)

    def _breaker_after(self, other: Totals, now: float) -> Optional[Breaker]:
        """Return the later change. If the other process got a response and its breaker did not change, the breaker is closed."""
        changes = [change for change in (self.breaker, other.breaker) if change is not None]
        if not changes:
            return None
        last, opened_at = max(changes, key=lambda change: change.changed_at), max(change.opened_at for change in changes)
        answered = other.breaker is None and any(result in ANSWERS for _operation, result in other.operations)
        if last.state != CLOSED and answered:
            return Breaker(CLOSED, now, opened_at)
        return last._replace(opened_at=opened_at)

    def _add_windows(self, other: Totals, now: float) -> None:
        for window, recent in other.windows.items():
            self.windows[window] = self.windows.get(window, Recent()).plus(recent)
        self.windows = {window: recent for window, recent in self.windows.items() if window >= int(now // WINDOW) - 1}

    def recent(self, now: float) -> Recent:
        """Return the operations and retries of this window and the one before."""
        both = Recent()
        for window, counted in self.windows.items():
            both = both.plus(counted) if window >= int(now // WINDOW) - 1 else both
        return both

    @property
    def errors(self) -> int:
        """The number of operations that ended with an error."""
        return sum(count for (_operation, result), count in self.operations.items() if result not in ANSWERS)


def _sum(one: Optional[int], other: Optional[int]) -> Optional[int]:
    return other if one is None else one if other is None else one + other
