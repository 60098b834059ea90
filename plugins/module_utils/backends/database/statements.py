# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements that write. A write is one transaction; in it the row is locked, compared and swapped."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import (
    absent,
    check_revision,
    check_swap,
    document_conflict,
    envelope_conflict,
    next_serial,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.connections import Connections
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.row_state import (
    COUNTED,
    build_expected,
    is_state,
    lock_row,
    read_source,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.rows import (
    columns_of,
    envelope_columns,
    identify_record,
    metadata_columns,
    version_number,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.tables import DOCUMENT, KEPT, Tables
from ansible_collections.nebula.credential.plugins.module_utils.errors import Duplicate, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, Record

_RECORD_ID_SIZE = 16
_ATTEMPTS = 10
"""Attempts of an unconditional write against others that create and delete the same name."""


class Statements:
    """Writes rows."""

    def __init__(self, connections: Connections, tables: Tables, keep: int) -> None:
        """Write `tables` over `connections`; keep `keep` older values of each credential."""
        self._connections = connections
        self._tables = tables
        self._keep = keep

    def put(self, record: Record, expected: Optional[Etag], create: bool) -> Record:
        """See `Backend.put`."""
        given = identify_record(record)
        for attempt in range(_ATTEMPTS):
            try:
                with self._connections.writing() as connection:
                    stored = self._put_unread(connection, record, given, expected, create) if attempt == 0 else None
                    return stored or self._put(connection, record, given, expected, create)
            except Duplicate:
                # Another writer created the same name, or the same version of it, between our read and our write: read again.
                continue
        raise Unavailable("{0} other writers came first".format(_ATTEMPTS), name=record.name, remedy="Repeat when there is less traffic.")

    def _put_unread(self, connection: Any, record: Record, given: Record, expected: Optional[Etag], create: bool) -> Optional[Record]:
        """Write over the state that the caller has read, without reading it again. Return None if that state has to be read."""
        if create:
            return self._insert(connection, record, given)
        found = build_expected(record, given, expected)
        if found is None or not (given.record_id or self._connections.kind.returns_updated):
            return None
        serial = given.serial or (found.serial or 0) + 1
        if serial <= (found.serial or 0):
            return None
        stored = replace(record, version=str(serial), serial=serial, record_id=given.record_id, revision=0, source=record.envelope)
        return self._replace(connection, found, stored)

    def _put(self, connection: Any, record: Record, given: Record, expected: Optional[Etag], create: bool) -> Record:
        name, stage = record.name, record.stage
        found = lock_row(connection, self._tables.credentials, name, stage)
        check_swap(name, found, expected, create)
        if found is None:
            return self._insert(connection, record, given)
        # A row that was written by hand may be older than the last one that was deleted.
        last = (found.serial or 0) if found.record_id else max(self._read_tombstone(connection, name, stage), found.serial or 0)
        serial = next_serial(name, given.serial, last)
        record_id = given.record_id or found.record_id or os.urandom(_RECORD_ID_SIZE)
        if stage == CURRENT and found.record_id is None:
            self._forget(connection, name, found.serial or 0)
        stored = replace(record, version=str(serial), serial=serial, record_id=record_id, revision=0, source=record.envelope)
        swapped = self._replace(connection, replace(found, envelope=read_source(expected)), stored)
        if swapped is None:
            raise envelope_conflict(name)
        return swapped

    def _read_tombstone(self, connection: Any, name: str, stage: str) -> int:
        from sqlalchemy import select

        columns = self._tables.tombstones.c
        wanted = select(columns.last_version).where(columns.name == name, columns.stage == stage)
        return int(connection.execute(wanted).scalar() or 0)

    def _insert(self, connection: Any, record: Record, given: Record) -> Record:
        """Insert the row. Read the last serial afterwards, when no one else can change the name: so no serial is used twice."""
        table, name, stage = self._tables.credentials, record.name, record.stage
        first, record_id = given.serial or 1, given.record_id or os.urandom(_RECORD_ID_SIZE)
        stored = replace(record, version=str(first), serial=first, record_id=record_id, revision=0, source=record.envelope)
        connection.execute(table.insert().values(name=name, stage=stage, **columns_of(stored)))
        last, is_kept = self._read_remains(connection, name, stage)
        if is_kept:
            self._forget(connection, name, 0)
        serial = next_serial(name, given.serial, last)
        if serial != first:
            connection.execute(table.update().where(table.c.name == name, table.c.stage == stage).values(version=serial))
        self._connections.kind.write_tags(connection, self._tables, stored)
        return replace(stored, version=str(serial), serial=serial)

    def _read_remains(self, connection: Any, name: str, stage: str) -> Tuple[int, bool]:
        """Return the last serial of an earlier row of the name, and whether values of it are kept although it was deleted by hand."""
        from sqlalchemy import exists, select

        buried, kept = self._tables.tombstones.c, self._tables.versions.c
        last = select(buried.last_version).where(buried.name == name, buried.stage == stage).scalar_subquery()
        row = connection.execute(select(last.label("last"), exists().where(kept.name == name).label("kept"))).one()
        return int(row.last or 0), bool(row.kept) and stage == CURRENT

    def _replace(self, connection: Any, found: Record, stored: Record) -> Optional[Record]:
        """Swap the row, and keep its old value. Return None, and change nothing, if the row is not the one that was found."""
        is_current = stored.stage == CURRENT
        copies = is_current and self._keep > 0 and stored.keep_replaced
        # Serials begin at 1, so there are no more kept values than the last serial.
        prunes = is_current and (found.serial or 0) > self._keep
        if copies and not self._copy(connection, found, prunes):
            return None
        columns = columns_of(stored)
        if stored.record_id is None:
            del columns["id"]
        record_id = self._swap(connection, found, columns, stored.record_id)
        if record_id is None:
            return None
        if prunes and not (copies and self._connections.kind.writes_in_ctes):
            connection.execute(self._prune(stored.name, self._keep))
        self._connections.kind.write_tags(connection, self._tables, stored)
        return replace(stored, record_id=record_id)

    def _forget(self, connection: Any, name: str, serial: int) -> None:
        """Remove the versions of an earlier row of the name that was deleted by hand."""
        kept = self._tables.versions
        connection.execute(kept.delete().where(kept.c.name == name, kept.c.version >= serial))

    def _copy(self, connection: Any, found: Record, prunes: bool) -> bool:
        """Keep the old value, without fetching it, and lock its row. Return False if the row is not the one that was found."""
        from sqlalchemy import exists, select

        source, columns = self._tables.credentials.c, ("name", *KEPT)
        old = select(*(source[column] for column in columns)).where(*is_state(source, found)).with_for_update()
        kept = self._tables.versions.insert()
        if prunes and self._connections.kind.writes_in_ctes:
            found_row = old.cte("old")
            # Only if the row is the one: the locks of older values come after that of the row. It does not see the value that is kept here.
            pruned = self._prune(found.name, self._keep - 1).where(exists().where(found_row.c.name == found.name)).cte("pruned")
            copy = kept.from_select(columns, select(found_row)).add_cte(pruned)
        else:
            copy = kept.from_select(columns, old)
        return bool(connection.execute(copy.execution_options(**COUNTED)).rowcount)

    def _swap(self, connection: Any, found: Record, columns: Mapping[str, Any], record_id: Optional[bytes]) -> Optional[bytes]:
        """Update the row only if it is still the one that was found. Return its identity, or None if it is not."""
        table = self._tables.credentials
        swap = table.update().where(*is_state(table.c, found)).values(**columns)
        if record_id is None:
            row = connection.execute(swap.returning(table.c.id)).first()
            return None if row is None else bytes(row.id.bytes)
        return record_id if connection.execute(swap).rowcount == 1 else None

    def _prune(self, name: str, keep: int) -> Any:
        """Return the statement that deletes all but the newest kept values.

        The inner query is separate because MySQL deletes from no table that it reads.
        """
        from sqlalchemy import select

        kept = self._tables.versions
        versions = select(kept.c.version).where(kept.c.name == name).order_by(kept.c.version.desc()).limit(1).offset(keep).subquery()
        last = select(versions.c.version).scalar_subquery()
        return kept.delete().where(kept.c.name == name, kept.c.version <= last)

    def patch(self, record: Record, expected_revision: int) -> Record:
        """See `Backend.patch_metadata`."""
        given = identify_record(record)
        expected = Etag(record.version, expected_revision, record.source)
        with self._connections.writing() as connection:
            patched = self._patch_unread(connection, record, given, expected)
            if patched is None:
                found = lock_row(connection, self._tables.credentials, record.name, record.stage)
                if found is None:
                    raise absent(record.name, stage=record.stage)
                check_revision(found, given, record.version, expected_revision)
                patched = self._patch(connection, replace(found, envelope=read_source(expected)), record)
            if patched is None:
                raise envelope_conflict(record.name)
        return patched

    def _patch_unread(self, connection: Any, record: Record, given: Record, expected: Etag) -> Optional[Record]:
        """As `_put_unread`, for `patch`."""
        found = build_expected(record, given, expected)
        if found is None or not given.record_id:
            return None
        if given.envelope is not None and (given.serial, given.revision) != (found.serial, found.revision + 1):
            return None
        return self._patch(connection, found, record)

    def _patch(self, connection: Any, found: Record, record: Record) -> Optional[Record]:
        """Replace the metadata of the row. Return None if it is not the one that was found."""
        known = replace(record, version=found.version, serial=found.serial, record_id=found.record_id)
        patched = replace(known, revision=found.revision + 1, source=record.envelope)
        table = self._tables.credentials
        swap = table.update().where(*is_state(table.c, found)).values(**metadata_columns(patched))
        if connection.execute(swap).rowcount != 1:
            return None
        self._connections.kind.write_tags(connection, self._tables, patched)
        return patched

    def rewrite(self, record: Record, replaces: bytes) -> None:
        """See `EnvelopeRewriter.rewrite_envelope`. Does not check the version: the caller has read it."""
        with self._connections.swapping() as connection:
            for table, row in self._places(record):
                changed = table.update().where(*row, table.c.envelope == replaces).values(**envelope_columns(record.envelope))
                if connection.execute(changed).rowcount:
                    return
            self._explain(connection, record)

    def _places(self, record: Record) -> Any:
        """Return the possible rows of the envelope: that of the stage, or one of the kept versions of `current`."""
        current, kept = self._tables.credentials, self._tables.versions
        stage = [current.c.name == record.name, current.c.stage == record.stage]
        if record.version is None:
            return [(current, stage)]
        serial = version_number(record.version) or 0
        places = [(current, [*stage, current.c.version == serial])]
        if record.stage == CURRENT:
            places.append((kept, [kept.c.name == record.name, kept.c.version == serial]))
        return places

    def _explain(self, connection: Any, record: Record) -> None:
        from sqlalchemy import literal, select

        for table, row in self._places(record):
            if connection.execute(select(literal(1)).select_from(table).where(*row)).first() is not None:
                raise envelope_conflict(record.name)
        there = lock_row(connection, self._tables.credentials, record.name, record.stage)
        raise absent(record.name, None if there is None else record.version, record.stage)

    def document(self, content: bytes, replaces: Optional[bytes]) -> None:
        """See `Backend.write_store_document`."""
        table = self._tables.store
        try:
            with self._connections.writing() as connection:
                if replaces is None:
                    connection.execute(table.insert().values(item=DOCUMENT, content=content))
                    return
                changed = table.update().where(table.c.item == DOCUMENT, table.c.content == replaces).values(content=content)
                if not connection.execute(changed).rowcount:
                    raise document_conflict()
        except Duplicate:
            raise document_conflict() from None
