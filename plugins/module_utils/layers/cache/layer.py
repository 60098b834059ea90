# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cache of what a session has read, in its memory (F1, J1, J7). It is between scope and encryption: hits are checked and audited too.

Single flight: any number of simultaneous misses of one value make one request. Times are those of the monotonic clock, so that
setting the system clock changes nothing.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Callable, ContextManager, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import absent
from ansible_collections.nebula.credential.plugins.module_utils.context.cache_only import are_misses_accepted, require_fetch_allowed
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import current_caller
from ansible_collections.nebula.credential.plugins.module_utils.errors import CircuitOpen, LoginFailed, NotFound, Timeout, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Keeper
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.coalesce import RequestCoalescer
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.lru import FetchToken, Generation, Key, LruCache
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Record

TRANSIENT_ERRORS = (Unavailable, Timeout, CircuitOpen)
FAILURE_BACKOFF = 5.0
"""Seconds after a failed read of a value in which the backend is not requested again, if there is a cached value to serve."""


class CacheTerms(NamedTuple):
    """How long a cached value may be used, in seconds, and how much is kept.

    Attributes:
        ttl: a value is fetched again after this time.
        refresh_ahead: the share of `ttl` after which a hit fetches the value again in the background; 1 never does.
        serve_stale: seconds beyond `ttl` for which a value is still returned while the backend does not respond; 0 never does.
        ttl_missing: how long a read that found nothing answers the reads that accept that, and it or a refused login the same task of other
            hosts; 0 never does.
        max_entries: the greatest number of values, and of missing names; the least recently used are dropped first.
        max_bytes: the greatest number of bytes of values.
    """

    ttl: float = 300.0
    refresh_ahead: float = 0.8
    serve_stale: float = 0.0
    ttl_missing: float = 5.0
    max_entries: int = 10000
    max_bytes: int = 32 * 1024 * 1024


@dataclass
class Counts:
    """Counts of the reads of current values and versions.

    Attributes:
        hits, misses: reads returned from the cache, or not.
        shared: misses that waited for the fetch of another caller.
        batched: misses that were combined into the request of another caller.
        stale: values returned beyond their `ttl`, because the backend did not respond.
    """

    hits: int = 0
    misses: int = 0
    shared: int = 0
    batched: int = 0
    stale: int = 0


