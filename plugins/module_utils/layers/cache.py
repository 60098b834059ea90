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
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.asking import asking_now
from ansible_collections.nebula.credential.plugins.module_utils.errors import CircuitOpen, NotFound, Timeout, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.providers.base import Provider
from ansible_collections.nebula.credential.plugins.module_utils.record import CURRENT, Fields, Record
from ansible_collections.nebula.credential.plugins.module_utils.shelf import Asked, Generation, Key, Shelf

PASSING = (Unavailable, Timeout, CircuitOpen)
READS = frozenset((None, "get", "get_many"))
"""The operations that are answered with what was read before. None is a direct call of the library."""
RECOVERY = 5.0
"""Seconds for which a backend that did not answer for a value is not asked for it again while there is one to serve."""


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


@dataclass
class Counts:
    """What became of the reads of current values and versions: hits, misses, waits for somebody else's fetch, stale answers."""

    hits: int = 0
    misses: int = 0
    shared: int = 0
    stale: int = 0


class NotHeld(BaseException):
    """An answer would have to be fetched, where it may not be (`only_held`). Nothing on the way takes it for an Exception."""


_ONLY_HELD: ContextVar[bool] = ContextVar("nebula_credential_only_held", default=False)


@contextmanager
def only_held() -> Iterator[None]:
    """Inside the `with` block, a read that would ask a backend raises `NotHeld` instead."""
    token = _ONLY_HELD.set(True)
    try:
        yield
    finally:
        _ONLY_HELD.reset(token)


class Cache(Layer):
    """Reads each current value, and each older version, once per `ttl`.

    Other stages are never kept, and whoever is about to write or to describe (any operation but `READS`) is given what is there now.
    """

    def __init__(
        self,
        inner: Provider,
        terms: CacheTerms,
        background: Callable[[Callable[[], None]], object],
        looked_up: Callable[[bool], None] = lambda _hit: None,
    ) -> None:
        """Wrap `inner`; `background` runs a function in another thread; `looked_up` hears of each hit and miss."""
        super().__init__(inner)
        self.terms = terms
        self.shelf = Shelf(terms.max_entries, terms.max_bytes)
        self.counts = Counts()
        self._background = background
        self._looked_up = looked_up
        self._flights: Dict[Tuple[Key, Generation], Future[Record]] = {}
        self._failed: Dict[Key, float] = {}
        self._lock = threading.Lock()

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        if stage != CURRENT or asking_now().operation not in READS:
            _may_ask()
            return self.inner.get(name, version, stage) if stage != CURRENT else self._read((name, version), self.shelf.asking(name))
        key = (name, version)
        held = self._held(key)
        self._count("misses" if held is None else "hits")
        if held is not None:
            return held
        _may_ask()
        return self._fetched(key)

    def _held(self, key: Key) -> Optional[Record]:
        """What may be answered at once; what nears its end is fetched again meanwhile."""
        found = self.shelf.find(key)
        if found is None:
            return None
        if found.age < self.terms.ttl:
            if found.age > self.terms.ttl * self.terms.refresh_ahead and not self._failed_lately(key):
                self._refresh(key)
            return found.record
        if found.age < self.terms.ttl + self.terms.serve_stale and self._failed_lately(key):
            return self._told_stale(key, found.record)
        return None

    def _failed_lately(self, key: Key) -> bool:
        """Whether the backend did not answer a moment ago: it is not asked by everybody, each waiting as long."""
        failed = self._failed.get(key)
        return failed is not None and self.shelf.now() - failed < RECOVERY

    def _count(self, what: str) -> None:
        with self._lock:
            setattr(self.counts, what, getattr(self.counts, what) + 1)
        if what in ("hits", "misses"):
            self._looked_up(what == "hits")

    def _fetched(self, key: Key) -> Record:
        asked = self.shelf.asking(key[0])
        flight, mine = self._flight(key, asked)
        if mine:
            self._fly(key, asked, flight)
        else:
            self._count("shared")
        return flight.result()

    def _flight(self, key: Key, asked: Asked) -> Tuple[Future[Record], bool]:
        """The fetch that is under way, unless the name was written since it began."""
        with self._lock:
            flying = self._flights.get((key, asked.generation))
            if flying is not None:
                return flying, False
            return self._flights.setdefault((key, asked.generation), Future()), True

    def _fly(self, key: Key, asked: Asked, flight: Future[Record]) -> None:
        """Fetch for everybody who waits for this flight; they get the failure, too."""
        try:
            record = self._read(key, asked)
        except BaseException as error:  # noqa: BLE001  # as said
            self._landed(key, asked)
            flight.set_exception(error)
        else:
            self._landed(key, asked)
            flight.set_result(record)

    def _landed(self, key: Key, asked: Asked) -> None:
        with self._lock:
            self._flights.pop((key, asked.generation), None)

    def _read(self, key: Key, asked: Asked) -> Record:
        try:
            record = self.inner.get(*key)
        except PASSING as error:
            return self._stale(key, error)
        except NotFound:
            self.shelf.drop(key[0])
            raise
        self._failed.pop(key, None)
        self.shelf.keep(key, record, asked)
        return record

    def _stale(self, key: Key, error: Exception) -> Record:
        self._failed[key] = self.shelf.now()
        found = self.shelf.find(key) if asking_now().operation in READS else None
        if found is None or found.age >= self.terms.ttl + self.terms.serve_stale:
            raise error
        # Below `ttl` it is a refresh ahead of time, which nobody waits for.
        return found.record if found.age < self.terms.ttl else self._told_stale(key, found.record)

    def _told_stale(self, key: Key, record: Record) -> Record:
        self._count("stale")
        self.context.warn(_told(key[0], self.context.store, self.terms.serve_stale))
        return record

    def _refresh(self, key: Key) -> None:
        asked = self.shelf.asking(key[0])
        flight, mine = self._flight(key, asked)
        if not mine:
            return
        try:
            self._background(lambda: self._fly(key, asked, flight))
        except RuntimeError:  # nothing is begun any more: the process is about to end
            self._landed(key, asked)
            flight.cancel()

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        wanted = list(names)
        fresh = asking_now().operation not in READS
        held = {} if fresh else {name: record for name in wanted for record in [self._held((name, None))] if record is not None}
        missing: List[str] = [name for name in wanted if name not in held]
        for name in wanted:
            self._count("hits" if name in held else "misses")
        if not missing:
            return held
        _may_ask()
        return {**held, **self._read_many(missing)}

    def _read_many(self, names: List[str]) -> Dict[str, Record]:
        asked = {name: self.shelf.asking(name) for name in names}
        try:
            found = self.inner.get_many(names)
        except PASSING as error:
            return {name: self._stale((name, None), error) for name in names}
        for name, record in found.items():
            self.shelf.keep((name, None), record, asked[name])
        return found

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


def _may_ask() -> None:
    if _ONLY_HELD.get():
        raise NotHeld


def _told(name: str, store: str, longest: float) -> str:
    """The same text each time, so that a run is told once."""
    return (
        "credential '{0}', store '{1}': the backend does not answer; the value that was read before is used, "
        "for {2:g} s beyond its time at most ('serve_stale')."
    ).format(name, store, longest)
