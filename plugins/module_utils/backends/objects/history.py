# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Older values of `current`, each in its own place. The current object lists the valid ones (`StoredObject.older`).

So a place that a killed writer left is never mistaken for a version, and a valid one is never removed:

- a value is copied before it is replaced, and the new object lists the copy;
- the new object lists expired versions as `leftover`, and they are then removed. The next write removes them again, in case
    that failed.

A service that keeps replaced objects by itself needs neither: the list names its own tokens.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Callable, Iterable, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import (
    KeptVersion,
    ObjectKey,
    ObjectStore,
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
        kept_token = found.token if self._places.keeps_replaced and found.token else ""
        newest = () if serial is None else (KeptVersion(serial, found.written_at, kept_token),)
        every = (*newest, *found.older)
        if self._places.keeps_replaced:
            return every[: self._keep], ()
        return every[: self._keep], (*(kept.serial for kept in every[self._keep :]), *unswept)

    def copy(self, name: str, found: StoredObject, serial: int) -> Optional[StoredObject]:
        """Copy the current value `found` to the place of `serial`. Return the copy if it did not exist yet, else None.

        Another writer, even a killed one, may have put a copy there. A different copy is replaced, but only by a
        writer whose `found` is still current: a late writer must not bring back an older revision.

        Raises:
            Conflict: another writer came in between. Read the object again.
            ReadOnly: the backend is deleting the object at that place, so a copy there would be lost.
        """
        if self._places.keeps_replaced:
            return None
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
        for serial in () if self._places.keeps_replaced else serials:
            try:
                self._places.remove(ObjectKey.of_version(name, serial), None)
            except CredentialError as problem:
                failed.append(serial)
                if isinstance(problem, AccessDenied):
                    self._warn("An older version cannot be removed: {0}".format(problem))
        return tuple(failed)


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
