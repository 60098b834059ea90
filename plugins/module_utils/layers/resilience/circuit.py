# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A circuit breaker's three states, for many threads. No lock is held during a request."""

from __future__ import annotations

import threading
import time
from typing import Callable, Optional

from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import CLOSED, HALF_OPEN, OPEN, Observer


class Circuit:
    """`CLOSED` until `failures` in a row; `OPEN` for `seconds`; then `HALF_OPEN`: as many requests as are still needed are let
    through at a time, until `successes` of them have closed it or one failure has opened it again.

    A request belongs to the period in which it was let through. Its outcome counts in that period alone, so that slow requests
    of an earlier period neither open nor close the circuit in a later one.
    """

    def __init__(
        self,
        failures: int,
        seconds: float,
        successes: int,
        observer: Optional[Observer] = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin closed. `clock` returns seconds and never goes back."""
        self.failures = failures
        self.seconds = seconds
        self._successes = successes
        self._observer = observer or Observer()
        self._clock = clock
        self._lock = threading.Lock()
        self._state = CLOSED
        self._period = 0
        self._failed = 0
        self._succeeded = 0
        self._under_way = 0
        self._opened_at = 0.0

    @property
    def state(self) -> str:
        """The current state, one of `observer.BREAKER_STATES`."""
        return self._state

    def remaining(self) -> float:
        """Return the seconds until a request is tried; 0 if the circuit is not open."""
        with self._lock:
            return max(0.0, self._opened_at + self.seconds - self._clock()) if self._state == OPEN else 0.0

    def let_through(self) -> Optional[int]:
        """Return the period in which a request is let through, for `ended`; None if the request must not be made."""
        with self._lock:
            if self._state == OPEN and self._clock() >= self._opened_at + self.seconds:
                self._go_to(HALF_OPEN)
            if self._state == OPEN or (self._state == HALF_OPEN and self._succeeded + self._under_way >= self._successes):
                return None
            self._under_way += 1
            return self._period

    def end(self, period: int, failed: Optional[bool]) -> None:
        """Count the outcome of a request that was let through. `failed` is None if it says nothing about the backend."""
        with self._lock:
            if period != self._period:
                return
            self._under_way -= 1
            if failed:
                self._count_failure()
            elif failed is False:
                self._count_success()

    def reset(self) -> None:
        """Begin anew, closed."""
        with self._lock:
            if self._state != CLOSED:
                self._go_to(CLOSED)
            self._failed = 0

    def _count_failure(self) -> None:
        self._failed += 1
        if self._state == HALF_OPEN or self._failed >= self.failures:
            self._opened_at = self._clock()
            self._go_to(OPEN)

    def _count_success(self) -> None:
        self._failed = 0
        self._succeeded += 1
        if self._state == HALF_OPEN and self._succeeded >= self._successes:
            self._go_to(CLOSED)

    def _go_to(self, state: str) -> None:
        # Called under the lock, so that the observer receives the states in their order.
        self._state = state
        self._period += 1
        self._failed = self._succeeded = self._under_way = 0
        self._observer.breaker_changed(state)
