# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a write knows: the state of an object as records and etags name it, what was read before, and what is planned."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.history import is_counted
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Etag, Record


class Vacancy(NamedTuple):
    """What was read of a name and stage without a value: its last serial, and its tombstone."""

    name: str
    stage: str
    last: int
    tombstone: Optional[StoredObject]

    def fits(self, record: Record) -> bool:
        """Return True if it was read of the record's name and stage."""
        return (self.name, self.stage) == (record.name, record.stage)


class Change(NamedTuple):
    """A planned write: the object it replaces, the new record, and the serial under which the former value is kept."""

    found: Optional[StoredObject]
    record: Record
    kept_as: Optional[int]
    tombstone: Optional[StoredObject]


def find_source(place: ObjectKey, expected: Optional[Etag]) -> Optional[StoredObject]:
    """Return the object that a write names, as it was read; None if it must be read for this write."""
    found = None if expected is None else expected.source
    if expected is None or not isinstance(found, StoredObject) or found.problem is not None:
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
