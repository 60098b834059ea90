# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is remembered of a deleted value: its last serial, so that none is used twice, and what is still to be removed of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterable, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.conflict_retry import attempts
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectPlaces, Place, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record


class Tombstones:
    """One small object a deleted (name, stage). It stays when the name is used again: a later serial is higher than its own."""

    def __init__(self, places: ObjectPlaces) -> None:
        """Take the places."""
        self._places = places

    def read(self, name: str, stage: str) -> Optional[StoredObject]:
        """The tombstone of a value, or None where none was ever deleted."""
        return self._places.read(Place.of_tombstone(name, stage))

    def bury(self, name: str, stage: str, serial: int, leftover: Iterable[int]) -> StoredObject:
        """Remember `serial` as used, and `leftover` as to be removed, beside what is remembered already."""
        place = Place.of_tombstone(name, stage)
        for _each in attempts(name):
            found = self._places.read(place)
            content = _merged(Record(name, serial=serial), found, leftover)
            try:
                return self._places.create(place, content) if found is None else self._places.replace(place, content, found)
            except Conflict:
                continue
        raise AssertionError

    def clean(self, name: str, stage: str, tombstone: StoredObject) -> None:
        """Forget what was to be removed: it was. Another delete that came in between forgets it itself."""
        place = Place.of_tombstone(name, stage)
        try:
            self._places.replace(place, replace(tombstone, leftover=()), tombstone)
        except CredentialError:
            pass  # What it is about is done; removing it once more does no harm.


def _merged(record: Record, found: Optional[StoredObject], leftover: Iterable[int]) -> StoredObject:
    remembered = (record.serial or 0) if found is None else max(record.serial or 0, found.record.serial or 0)
    both = {*leftover, *(found.leftover if found else ())}
    return StoredObject(replace(record, serial=remembered), leftover=tuple(sorted(both, reverse=True)))
