# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a session has read, kept in its memory (F1, J1, J7). It stands between scope and encryption: hits are checked and recorded too.

One flight: however many ask at the same time for what is not there, one request is made. Times are those of the monotonic
clock, so that a clock that is set changes nothing.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import CircuitOpen, NotFound, Timeout, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.providers.base import Provider
from ansible_collections.nebula.credential.plugins.module_utils.record import CURRENT, Fields, Record
from ansible_collections.nebula.credential.plugins.module_utils.shelf import Key, Shelf

PASSING = (Unavailable, Timeout, CircuitOpen)


class CacheTerms(NamedTuple):
    """How long what was read may be used, in seconds, and how much is kept.

    Attributes:
        ttl: a value is fetched again after that.
        refresh_ahead: the share of `ttl` after which a value that is asked for is fetched again in the background; 1 never.
        serve_stale: seconds beyond `ttl` for which a value is still given out while the backend does not answer; 0 never.
        max_entries: values kept at most; those not asked for the longest go first.
        max_bytes: bytes of values kept at most.
    """

    ttl: float = 300.0
    refresh_ahead: float = 0.8
    serve_stale: float = 0.0
    max_entries: int = 10000
    max_bytes: int = 32 * 1024 * 1024


class Cache(Layer):
    """Reads each current value, and each older version, once per `ttl`. Other stages are never kept: a rotation needs them as they are."""

    def __init__(self, inner: Provider, terms: CacheTerms, background: Callable[[Callable[[], None]], object]) -> None:
        """Wrap `inner`; `background` runs a function in another thread."""
        super().__init__(inner)
        self.terms = terms
        self.shelf = Shelf(terms.max_entries, terms.max_bytes)
        self._background = background
        self._flights: Dict[Key, Future[Record]] = {}
        self._lock = threading.Lock()

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        if stage != CURRENT:
            return self.inner.get(name, version, stage)
        key = (name, version)
        found = self.shelf.find(key)
        if found is not None and found.age < self.terms.ttl:
            if found.age > self.terms.ttl * self.terms.refresh_ahead:
                self._refresh(key)
            return found.record
        return self._fetched(key)

    def holds(self, name: str, version: Optional[str] = None) -> bool:
        """Whether `get` would answer without asking the backend."""
        found = self.shelf.find((name, version), counting=False)
        return found is not None and found.age < self.terms.ttl

    def _fetched(self, key: Key) -> Record:
        flight, mine = self._flight(key)
        if not mine:
            self.shelf.counts.shared += 1
            return flight.result()
        try:
            record = self._read(key)
        except BaseException as error:
            self._landed(key)
            flight.set_exception(error)
            raise
        self._landed(key)
        flight.set_result(record)
        return record

    def _flight(self, key: Key) -> Tuple[Future[Record], bool]:
        with self._lock:
            flying = self._flights.get(key)
            if flying is not None:
                return flying, False
            return self._flights.setdefault(key, Future()), True

    def _landed(self, key: Key) -> None:
        with self._lock:
            self._flights.pop(key, None)

    def _read(self, key: Key) -> Record:
        generation = self.shelf.generation(key[0])
        try:
            record = self.inner.get(*key)
        except PASSING as error:
            return self._stale(key, error)
        except NotFound:
            self.shelf.drop(key[0])
            raise
        self.shelf.keep(key, record, generation)
        return record

    def _stale(self, key: Key, error: Exception) -> Record:
        found = self.shelf.find(key, counting=False)
        if found is None or found.age >= self.terms.ttl + self.terms.serve_stale:
            raise error
        if found.age < self.terms.ttl:  # a refresh ahead of time, which nobody waits for
            return found.record
        self.shelf.counts.stale += 1
        self.context.warn(_told(key[0], self.context.store, found.age))
        return found.record

    def _refresh(self, key: Key) -> None:
        flight, mine = self._flight(key)
        if mine:
            self._background(lambda: self._refreshed(key, flight))

    def _refreshed(self, key: Key, flight: Future[Record]) -> None:
        try:
            flight.set_result(self._read(key))
        except BaseException as error:  # noqa: BLE001  # whoever waits for this flight gets it; nobody else asked
            flight.set_exception(error)
        finally:
            self._landed(key)

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        wanted = list(names)
        held = {name: self.get(name) for name in wanted if self.holds(name)}
        missing: List[str] = [name for name in wanted if name not in held]
        if not missing:
            return held
        generations = {name: self.shelf.generation(name) for name in missing}
        found = self.inner.get_many(missing)
        for name, record in found.items():
            self.shelf.keep((name, None), record, generations[name])
        return {**held, **found}

    def put(self, record: Record, expected_version: Optional[str] = None, *, create: bool = False) -> Record:
        with self.shelf.changing(record.name):
            return self.inner.put(record, expected_version, create=create)

    def update_state(self, name: str, state: Fields, expected_version: str) -> Record:
        with self.shelf.changing(name):
            return self.inner.update_state(name, state, expected_version)

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        with self.shelf.changing(record.name):
            return self.inner.patch_metadata(record, expected_revision)

    def restore(self, name: str, stage: str = CURRENT, *, version: Optional[str] = None, check: bool = False) -> Record:
        with self.shelf.changing(name):
            return self.inner.restore(name, stage, version=version, check=check)

    def delete(self, name: str, *, stage: str = CURRENT, expected_version: Optional[str] = None, recoverable: bool = False) -> None:
        with self.shelf.changing(name):
            self.inner.delete(name, stage=stage, expected_version=expected_version, recoverable=recoverable)


def _told(name: str, store: str, age: float) -> str:
    return (
        "credential '{0}', store '{1}': the backend does not answer; a value that was read {2:.0f} s ago is used ('serve_stale')."
    ).format(name, store, age)
