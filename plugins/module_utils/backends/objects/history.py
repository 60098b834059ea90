# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Older values of `current`, each in a place of its own. Which of them count, the current object says (`StoredObject.older`).

So a place that a killed writer left behind is never mistaken for a version, and one that counts is never removed:

- a value is copied before it is replaced, and named by what replaces it;
- what is kept no longer is named as `leftover` by what replaces the value, then removed. The next write removes it again, in case
  that did not happen.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Callable, Iterable, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import Kept, ObjectPlaces, Place, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, Conflict, CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record

RECORD_ID_SIZE = 16


class History:
    """Keeps the newest older values of each credential, `keep` of them at most."""

    def __init__(self, places: ObjectPlaces, keep: int, warn: Callable[[str], Any]) -> None:
        """Take the places, how many older values are kept, and where warnings go."""
        self._places = places
        self._keep = keep
        self._warn = warn

    def kept_as(self, found: StoredObject, last: int, wanted: Optional[int]) -> Optional[int]:
        """The serial under which the value `found` is kept when another replaces it, or None where it is not.

        Its own; for a value that another tool wrote, which has none, the next one, unless the new value itself claims that.

        Args:
            found: what is replaced.
            last: the last serial that was used.
            wanted: the serial that the new value carries, or None.
        """
        if not self._keep:
            return None
        if is_counted(found):
            return found.record.serial
        return last + 1 if wanted is None or wanted > last + 1 else None

    def after(self, found: StoredObject, serial: Optional[int], unswept: Iterable[int]) -> Tuple[Tuple[Kept, ...], Tuple[int, ...]]:
        """What the object that replaces `found` says of older values: those that are kept, and those that are to be removed."""
        newest = () if serial is None else (Kept(serial, found.written_at),)
        every = (*newest, *found.older)
        return every[: self._keep], (*(kept.serial for kept in every[self._keep :]), *unswept)

    def copy(self, name: str, found: StoredObject, serial: int) -> Optional[StoredObject]:
        """Copy the current value `found` to the place of `serial`, and return the copy where it had not been there already.

        Another writer, or one that was killed, may have put one there. It is replaced where it is another value, but only by a
        writer whose `found` is still current: whoever is late must not bring back an older revision.

        Raises:
            Conflict: another writer came in between. Look again.
        """
        place = Place.of_version(name, serial)
        content = _as_version(found, serial)
        try:
            return self._places.create(place, content)
        except Conflict:
            there = self._places.read(place)
        if there is not None and _is_same(there, content):
            return None
        now = self._places.read(Place(name))
        if there is None or now is None or now.token != found.token:
            raise Conflict("another run is writing the same credential", name=name, remedy="Repeat it.")
        self._places.replace(place, content, there)
        return None

    def discard(self, name: str, serial: int, copy: StoredObject) -> None:
        """Remove a copy of our own that no current object will name, because the race that it was made for is lost."""
        try:
            now = self._places.read(Place(name))
            if now is None or serial not in (now.record.serial, *(kept.serial for kept in now.older)):
                self._places.remove(Place.of_version(name, serial), copy)
        except CredentialError:
            pass  # What is to be told is that the race was lost.

    def sweep(self, name: str, serials: Iterable[int]) -> Tuple[int, ...]:
        """Remove what is kept no longer, and return what could not be: that fails no write, and is tried again by the next one."""
        failed = []
        for serial in serials:
            try:
                self._places.remove(Place.of_version(name, serial), None)
            except CredentialError as problem:
                failed.append(serial)
                if isinstance(problem, AccessDenied):
                    self._warn("An older version cannot be removed: {0}".format(problem))
        return tuple(failed)


def is_counted(found: StoredObject) -> bool:
    """Whether the value has a serial of its own. One that another tool wrote has none, also where it was written over one of ours."""
    return found.record.serial is not None and (not found.touched or found.record.envelope is not None)


def _as_version(found: StoredObject, serial: int) -> StoredObject:
    record: Record = replace(found.record, serial=serial, record_id=found.record.record_id or os.urandom(RECORD_ID_SIZE))
    return StoredObject(record, written_at=found.written_at)


def _is_same(there: StoredObject, content: StoredObject) -> bool:
    """Whether two objects hold the same value with the same metadata. A record_id that was drawn for a foreign value does not count."""
    if there.problem is not None:
        return False
    parts = ("type", "fields", "state", "metadata", "serial", "revision", "envelope")
    return all(getattr(there.record, part) == getattr(content.record, part) for part in parts)
