# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Count operations as they happen. It must be cheap, because every request to a backend is counted here."""

from __future__ import annotations

import os
import threading
import time
from typing import Callable, ContextManager, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import BackendCall
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import OPEN, Observer
from ansible_collections.nebula.credential.plugins.module_utils.metrics.totals import Breaker, Timing, Totals


class Instruments(Observer):
    """Receive each number at once, in addition to the recorder (OpenTelemetry). This base class does nothing."""

    def on_operation(self, operation: str, result: str, seconds: float) -> None:
        """Record that an operation ended with `result` after `seconds`."""

    def on_lookup(self, hit: bool) -> None:
        """Record a read of the cache: True for a hit, False for a miss."""

    def flush(self) -> None:
        """Export what is held. Called when a process may end without notice."""


class Recorder(Observer):
    """The numbers that this process has counted and not yet written. Safe to share between threads and to fork."""

    def __init__(self, instruments: Optional[Instruments] = None, clock: Callable[[], float] = time.time) -> None:
        """Pass every number to `instruments` too; `clock` returns the seconds since the epoch."""
        self._instruments = instruments
        self._clock = clock
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        # Reentrant: a listing that is not read to its end is counted when it is garbage-collected, maybe during another count.
        self._lock = threading.RLock()
        self._totals = Totals(self._clock())

    def _own(self) -> ContextManager[object]:
        """Return the lock. A forked process begins anew: its parent writes what the parent has counted."""
        if os.getpid() != self._process:
            self._begin()
        return self._lock

    def on_operation(self, operation: str, result: str, seconds: float) -> None:
        """Count an operation of the backend contract.

        Args:
            operation: its name in the contract.
            result: `ok`, or the code of the error.
            seconds: how long it took.
        """
        with self._own():
            totals = self._totals
            key = (operation, result)
            totals.operations[key] = totals.operations.get(key, 0) + 1
            timing = totals.timings.get(operation)
            if timing is None:
                timing = totals.timings[operation] = Timing()
            timing.took(seconds)
        if self._instruments is not None:
            self._instruments.on_operation(operation, result, seconds)

    def on_retry(self, call: BackendCall, error: CredentialError, waited: float) -> None:
        """Count a repeated request."""
        with self._own():
            retries = self._totals.retries
            retries[call.operation] = retries.get(call.operation, 0) + 1
        if self._instruments is not None:
            self._instruments.on_retry(call, error, waited)

    def breaker_changed(self, state: str) -> None:
        """Record the breaker's state, and count how often it opened."""
        with self._own():
            now, last = self._clock(), self._totals.breaker
            self._totals.breaker = Breaker(state, now, now if state == OPEN or last is None else last.opened_at)
            self._totals.opened += state == OPEN
        if self._instruments is not None:
            self._instruments.breaker_changed(state)

    def on_lookup(self, hit: bool) -> None:
        """Count a hit or a miss of the cache."""
        with self._own():
            totals = self._totals
            totals.hits = (totals.hits or 0) + hit
            totals.misses = (totals.misses or 0) + (not hit)
        if self._instruments is not None:
            self._instruments.on_lookup(hit)

    def copy_totals(self) -> Totals:
        """Return a copy of what is counted here."""
        with self._own():
            totals = self._totals.copy()
        totals.settle(self._clock())
        return totals

    def take_totals(self) -> Totals:
        """Return what is counted here, and begin anew. The caller writes the numbers, or puts them back."""
        with self._own():
            totals, self._totals = self._totals, Totals(self._clock())
        totals.settle(self._clock())
        return totals

    def put_back(self, totals: Totals) -> None:
        """Add numbers that were taken and could not be written."""
        with self._own():
            self._totals.add(totals, self._clock())
