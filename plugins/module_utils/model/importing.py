# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The marks of a credential that is being imported, whose current value is not the newest one yet, and of a copy whose source is going."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Damaged, Unusable
from ansible_collections.nebula.credential.plugins.module_utils.model.copies import ATTRIBUTE as COPY
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Metadata, Record

ATTRIBUTE = "importing"
MOVING = "moving"
"""The attribute of a copy that a move relies on while it deletes the source."""
_MARKS = (ATTRIBUTE, MOVING, COPY)
EXPORT, IMPORT = "export", "import"
"""The operations of a direct export and import in the audit trail."""


@dataclass(frozen=True)
class Importing:
    """The progress of an import. The attributes of the current value hold it until the last version is written.

    Attributes:
        version, revision: those of the current value in the source when the import began.
        written: how many versions are stored.
        source: the record's id in the source, in hexadecimal; empty if it has none, or if an earlier release has written the mark.
    """

    version: str
    revision: int
    written: int
    source: str = ""

    def write(self) -> Dict[str, Any]:
        """Return the mark as JSON-like data."""
        return {"version": self.version, "revision": self.revision, "written": self.written, "source": self.source}


def read_importing(metadata: Metadata) -> Optional[Importing]:
    """Return the mark, or None if there is none.

    Raises:
        Damaged: it is not what was written.
    """
    written = metadata.attributes.get(ATTRIBUTE)
    if written is None:
        return None
    names = ("version", "revision", "written", "source")
    parts: List[Any] = [dict({"source": ""}, **written).get(part) for part in names] if isinstance(written, Mapping) else []
    if [part.__class__ for part in parts] != [str, int, int, str]:
        raise Damaged("the mark of its import is not what was written", remedy="Delete the credential and import it again.")
    return Importing(*parts)


def is_importing(metadata: Metadata) -> bool:
    """Return True if the value belongs to an import that is not complete."""
    return ATTRIBUTE in metadata.attributes


def mark_moving(record: Record, source: str) -> Record:
    """Return a copy with the mark of the move that has made it from the record with this id, to be stored as its next revision."""
    return record.with_metadata(attributes={**record.full_metadata.attributes, MOVING: {"source": source, "revision": record.revision + 1}})


def is_moving(record: Record, source: str) -> bool:
    """Return True if nothing has changed a copy since a move from the record with this id has marked it."""
    return bool(source) and record.full_metadata.attributes.get(MOVING) == {"source": source, "revision": record.revision}


def without_marks(record: Record) -> Record:
    """Return a record without the marks, as it is compared and exported: they say nothing of the credential.

    Without the mark of a copy, too: what is exported becomes a credential of its own.
    """
    if record.metadata is None or not set(_MARKS) & set(record.metadata.attributes):
        return record
    attributes = {name: value for name, value in record.metadata.attributes.items() if name not in _MARKS}
    return replace(record, metadata=replace(record.metadata, attributes=attributes))


def incomplete_import(name: str) -> CredentialError:
    """Return the error for a credential that is used or changed while its import is not complete."""
    return Unusable(
        "its import from another store is not complete",
        name=name,
        remedy="Run the import again: it continues. Or delete the credential and import it again.",
    )
