# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mark of a copy: the credential of another store that it was made of. A copy is read only: only a sync writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, ReadOnly
from ansible_collections.nebula.credential.plugins.module_utils.model.names import is_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import is_store_name

ATTRIBUTE = "copy_of"
CHANGED_OUTSIDE = "changed_outside"
"""The attribute that says how a listed copy was changed after the last sync, at a place that gives no value back. Nothing stores it."""
SYNC = "sync"
"""The operation that writes copies, and no other does."""

_TEXTS = ("store", "place", "name", "version")
_PARTS = (*_TEXTS, "revision")
_PLACE = re.compile("[0-9a-f]{16}")
_LONGEST_VERSION = 1000
"""What another tool has written into a mark is believed, and shown, only if it has the form of ours."""


@dataclass(frozen=True)
class CopyMark:
    """What a copy was made of. The attributes of its metadata hold it; nothing in it is secret.

    Attributes:
        store: the name of the source's store, as the configuration of the run had it. For people.
        place: what identifies that store, whatever a configuration calls it.
        name: the name of the credential there.
        version, revision: those of the value that was copied.
    """

    store: str
    place: str
    name: str
    version: str
    revision: int

    def write(self) -> Dict[str, Any]:
        """Return the mark as JSON-like data."""
        return {"store": self.store, "place": self.place, "name": self.name, "version": self.version, "revision": self.revision}

    def is_of(self, place: str, name: str) -> bool:
        """Whether the copy was made of this credential."""
        return (self.place, self.name) == (place, name)


def is_copy(metadata: Metadata) -> bool:
    """Return True if the credential is a copy."""
    return ATTRIBUTE in metadata.attributes


def read_mark(attributes: Mapping[str, Any]) -> CopyMark:
    """Return the mark of a copy.

    Raises:
        Damaged: it is not what was written.
    """
    written = attributes.get(ATTRIBUTE)
    parts: List[Any] = [written.get(part) for part in _PARTS] if isinstance(written, Mapping) else []
    # ansible-core has types of its own below Python's: the name of a store is one.
    *texts, revision = parts or [None]
    is_mark = len(texts) == len(_TEXTS) and all(isinstance(text, str) for text in texts)
    if not is_mark or not isinstance(revision, int) or isinstance(revision, bool) or not _are_of_form(*texts):
        raise Damaged("the mark of this copy is not what was written", remedy="Delete it with the tools of its store, and sync again.")
    return CopyMark(*parts)


def _are_of_form(store: str, place: str, name: str, version: str) -> bool:
    is_version = len(version) <= _LONGEST_VERSION and version.isprintable()
    return is_store_name(store) and _PLACE.fullmatch(place) is not None and is_name(name) and is_version


def refuse_copy(record: Record) -> None:
    """Refuse to change a copy.

    Raises:
        ReadOnly: the record is one. The error names its source.
        Damaged: as `read_mark`.
    """
    if not is_copy(record.full_metadata):
        return
    mark = read_mark(record.full_metadata.attributes)
    what = "it is a copy of credential '{0}' of store '{1}', and read only".format(mark.name, mark.store)
    remedy = "Change it there, and run nebula.credential.sync. To have one of its own in place of the copy, migrate it to another store."
    raise ReadOnly(what, name=record.name, remedy=remedy)
