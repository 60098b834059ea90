# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The row that a write replaces: its state as the caller has read it, or as it is when it is locked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.rows import version_number
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Etag, Record

_OF_THE_ROW = b""
"""The identity of a row that has one, where only the row knows it."""
COUNTED = {"preserve_rowcount": True}
"""Options of a statement whose number of rows is read although it inserts."""


def build_expected(record: Record, given: Optional[Record], expected: Optional[Etag]) -> Optional[Record]:
    """Return what a row in the expected state holds, with the envelope that was read, if one was.

    Returns:
        None if the state is not known to the revision, or no row can be in it.
    """
    serial = None if expected is None else version_number(expected.version)
    if expected is None or serial is None or expected.revision is None:
        return None
    record_id = (given and given.record_id) or _OF_THE_ROW
    found = Record(record.name, stage=record.stage, version=expected.version, serial=serial, revision=expected.revision)
    return replace(found, record_id=record_id, envelope=read_source(expected))


def read_source(expected: Optional[Etag]) -> Optional[bytes]:
    """Return the envelope of the row that a write names, as it was read for this write; None if the write does not say."""
    return expected.source if expected is not None and isinstance(expected.source, bytes) else None


def is_state(columns: Any, found: Record) -> Any:
    """Return the condition that a row is the one that was found. One that was written by hand has no identity.

    The envelope is compared if it is known: so a row that was changed without the key, and keeps its version, is noticed.
    """
    return (
        columns.name == found.name,
        columns.stage == found.stage,
        columns.version == found.serial,
        columns.revision == found.revision,
        columns.id.is_(None) if found.record_id is None else columns.id.is_not(None),
        *(() if found.envelope is None else (columns.envelope == found.envelope,)),
    )


def lock_row(connection: Any, table: Any, name: str, stage: str) -> Optional[Record]:
    """Return what a writer needs of the row, and lock it until the transaction ends."""
    from sqlalchemy import select

    columns = table.c
    wanted = select(columns.version, columns.revision, columns.id).where(columns.name == name, columns.stage == stage)
    row = connection.execute(wanted.with_for_update()).first()
    if row is None:
        return None
    return Record(
        name,
        stage=stage,
        version=str(row.version),
        serial=row.version,
        revision=row.revision,
        record_id=row.id.bytes if row.id else None,
    )
