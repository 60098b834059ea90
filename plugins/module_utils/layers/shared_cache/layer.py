# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cache that several controllers share in a Redis or Valkey (F1). It is between the session's cache and the backend.

It may fail at any time: then the backend is read, as if there were no shared cache.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import Callable, Dict, Iterable, Iterator, Mapping, Optional, Tuple, TypeVar

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import (
    SharedReads,
)
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import current_caller
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Keeper
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.entries import Entries, Spot
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.keys import KeyOf
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.redis import Server, clear_error, reason
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Record
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import is_cached

REST = 5.0
"""Seconds without a request after the server failed: so its time limit is waited for once, not by every read."""
_LOOKUPS = ("get", "get_many")
MANY = 1000
"""The number of names written by this process above which those are forgotten that may be shared again."""

Answer = TypeVar("Answer")
Wanted = Tuple[str, Optional[str]]


class SharedCache(Keeper, SharedReads):
    """Read current values and versions from the shared server if it has them, and store there what was read from the backend."""

    def __init__(self, inner: Backend, server: Server, key_of: KeyOf, entries_of: Callable[[bytes], Entries], ttl: float) -> None:
        """Wrap `inner`.

        Args:
            inner: the backend within its layers, which returns decrypted records.
            server: the shared server.
            key_of: returns the key that seals.
            entries_of: builds `Entries` from a key.
            ttl: seconds for which an entry is valid.
        """
        super().__init__(inner)
        self._server = server
        self._key_of = key_of
        self._entries_of = entries_of
        self._ttl = ttl
        self._known: Optional[Tuple[bytes, Entries]] = None
        self._down_until = 0.0
        self._told = False
        self._written: Dict[str, float] = {}
        self._forgotten = 0
        self._hits = self._misses = 0
        self._lock = threading.Lock()

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        if stage != CURRENT or not self._may_share(name):
            if stage == CURRENT and self._is_fresh_read():
                self.forget(name)
            return self.inner.get(name, version, stage)
        wanted, begun = (name, version), self._forgotten
        found = self._find([wanted]).get(wanted)
        self._count(found is not None, 1)
        if found is None:
            found = self.inner.get(name, version)
            self._keep({wanted: found}, begun)
        return found

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        wanted = list(names)
        for name in wanted if self._is_fresh_read() else ():
            self.forget(name)
        begun = self._forgotten
        sharing = [(name, None) for name in wanted if self._may_share(name)]
        shared = self._find(sharing)
        self._count(len(shared), len(sharing))
        found = {name: record for (name, _version), record in shared.items()}
        missing = [name for name in wanted if name not in found]
        fetched = self.inner.get_many(missing) if missing else {}
        self._keep({(name, None): record for name, record in fetched.items() if self._may_share(name)}, begun)
        return {**found, **fetched}

    def _count(self, hits: int, lookups: int) -> None:
        with self._lock:
            self._hits += hits
            self._misses += lookups - hits

    def count_lookups(self) -> Tuple[int, int]:
        return self._hits, self._misses

    def _may_share(self, name: str) -> bool:
        """Return False for an operation that writes, and for a name written here: another controller may have shared an older value."""
        return current_caller().cacheable and self._written.get(name, 0.0) <= time.monotonic()

    def _is_fresh_read(self) -> bool:
        """Return True for a lookup that reads past the caches: what is shared was refused somewhere, and nobody may read it again."""
        caller = current_caller()
        return caller.operation in _LOOKUPS and not caller.cacheable

    def _find(self, wanted: Iterable[Wanted]) -> Dict[Wanted, Record]:
        asked = list(wanted)
        return self._try_server(lambda entries: self._open_entries(entries, asked), {}) if asked else {}

    def _open_entries(self, entries: Entries, asked: Iterable[Wanted]) -> Dict[Wanted, Record]:
        """Return the records that are stored and genuine. Drop the entries that are not genuine."""
        spots = {wanted: entries.spot(*wanted) for wanted in asked}
        found = {}
        for (wanted, spot), content in zip(spots.items(), self._server.find(list(spots.values()))):
            record = None if content is None else entries.open(content, *wanted)
            if record is not None:
                found[wanted] = record
            elif content is not None:
                self._server.drop(spot.key, spot.field)
        return found

    def _keep(self, records: Mapping[Wanted, Record], begun: int) -> None:
        """Store the records, unless something was dropped here since the fetch began: it may have been one of them."""
        whole = {wanted: record for wanted, record in records.items() if _is_shareable(record)}
        if whole and begun == self._forgotten:
            self._try_server(lambda entries: self._server.keep(self._seal_records(entries, whole), self._ttl), None)

    def _seal_records(self, entries: Entries, records: Mapping[Wanted, Record]) -> Dict[Spot, bytes]:
        sealed = {}
        for wanted, record in records.items():
            try:
                sealed[entries.spot(*wanted)] = entries.seal(record, wanted[1], self._ttl)
            except InvalidInput:
                continue  # metadata of another tool that our layout cannot write
        return sealed

    def _try_server(self, work: Callable[[Entries], Answer], otherwise: Answer) -> Answer:
        """Return the result of `work`, or `otherwise` if the shared server fails. Its failure never fails a read or a write."""
        if time.monotonic() < self._down_until:
            return otherwise
        try:
            key = self._key_of()
            return otherwise if key is None else work(self._entries(key))
        except Exception as error:  # noqa: BLE001  # no failure of the cache may fail an operation
            self._down_until = time.monotonic() + REST
            self._tell(reason(error))
            return otherwise

    def _entries(self, key: bytes) -> Entries:
        known = self._known
        if known is None or known[0] != key:
            known = self._known = (key, self._entries_of(key))
        return known[1]

    def _tell(self, why: str) -> None:
        with self._lock:
            told, self._told = self._told, True
        if not told:
            self.context.warn("store '{0}': continuing without its shared cache: {1}.".format(self.context.store, why.rstrip(".")))

    def clear_shared(self, name: Optional[str] = None, *, check: bool = False) -> int:
        with self._lock:
            self._forgotten += 1
        try:
            key = self._key_of()
            if key is None:  # nothing was ever shared
                return 0
            entries = self._entries(key)
            if name is None:
                return self._server.clear(entries.start, check=check)
            return self._server.clear_one(entries.spot(name, None).key, check=check)
        except Exception as error:  # noqa: BLE001  # any error of the library or of the system, in our words
            raise clear_error(error).within(name=name, store=self.context.store) from None

    def forget(self, name: Optional[str] = None) -> None:
        """Drop the shared entries of a credential, or all of this store."""
        with self._lock:
            self._forgotten += 1
        if name is None:
            self._try_server(lambda entries: self._server.clear(entries.start), None)
        else:
            self._try_server(lambda entries: self._server.drop(entries.spot(name, None).key), None)

    @contextmanager
    def changing(self, name: str, stage: str) -> Iterator[None]:
        """Surround a write: drop the shared entries before and after it, and do not read them as long as an old one might come back."""
        self.forget(name)
        try:
            yield
        finally:
            self._remember(name, time.monotonic())
            self.forget(name)

    def _remember(self, name: str, now: float) -> None:
        with self._lock:
            if len(self._written) > MANY:
                self._written = {name: until for name, until in self._written.items() if until > now}
            self._written[name] = now + self._ttl

    def close(self) -> None:
        try:
            self._server.close()
        finally:
            self.inner.close()


def _is_shareable(record: Record) -> bool:
    return record.metadata is not None and record.envelope is None and is_cached(record.type)