class Cache(Keeper):
    """Read each current value, and each older version, once per `ttl`.

    Other stages are never kept, and no value of a type that must not be (`TypeCapabilities.cached`).
    An operation that is not `cacheable` (one that writes or describes) gets what is stored now.
    """

    def __init__(
        self,
        inner: Backend,
        terms: CacheTerms,
        background: Callable[[Callable[[], None]], object],
        looked_up: Callable[[bool], None] = lambda _hit: None,
    ) -> None:
        """Wrap `inner`. `background` runs a function in another thread. `looked_up` is called with True for a hit, False for a miss."""
        super().__init__(inner)
        self.terms = terms
        self.shelf = LruCache(terms.max_entries, terms.max_bytes)
        self.counts = Counts()
        self._background = background
        self._looked_up = looked_up
        self._flights: Dict[Tuple[Key, Generation], Future[Record]] = {}
        self._failed: Dict[Key, float] = {}
        self._lock = threading.Lock()
        self._gathering = RequestCoalescer(inner.get, inner.get_many, TRANSIENT_ERRORS, partial(self._count, "batched"))

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        if stage != CURRENT or not current_caller().cacheable:
            require_fetch_allowed()
            fetch = partial(self.inner.get, name, version, stage)
            return fetch() if stage != CURRENT else self._read((name, version), self.shelf.asking(name), fetch)
        key = (name, version)
        held = self._find_held(key)
        if held is None:
            self._check_remembered(key)
            require_fetch_allowed()
        self._count("misses" if held is None else "hits")
        try:
            return self._fetch_or_join(key) if held is None else held
        except (NotFound, LoginFailed):
            self.shelf.add_reader(name)
            raise

    def _check_remembered(self, key: Key) -> None:
        """Check that the name is not known to be missing, and the login not known to be refused, if that answers this read.

        Raises:
            NotFound, LoginFailed: it is.
        """
        self._check_login()
        error = self._find_missing(key[0]) if key[1] is None else None
        if error is not None:
            self._count("hits")
            raise error

    def _find_missing(self, name: str) -> Optional[Exception]:
        return self.shelf.find_missing(name, self.terms.ttl_missing, accepted=are_misses_accepted())

    def _check_login(self) -> None:
        """Check that the login was not refused a moment ago: each further attempt may count against the account.

        Raises:
            LoginFailed: it was, and that answers this read.
        """
        error = self.shelf.find_refused(self.terms.ttl_missing)
        if error is not None:
            self._count("hits")
            raise error

    def _find_held(self, key: Key) -> Optional[Record]:
        """Return a cached value that may be used, or None. Fetch it again in the background if it nears the end of its `ttl`."""
        found = self.shelf.find(key)
        if found is None:
            return None
        if found.age < self.terms.ttl:
            if found.age > self.terms.ttl * self.terms.refresh_ahead and not self._has_failed_lately(key):
                self._refresh(key)
            return found.record
        if found.age < self.terms.ttl + self.terms.serve_stale and self._has_failed_lately(key):
            return self._warn_stale(key, found.record)
        return None

    def _has_failed_lately(self, key: Key) -> bool:
        """Return True if the backend failed a moment ago: then not every caller requests it again and waits as long."""
        failed = self._failed.get(key)
        return failed is not None and self.shelf.now() - failed < FAILURE_BACKOFF

    def _count(self, what: str, number: int = 1) -> None:
        with self._lock:
            setattr(self.counts, what, getattr(self.counts, what) + number)
        if what in ("hits", "misses"):
            self._looked_up(what == "hits")

    def _fetch_or_join(self, key: Key) -> Record:
        asked = self.shelf.asking(key[0])
        flight, mine = self._flight(key, asked)
        if mine:
            self._fly(key, asked, flight, self._fetch(key))
        else:
            self._count("shared")
        return flight.result()

    def _fetch(self, key: Key) -> Callable[[], Record]:
        """Return the function that fetches the value: combined with other reads if the backend has a request for several."""
        together = key[1] is None and self.capabilities.batch_get
        return partial(self._gathering.read, key[0]) if together else partial(self.inner.get, *key)

    def _flight(self, key: Key, asked: FetchToken, ahead: bool = False) -> Tuple[Future[Record], bool]:
        """Return the fetch of this value, and True if the caller must run it.

        A fetch in progress is shared, unless the name was written since it began. So is one that ended since the caller looked, with
        a value or without.
        """
        with self._lock:
            flying = self._flights.get((key, asked.generation))
            if flying is not None:
                return flying, False
            landed = None if ahead else self.shelf.find(key)
            missing = None if ahead or key[1] is not None else self._find_missing(key[0])
            if missing is None and (landed is None or landed.age >= self.terms.ttl):
                return self._flights.setdefault((key, asked.generation), Future()), True
        flying = Future()
        if landed is not None and missing is None:
            flying.set_result(landed.record)
        else:
            flying.set_exception(missing)
        return flying, False

    def _fly(self, key: Key, asked: FetchToken, flight: Future[Record], fetch: Callable[[], Record]) -> None:
        """Fetch the value for all callers that wait for this flight. They get its failure, too."""
        try:
            record = self._read(key, asked, fetch)
        except BaseException as error:  # noqa: BLE001  # all callers that wait get it
            self._complete_refresh(key, asked)
            flight.set_exception(error)
        else:
            self._complete_refresh(key, asked)
            flight.set_result(record)

    def _complete_refresh(self, key: Key, asked: FetchToken) -> None:
        with self._lock:
            self._flights.pop((key, asked.generation), None)

    def _read(self, key: Key, asked: FetchToken, fetch: Callable[[], Record]) -> Record:
        try:
            record = fetch()
        except TRANSIENT_ERRORS as error:
            return self._stale(key, error)
        except LoginFailed as error:
            self.shelf.put_refused(copy(error), asked)
            raise
        except NotFound as error:
            if key[1] is None:
                self.shelf.put_missing(key[0], copy(error), asked)
            else:
                self.shelf.invalidate(key[0])
            raise
        if record.copied_at is not None:  # the backend does not respond; what answers in its place is not kept
            self._failed[key] = self.shelf.now()
            return record
        self._failed.pop(key, None)
        self.shelf.put(key, record, asked)
        return record

    def _stale(self, key: Key, error: Exception) -> Record:
        self._failed[key] = self.shelf.now()
        found = self.shelf.find(key) if current_caller().cacheable else None
        if found is None or found.age >= self.terms.ttl + self.terms.serve_stale:
            raise error
        # Below `ttl` this is a refresh ahead of time, and no caller waits for it.
        return found.record if found.age < self.terms.ttl else self._warn_stale(key, found.record)

    def _warn_stale(self, key: Key, record: Record) -> Record:
        self._count("stale")
        self.context.warn(_stale_warning_text(key[0], self.context.store, self.terms.serve_stale))
        return record

    def _refresh(self, key: Key) -> None:
        asked = self.shelf.asking(key[0])
        flight, mine = self._flight(key, asked, ahead=True)
        if not mine:
            return
        try:
            self._background(lambda: self._fly(key, asked, flight, self._fetch(key)))
        except RuntimeError:  # no thread can be started any more: the process is ending
            self._complete_refresh(key, asked)
            flight.cancel()

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        wanted = list(names)
        fresh = not current_caller().cacheable
        held = {} if fresh else {name: record for name in wanted for record in [self._find_held((name, None))] if record is not None}
        missing: List[str] = [name for name in wanted if fresh or (name not in held and self._find_missing(name) is None)]
        if missing:
            self._check_login()
            require_fetch_allowed()
        for name in wanted:
            self._count("misses" if name in missing else "hits")
        try:
            found = self._read_many(missing, fresh) if missing else {}
        finally:
            self.shelf.add_reader(*missing)
        return {**held, **found}

    def _read_many(self, names: List[str], fresh: bool) -> Dict[str, Record]:
        """Fetch in one call the names that no other caller fetches. Only then wait for the others: so no two callers block each other."""
        asked = {name: self.shelf.asking(name) for name in names}
        if fresh:
            fetched = self._fetch_many(names)
            return _collect_found({name: partial(self._read, (name, None), asked[name], partial(fetched, name)) for name in asked})
        flights = {name: self._flight((name, None), asked[name]) for name in asked}
        mine = [name for name, (_flight, is_mine) in flights.items() if is_mine]
        fetched = self._fetch_many(mine)
        for name in mine:
            self._fly((name, None), asked[name], flights[name][0], partial(fetched, name))
        for _other in range(len(flights) - len(mine)):
            self._count("shared")
        return _collect_found({name: flight.result for name, (flight, _is_mine) in flights.items()})

    def _fetch_many(self, names: List[str]) -> Callable[[str], Record]:
        """Fetch these names at once. Return a function that returns each record, or raises what fetching it alone would."""
        failure: Optional[BaseException] = None
        found: Dict[str, Record] = {}
        try:
            found = self.inner.get_many(names) if names else {}
        except BaseException as error:  # noqa: BLE001  # raised for each name, in all callers that wait for it
            failure = error

        def find_fetched(name: str) -> Record:
            if failure is not None:
                raise failure
            if name not in found:
                raise absent(name)
            return found[name]

        return find_fetched

    def changing(self, name: str, stage: str) -> ContextManager[None]:
        return self.shelf.changing(name)


def _collect_found(reads: Mapping[str, Callable[[], Record]]) -> Dict[str, Record]:
    """Return the records that these reads return, without the names that do not exist."""
    found = {}
    for name, read in reads.items():
        with suppress(NotFound):
            found[name] = read()
    return found


def _stale_warning_text(name: str, store: str, longest: float) -> str:
    """Build the warning: the same text each time, so that a run shows it once."""
    return (
        "credential '{0}', store '{1}': the backend does not respond; the value that was read before is used, "
        "for {2:g} s beyond its TTL at most ('serve_stale')."
    ).format(name, store, longest)
