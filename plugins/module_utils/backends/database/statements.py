# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements that write. A write is one transaction; in it the row is locked, compared and swapped."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import (
    absent,
    check_revision,
    check_swap,
    document_conflict,
    envelope_conflict,
    next_serial,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.connections import Connections
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.rows import (
    columns_of,
    envelope_columns,
    identify_record,
    metadata_columns,
    version_number,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.tables import DOCUMENT, KEPT, Tables
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, Duplicate, Unavailable
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
        for _each in range(_ATTEMPTS):
            try:
                with self._connections.writing() as connection:
                    return self._put(connection, record, given, expected, create)
            except Duplicate:
                # Another writer created the same name, or the same version of it, between our read and our write: read again.
                continue
        raise Unavailable("{0} other writers came first".format(_ATTEMPTS), name=record.name, remedy="Repeat when there is less traffic.")

    def _put(self, connection: Any, record: Record, given: Record, expected: Optional[Etag], create: bool) -> Record:
        name, stage = record.name, record.stage
        found = self._lock_row(connection, name, stage)
        check_swap(name, found, expected, create)
        last = (
            (found.serial or 0)
            if found and found.record_id
            else max(self._read_tombstone(connection, name, stage), (found and found.serial) or 0)
        )
        serial = next_serial(name, given.serial, last)
        record_id = given.record_id or (found and found.record_id) or os.urandom(_RECORD_ID_SIZE)
        stored = replace(record, version=str(serial), serial=serial, record_id=record_id, revision=0)
        if found is None:
            self._insert(connection, stored)
        else:
            self._replace(connection, found, stored)
        return stored

    def _lock_row(self, connection: Any, name: str, stage: str) -> Optional[Record]:
        """Return what a writer needs of the row, and lock it until the transaction ends."""
        from sqlalchemy import select

        columns = self._tables.credentials.c
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

    def _read_tombstone(self, connection: Any, name: str, stage: str) -> int:
        from sqlalchemy import select

        columns = self._tables.tombstones.c
        wanted = select(columns.last_version).where(columns.name == name, columns.stage == stage)
        return int(connection.execute(wanted).scalar() or 0)

    def _insert(self, connection: Any, stored: Record) -> None:
        """Insert the row. Check the tombstone afterwards, when no one else can change the name: so no serial is used twice."""
        row = dict(columns_of(stored), name=stored.name, stage=stored.stage)
        connection.execute(self._tables.credentials.insert().values(**row))
        if stored.stage == CURRENT:
            self._forget(connection, stored.name, 0)
        if self._read_tombstone(connection, stored.name, stored.stage) >= (stored.serial or 0):
            raise Duplicate("another writer came first", name=stored.name)

    def _replace(self, connection: Any, found: Record, stored: Record) -> None:
        if stored.stage == CURRENT and found.record_id is None:
            self._forget(connection, found.name, found.serial or 0)
        if stored.stage == CURRENT and self._keep and stored.keep_replaced:
            self._copy(connection, found)
        self._swap(connection, found, columns_of(stored))
        if stored.stage == CURRENT:
            self._prune(connection, stored.name)

    def _forget(self, connection: Any, name: str, serial: int) -> None:
        """Remove the versions of an earlier row of the name that was deleted by hand."""
        kept = self._tables.versions
        connection.execute(kept.delete().where(kept.c.name == name, kept.c.version >= serial))

    def _copy(self, connection: Any, found: Record) -> None:
        """Keep the old value, without fetching it."""
        from sqlalchemy import select

        source, columns = self._tables.credentials.c, ("name", *KEPT)
        old = select(*(source[column] for column in columns)).where(*self._is(source, found))
        connection.execute(self._tables.versions.insert().from_select(columns, old))

    def _swap(self, connection: Any, found: Record, columns: Mapping[str, Any]) -> None:
        """Update the row only if it is still the one that was found."""
        table = self._tables.credentials
        if connection.execute(table.update().where(*self._is(table.c, found)).values(**columns)).rowcount != 1:
            raise Conflict(
                "version {0} is no longer stored".format(found.version),
                name=found.name,
                remedy="Another run changed it first. Read it again and repeat.",
            )

    @staticmethod
    def _is(columns: Any, found: Record) -> Any:
        return (
            columns.name == found.name,
            columns.stage == found.stage,
            columns.version == found.serial,
            columns.revision == found.revision,
        )

    def _prune(self, connection: Any, name: str) -> None:
        """Delete the kept values beyond the newest ones. The inner query is separate because MySQL deletes from no table that it reads."""
        from sqlalchemy import select

        kept = self._tables.versions
        versions = select(kept.c.version).where(kept.c.name == name).order_by(kept.c.version.desc()).limit(1).offset(self._keep).subquery()
        last = select(versions.c.version).scalar_subquery()
        connection.execute(kept.delete().where(kept.c.name == name, kept.c.version <= last))

    def patch(self, record: Record, expected_revision: int) -> Record:
        """See `Backend.patch_metadata`."""
        given = identify_record(record)
        with self._connections.writing() as connection:
            found = self._lock_row(connection, record.name, record.stage)
            if found is None:
                raise absent(record.name, stage=record.stage)
            check_revision(found, given, record.version, expected_revision)
            patched = replace(record, version=found.version, serial=found.serial, record_id=found.record_id, revision=expected_revision + 1)
            self._swap(connection, found, metadata_columns(patched))
        return patched

    def rewrite(self, record: Record, replaces: bytes) -> None:
        """See `EnvelopeRewriter.rewrite_envelope`. Does not check the version: the caller has read it."""
        with self._connections.writing() as connection:
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
        there = self._lock_row(connection, record.name, record.stage)
        raise absent(record.name, None if there is None else record.version, record.stage)

    def delete(self, name: str, stage: str, expected: Optional[Etag]) -> None:
        """See `Backend.delete`."""
        table, kept = self._tables.credentials, self._tables.versions
        with self._connections.writing() as connection:
            found = self._lock_row(connection, name, stage)
            if found is None:
                raise absent(name, stage=stage)
            check_swap(name, found, expected)
            if stage == CURRENT:
                connection.execute(kept.delete().where(kept.c.name == name))
            connection.execute(table.delete().where(table.c.name == name, table.c.stage == stage))
            self._bury(connection, name, stage, found.serial or 0)

    def remove_version(self, name: str, version: str, check: bool) -> None:
        """See `VersionRemover.remove_version`."""
        from sqlalchemy import select

        kept = self._tables.versions
        with self._connections.writing() as connection:
            found = self._lock_row(connection, name, CURRENT)
            if found is None:
                raise absent(name)
            rows = connection.execute(select(kept.c.version).where(kept.c.name == name).order_by(kept.c.version.desc()))
            versions = [str(row.version) for row in rows if str(row.version) != found.version]
            if version not in versions:
                raise absent(name, version, kept=versions)
            if not check:
                connection.execute(kept.delete().where(kept.c.name == name, kept.c.version == int(version)))

    def _bury(self, connection: Any, name: str, stage: str, serial: int) -> None:
        table = self._tables.tombstones
        last = max(serial, self._read_tombstone(connection, name, stage))
        place = (table.c.name == name, table.c.stage == stage)
        if not connection.execute(table.update().where(*place).values(last_version=last)).rowcount:
            connection.execute(table.insert().values(name=name, stage=stage, last_version=last))

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
