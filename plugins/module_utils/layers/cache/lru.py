# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records kept in memory, bounded in number and bytes: the least recently used are dropped first. Records can be dropped by name."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from typing import Callable, Dict, Iterator, NamedTuple, Optional, Set, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.context.caller import current_caller
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import is_cached

Key = Tuple[str, Optional[str]]
"""A credential's name, and a version or None for the current one."""


Generation = Tuple[int, int]


class Hit(NamedTuple):
    """A record, and the seconds since it was requested from the backend."""

    record: Record
    age: float


class FetchToken(NamedTuple):
    """The time of a request to the backend, and the generation of the name at that time."""

    at: float
    generation: Generation


class _Entry(NamedTuple):
    record: Record
    since: float
    size: int


class Failure:
    """A read that failed, and the task and the hosts that know: it answers each other host's run of the task, and none of them twice.

    So the hosts of a task get the answer of one request, and a task that is repeated until something is there asks again.
    """

    def __init__(self, error: CredentialError, since: float) -> None:
        """Take the error, and the time of its request."""
        self.error = error
        self.since = since
        self._task: Optional[str] = None
        self._hosts: Set[str] = set()

    def answers_reader(self) -> bool:
        """Return True if the error answers this read. From then on its host knows."""
        task, host = _find_reader()
        if task is None or task != self._task or host in self._hosts:
            return False
        self.add_reader()
        return True

    def add_reader(self) -> None:
        """Record that the host of this read knows, from its own request or by sharing another one's."""
        task, host = _find_reader()
        if task is not None and host is not None:
            if task != self._task:
                self._task, self._hosts = task, set()
            self._hosts.add(host)


def _find_reader() -> Tuple[Optional[str], Optional[str]]:
    """Return the task and the host of this read; twice None if one is not known, or if the read must see what is stored now."""
    caller = current_caller()
    context = caller.context
    return (context.task, context.host) if caller.cacheable and context.task and context.host else (None, None)


class LruCache:
    """The records that were read, by name and version, and the names that were missing."""

    def __init__(self, max_entries: int, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Keep at most this many records and this many bytes of values."""
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._missing: OrderedDict[str, Failure] = OrderedDict()
        self._refused: Optional[Failure] = None
        self._generations: Dict[str, int] = {}
        self._cleared = 0
        self._bytes = 0

    def find(self, key: Key) -> Optional[Hit]:
        """Return the record that is kept, of any age, or None."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
        return Hit(entry.record, self._clock() - entry.since)

    def now(self) -> float:
        """Return the time that ages are counted in: seconds that setting the system clock does not change."""
        return self._clock()

    def asking(self, name: str) -> FetchToken:
        """Return the request's time and generation, for `keep`. Call it before the request; the generation changes with every write."""
        with self._lock:
            return FetchToken(self._clock(), self._generation(name))

    def put(self, key: Key, record: Record, asked: FetchToken) -> None:
        """Keep what was read, unless its type says that no cache may, or the name of `key` was written, or read anew, since the request."""
        size = _size(record)
        with self._lock:
            held = self._entries.get(key)
            if self._generation(key[0]) != asked.generation or (held is not None and held.since > asked.at):
                return
            self._remove(key)
            self._missing.pop(key[0], None)
            self._refused = None
            if size > self._max_bytes or not is_cached(record.type):
                return
            # A write reads by itself, and its source would be kept as long as the value.
            self._entries[key] = _Entry(replace(record, source=None), asked.at, size)
            self._bytes += size
            while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
                self._remove(next(iter(self._entries)))

    def put_missing(self, name: str, error: NotFound, asked: FetchToken) -> None:
        """Drop every version of `name`, which does not exist, and remember that, unless the name was written since the request."""
        with self._lock:
            is_current = self._generation(name) == asked.generation
            self._refused = None
            self._drop(name)
            if is_current:
                self._missing[name] = Failure(error, asked.at)
                while len(self._missing) > self._max_entries:
                    self._missing.popitem(last=False)

    def find_missing(self, name: str, ttl: float, *, accepted: bool) -> Optional[CredentialError]:
        """Return the error of a read in the last `ttl` seconds that found nothing, if it is accepted or answers this read.

        None if there was none, or the name was written.
        """
        with self._lock:
            return self._find_recent(self._missing.get(name), ttl, accepted)

    def _find_recent(self, failure: Optional[Failure], ttl: float, accepted: bool = False) -> Optional[CredentialError]:
        """Return the error for one caller, who adds its own context to it."""
        if failure is None or self._clock() - failure.since >= ttl or not (accepted or failure.answers_reader()):
            return None
        return copy(failure.error)

    def put_refused(self, error: CredentialError, asked: FetchToken) -> None:
        """Remember that the store's login was refused, until a read succeeds."""
        self._refused = Failure(error, asked.at)

    def find_refused(self, ttl: float) -> Optional[CredentialError]:
        """Return the refusal of a login in the last `ttl` seconds if it answers this read, else None."""
        return self._find_recent(self._refused, ttl)

    def add_reader(self, *names: str) -> None:
        """Record that the host of this read knows of what failed with its names."""
        with self._lock:
            failures = [self._refused, *map(self._missing.get, names)]
        for failure in failures:
            if failure is not None:
                failure.add_reader()

    def invalidate(self, name: Optional[str] = None) -> int:
        """Drop every version of `name`, or everything. Return the number of records dropped."""
        with self._lock:
            return self._drop(name)

    def _drop(self, name: Optional[str]) -> int:
        gone = [key for key in self._entries if name is None or key[0] == name]
        for key in gone:
            self._remove(key)
        if name is None:
            self._cleared += 1
            self._missing.clear()
            self._refused = None
        else:
            self._generations[name] = self._generations.get(name, 0) + 1
            self._missing.pop(name, None)
        return len(gone)

    def count(self, name: Optional[str] = None) -> int:
        """Return the number of records that are kept, of `name` or in all."""
        with self._lock:
            return len(self._entries) if name is None else sum(key[0] == name for key in self._entries)

    def oldest(self) -> Optional[float]:
        """Return the age of the oldest record in seconds, counted from its request; None if nothing is kept."""
        with self._lock:
            since = min((entry.since for entry in self._entries.values()), default=None)
        return None if since is None else self._clock() - since

    @contextmanager
    def changing(self, name: str) -> Iterator[None]:
        """Surround a write of `name`: what was read before the write or during it is not kept."""
        self.invalidate(name)
        try:
            yield
        finally:
            self.invalidate(name)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """Return the bytes of values that are kept."""
        return self._bytes

    def _generation(self, name: str) -> Generation:
        return self._cleared, self._generations.get(name, 0)

    def _remove(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size


def _size(record: Record) -> int:
    values = sum(len(value) for part in (record.fields, record.state) for value in part.values())
    return values + len(record.envelope or b"")
