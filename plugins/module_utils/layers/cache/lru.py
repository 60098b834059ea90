# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records kept in memory: bounded in number and bytes, the least recently used going first, and dropped by name."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from contextlib import contextmanager
from typing import Callable, Dict, Iterator, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record

Key = Tuple[str, Optional[str]]
"""A credential's name, and a version or None for the current one."""


Generation = Tuple[int, int]


class Kept(NamedTuple):
    """A record and the seconds since it was asked for at the backend."""

    record: Record
    age: float


class Asked(NamedTuple):
    """When something was asked for at the backend, and which generation of its name that was."""

    at: float
    generation: Generation


class _Entry(NamedTuple):
    record: Record
    since: float
    size: int


class Shelf:
    """What was read, by name and version."""

    def __init__(self, max_entries: int, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Keep at most so many records and bytes of values."""
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._generations: Dict[str, int] = {}
        self._cleared = 0
        self._bytes = 0

    def find(self, key: Key) -> Optional[Kept]:
        """What is kept, however old, or None."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
        return Kept(entry.record, self._clock() - entry.since)

    def now(self) -> float:
        """The time by which ages are told: seconds that no clock setting changes."""
        return self._clock()

    def asking(self, name: str) -> Asked:
        """To be called before `name` is asked for at the backend, for `keep`. Its generation changes with every write."""
        with self._lock:
            return Asked(self._clock(), self._generation(name))

    def keep(self, key: Key, record: Record, asked: Asked) -> None:
        """Keep what was read, unless `key`'s name was written since it was asked for."""
        size = _size(record)
        with self._lock:
            if self._generation(key[0]) != asked.generation:
                return
            self._remove(key)
            if size > self._max_bytes:
                return
            self._entries[key] = _Entry(record, asked.at, size)
            self._bytes += size
            while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
                self._remove(next(iter(self._entries)))

    def drop(self, name: Optional[str] = None) -> int:
        """Forget every version of `name`, or everything. Answers how many records that were."""
        with self._lock:
            gone = [key for key in self._entries if name is None or key[0] == name]
            for key in gone:
                self._remove(key)
            if name is None:
                self._cleared += 1
            else:
                self._generations[name] = self._generations.get(name, 0) + 1
        return len(gone)

    def held(self, name: Optional[str] = None) -> int:
        """How many records of `name`, or of everything, are kept."""
        with self._lock:
            return len(self._entries) if name is None else sum(key[0] == name for key in self._entries)

    def oldest(self) -> Optional[float]:
        """The seconds since that was asked for which is the oldest kept; None where nothing is."""
        with self._lock:
            since = min((entry.since for entry in self._entries.values()), default=None)
        return None if since is None else self._clock() - since

    @contextmanager
    def changing(self, name: str) -> Iterator[None]:
        """A write of `name`: what was read before it, or while it was under way, is not kept."""
        self.drop(name)
        try:
            yield
        finally:
            self.drop(name)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """Bytes of values that are kept."""
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
