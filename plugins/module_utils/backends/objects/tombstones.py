# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of a deleted value: its last serial, so that none is used twice, and the older versions that are still to be removed."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterable, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.conflict_retry import attempts
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, ObjectStore, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record


class Tombstones:
    """One small object per deleted (name, stage). It stays when the name is used again: later serials are higher than its own."""

    def __init__(self, places: ObjectStore) -> None:
        """Take the places."""
        self._places = places

    def read(self, name: str, stage: str) -> Optional[StoredObject]:
        """Return the tombstone of a value, or None if none was ever deleted."""
        return self._places.read(ObjectKey.of_tombstone(name, stage))

    def bury(self, name: str, stage: str, serial: int, leftover: Iterable[int], *, first: bool) -> StoredObject:
        """Record `serial` as used, and `leftover` as to be removed, in addition to what is already recorded.

        With `first` there is most likely no tombstone yet: only if that is wrong, it is read.
        """
        place = ObjectKey.of_tombstone(name, stage)
        for attempt in attempts(name):
            found = None if first and attempt == 0 else self._places.read(place)
            content = _merge(Record(name, serial=serial), found, leftover)
            try:
                return self._places.create(place, content) if found is None else self._places.replace(place, content, found)
            except Conflict:
                continue
        raise AssertionError

    def clean(self, name: str, stage: str, tombstone: StoredObject) -> None:
        """Clear the list of versions to remove: they are gone. If another delete came in between, that one clears the list itself."""
        place = ObjectKey.of_tombstone(name, stage)
        try:
            self._places.replace(place, replace(tombstone, garbage=()), tombstone)
        except CredentialError:
            pass  # The versions are gone; removing them again does no harm.


def _merge(record: Record, found: Optional[StoredObject], leftover: Iterable[int]) -> StoredObject:
    remembered = (record.serial or 0) if found is None else max(record.serial or 0, found.record.serial or 0)
    both = {*leftover, *(found.garbage if found else ())}
    return StoredObject(replace(record, serial=remembered), garbage=tuple(sorted(both, reverse=True)))
