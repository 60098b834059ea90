# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Older values of `current`, each in its own place. The current object lists the valid ones (`StoredObject.older`).

So a place that a killed writer left is never mistaken for a version, and a valid one is never removed:

- a value is copied before it is replaced, and the new object lists the copy;
- the new object lists expired versions as `leftover`, and they are then removed. The next write removes them again, in case
    that failed.

A service may keep replaced objects by itself: `ListedHistory`, `ServiceHistory`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Callable, Iterable, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import (
    KeptVersion,
    ObjectKey,
    ObjectStore,
    ServiceVersions,
    StoredObject,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, Conflict, CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record

RECORD_ID_SIZE = 16


class History:
    """Keeps the newest older values of each credential, at most `keep`."""

    def __init__(self, places: ObjectStore, keep: int, warn: Callable[[str], Any]) -> None:
        """Take the places, the number of older values to keep, and the function for warnings."""
        self._places = places
        self._keep = keep
        self._warn = warn

    def serial_to_keep(self, found: StoredObject, last: int, wanted: Optional[int]) -> Optional[int]:
        """Return the serial under which the value `found` is kept when another replaces it, or None if it is not kept.

        This is its own serial. A value that another tool wrote has none and gets the next one, unless the new value itself claims that.

        Args:
            found: the object to replace.
            last: the last used serial.
            wanted: the serial that the new value carries, or None.
        """
        if not self._keep:
            return None
        if is_counted(found):
            return found.record.serial
        return last + 1 if wanted is None or wanted > last + 1 else None

    def after(self, found: StoredObject, serial: Optional[int], unswept: Iterable[int]) -> Tuple[Tuple[KeptVersion, ...], Tuple[int, ...]]:
        """Return the lists of the object that replaces `found`: the older values to keep, and the serials to remove."""
        newest = () if serial is None else (KeptVersion(serial, found.written_at),)
        every = (*newest, *found.older)
        return every[: self._keep], (*(kept.serial for kept in every[self._keep :]), *unswept)

    def list_older(self, _name: str, found: StoredObject) -> Sequence[KeptVersion]:
        """Return the older values that can be read, newest first."""
        return found.older

    def find_last(self, _name: str, found: StoredObject) -> int:
        """Return the highest serial of the older values; 0 if there are none."""
        return max((kept.serial for kept in found.older), default=0)

    def read_older(self, name: str, kept: KeptVersion) -> Optional[StoredObject]:
        """Return an older value, or None if it is gone."""
        return self._places.read_kept(name, kept)

    def list_leftover(self, found: StoredObject, last: int) -> Sequence[int]:
        """Return the serials whose places are to be removed once the current value is deleted.

        `last` is its own serial: a write that was killed may have copied it already.
        """
        return (*(kept.serial for kept in found.older), *found.garbage, last)

    def remove_older(self, found: StoredObject, kept: KeptVersion) -> None:
        """Remove an older value. First it is no version any more; then its object is removed, by the next write if not by this one.

        Raises:
            Conflict: another writer came in between. Read the object again.
        """
        name = found.record.name
        older = tuple(each for each in found.older if each != kept)
        self._places.replace(ObjectKey(name), replace(found, older=older, garbage=(*found.garbage, kept.serial)), found)
        self.sweep(name, [kept.serial])

    def keep(self, name: str, found: StoredObject, serial: int) -> Tuple[StoredObject, Optional[StoredObject]]:
        """Keep the value `found`, which is about to be replaced, under a serial. Return it as it is now, and `copy`'s copy."""
        return found, self.copy(name, found, serial)

    def copy(self, name: str, found: StoredObject, serial: int) -> Optional[StoredObject]:
        """Copy the current value `found` to the place of `serial`. Return the copy if it did not exist yet, else None.

        Another writer, even a killed one, may have put a copy there. A different copy is replaced, but only by a
        writer whose `found` is still current: a late writer must not bring back an older revision.

        Raises:
            Conflict: another writer came in between. Read the object again.
            ReadOnly: the backend is deleting the object at that place, so a copy there would be lost.
        """
        place = ObjectKey.of_version(name, serial)
        content = _as_version(found, serial)
        try:
            return self._places.create(place, content)
        except Conflict:
            there = self._places.read(place)
        if there is not None and there.ending is not None:
            raise there.ending.within(name=name)
        if there is not None and _is_same(there, content):
            return None
        now = self._places.read(ObjectKey(name))
        if there is None or now is None or now.token != found.token:
            raise Conflict("another run is writing the same credential", name=name, remedy="Retry.")
        self._places.replace(place, content, there)
        return None

    def discard(self, name: str, serial: int, copy: StoredObject) -> None:
        """Remove our own copy that no current object will list, because the race that it was made for is lost."""
        try:
            now = self._places.read(ObjectKey(name))
            if now is None or serial not in (now.record.serial, *(kept.serial for kept in now.older)):
                self._places.remove(ObjectKey.of_version(name, serial), copy)
        except CredentialError:
            pass  # The caller reports the lost race instead.

    def sweep(self, name: str, serials: Iterable[int]) -> Tuple[int, ...]:
        """Remove expired versions. Return those that could not be removed: they fail no write, and the next write tries again."""
        failed = []
        for serial in serials:
            try:
                self._places.remove(ObjectKey.of_version(name, serial), None)
            except CredentialError as problem:
                failed.append(serial)
                if isinstance(problem, AccessDenied):
                    self._warn("An older version cannot be removed: {0}".format(problem))
        return tuple(failed)


class ListedHistory(History):
    """Older values as versions that the service keeps. The current object lists them, with the service's tokens."""

    def list_leftover(self, found: StoredObject, last: int) -> Sequence[int]:
        return ()

    def after(self, found: StoredObject, serial: Optional[int], unswept: Iterable[int]) -> Tuple[Tuple[KeptVersion, ...], Tuple[int, ...]]:
        newest = () if serial is None else (KeptVersion(serial, found.written_at, found.token or ""),)
        return (*newest, *found.older)[: self._keep], ()

    def copy(self, name: str, found: StoredObject, serial: int) -> Optional[StoredObject]:
        """Leave the value where it is."""
        return None

    def sweep(self, name: str, serials: Iterable[int]) -> Tuple[int, ...]:
        """Leave what the service keeps."""
        return ()


class ServiceHistory(ListedHistory):
    """Older values that the service itself lists too. `keep` limits what can be read; the service may hold more."""

    def __init__(self, places: ObjectStore, versions: ServiceVersions, keep: int, warn: Callable[[str], Any]) -> None:
        """Take the places, which are `versions` too, the number of older values to show, and the function for warnings."""
        super().__init__(places, keep, warn)
        self._versions = versions

    def list_older(self, name: str, found: StoredObject) -> Sequence[KeptVersion]:
        return self._versions.list_replaced(name, found)[: self._keep] if self._keep else ()

    def find_last(self, name: str, found: StoredObject) -> int:
        return max((kept.serial for kept in self._versions.list_replaced(name, found)), default=0)

    def remove_older(self, found: StoredObject, kept: KeptVersion) -> None:
        self._versions.remove_replaced(found.record.name, kept)

    def after(self, found: StoredObject, serial: Optional[int], unswept: Iterable[int]) -> Tuple[Tuple[KeptVersion, ...], Tuple[int, ...]]:
        return (), ()

    def keep(self, name: str, found: StoredObject, serial: int) -> Tuple[StoredObject, Optional[StoredObject]]:
        """Leave the value where it is: the service keeps it. One that another tool wrote gets its serial."""
        return found if is_counted(found) else self._versions.number_replaced(name, found, serial), None


def build_history(places: ObjectStore, keep: int, warn: Callable[[str], Any]) -> History:
    """Return the history of these places."""
    if isinstance(places, ServiceVersions):
        return ServiceHistory(places, places, keep, warn)
    return (ListedHistory if places.keeps_replaced else History)(places, keep, warn)


def is_counted(found: StoredObject) -> bool:
    """Return True if the value has its own serial. A value that another tool wrote has none, even if it replaced one of ours."""
    return found.record.serial is not None and (not found.foreign_token or found.record.envelope is not None)


def _as_version(found: StoredObject, serial: int) -> StoredObject:
    record: Record = replace(found.record, serial=serial, record_id=found.record.record_id or os.urandom(RECORD_ID_SIZE))
    return StoredObject(record, written_at=found.written_at)


def _is_same(there: StoredObject, content: StoredObject) -> bool:
    """Return True if two objects hold the same value and metadata. The random record_id of a foreign value is ignored."""
    if there.problem is not None:
        return False
    parts = ("type", "fields", "state", "metadata", "serial", "revision", "envelope")
    return all(getattr(there.record, part) == getattr(content.record, part) for part in parts)
