# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a write knows: the state of an object as records and etags name it, what was read before, and what is planned."""

from __future__ import annotations

from dataclasses import replace
from typing import List, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import build_unreadable_row
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.history import is_counted
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, ObjectStore, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, Record


class Vacancy(NamedTuple):
    """What was read of a name and stage without a value: its last serial, and its tombstone."""

    name: str
    stage: str
    last: int
    tombstone: Optional[StoredObject]

    def fits(self, record: Record) -> bool:
        """Return True if it was read of the record's name and stage."""
        return (self.name, self.stage) == (record.name, record.stage)


class KeptObject(NamedTuple):
    """What was read of an older value: its place, its version and its object."""

    place: ObjectKey
    version: str
    found: StoredObject

    def belongs_to(self, record: Record) -> bool:
        """Return True if it was read of the version that `record` names."""
        return (self.place.name, self.version, CURRENT) == (record.name, record.version, record.stage)


class Change(NamedTuple):
    """A planned write: the object it replaces, the new record, and the serial under which the former value is kept."""

    found: Optional[StoredObject]
    record: Record
    kept_as: Optional[int]
    tombstone: Optional[StoredObject]


def find_source(place: ObjectKey, expected: Optional[Etag]) -> Optional[StoredObject]:
    """Return the object that a write names, as it was read; None if it must be read for this write."""
    found = None if expected is None else expected.source
    if expected is None or not isinstance(found, StoredObject) or found.problem is not None or found.ending is not None:
        return None
    return found if (found.record.name, found.record.stage) == place and expected.matches(answer(found)) else None


def version_of(found: StoredObject) -> str:
    """Return the version token of an object: its serial, and a mark if another tool wrote it or changed it."""
    serial = found.record.serial
    if serial is None:
        return "+" + (found.foreign_token or found.token or "")
    return str(serial) if is_counted(found) else "{0}+{1}".format(serial, found.foreign_token)


def answer(found: StoredObject) -> Record:
    """Return the record of an object, with its version token."""
    return replace(found.record, version=version_of(found))


def find_rewritten(record: Record) -> Optional[Tuple[ObjectKey, StoredObject]]:
    """Return the place and the object whose envelope `record` replaces, as they were read; None if they must be read."""
    own = ObjectKey(record.name, record.stage)
    found = find_source(own, record.etag)
    if found is not None:
        return own, found
    kept = record.source
    return (kept.place, kept.found) if isinstance(kept, KeptObject) and kept.belongs_to(record) else None


def locate_envelope(places: ObjectStore, record: Record) -> Tuple[ObjectKey, Optional[StoredObject]]:
    """Return the place of (`name`, `stage`, `version`) and its object. A version of None means the stage's own value."""
    place = ObjectKey(record.name, record.stage)
    found = places.read(place)
    if found is None or record.version in (None, version_of(found)):
        return place, found
    for kept in found.older:
        if str(kept.serial) == record.version:
            place = ObjectKey.of_version(record.name, kept.serial)
            return place, places.read(place)
    return place, None


def read_kept_objects(places: ObjectStore, current: Record) -> List[Record]:
    """Return the older values of a current value. `find_rewritten` finds each of them; one that cannot be read has a `problem`."""
    own = ObjectKey(current.name)
    found = find_source(own, current.etag) or places.read(own)
    kept = [] if found is None else [(older.serial, places.read_kept(current.name, older)) for older in found.older]
    return [_answer_kept(ObjectKey.of_version(current.name, serial), str(serial), older) for serial, older in kept if older is not None]


def _answer_kept(place: ObjectKey, version: str, found: StoredObject) -> Record:
    if found.problem is not None:
        return replace(build_unreadable_row(place.name, CURRENT, found.problem), version=version)
    return replace(answer(found), source=KeptObject(place, version, found))
