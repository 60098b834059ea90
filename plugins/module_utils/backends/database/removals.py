# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements that delete: a credential or one of its stages, with its tombstone, and single older values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import absent, check_swap, envelope_conflict
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.connections import Connections
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.row_state import (
    COUNTED,
    build_expected,
    is_state,
    lock_row,
    read_source,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.tables import Tables
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, Record


class Removals:
    """Deletes rows."""

    def __init__(self, connections: Connections, tables: Tables) -> None:
        """Delete from `tables` over `connections`."""
        self._connections = connections
        self._tables = tables

    def delete(self, name: str, stage: str, expected: Optional[Etag]) -> None:
        """See `Backend.delete`."""
        if stage != CURRENT and not self._has_row(name, stage):
            raise absent(name, stage=stage)
        with self._connections.writing() as connection:
            read = build_expected(Record(name, stage=stage), None, expected)
            if read is not None and self._delete(connection, read):
                return
            found = lock_row(connection, self._tables.credentials, name, stage)
            if found is None:
                raise absent(name, stage=stage)
            check_swap(name, found, expected)
            if not self._delete(connection, replace(found, envelope=read_source(expected))):
                raise envelope_conflict(name)

    def _has_row(self, name: str, stage: str) -> bool:
        from sqlalchemy import select

        columns = self._tables.credentials.c
        with self._connections.reading() as connection:
            return connection.execute(select(columns.version).where(columns.name == name, columns.stage == stage)).first() is not None

    def _delete(self, connection: Any, found: Record) -> bool:
        """Delete the row, its kept values, and record its serial. Return False, and change nothing, if it is not the one that was found.

        The row comes first, so that its lock does.
        """
        table, kept = self._tables.credentials, self._tables.versions
        row = table.delete().where(*is_state(table.c, found))
        tombstone = self._connections.kind.insert_greatest(self._tables.tombstones, "last_version")
        if self._connections.kind.writes_in_ctes:
            return self._delete_at_once(connection, found, row, tombstone)
        if connection.execute(row).rowcount != 1:
            return False
        if found.stage == CURRENT:
            connection.execute(kept.delete().where(kept.c.name == found.name))
        connection.execute(tombstone.values(name=found.name, stage=found.stage, last_version=found.serial))
        return True

    def _delete_at_once(self, connection: Any, found: Record, row: Any, tombstone: Any) -> bool:
        """As `_delete`, in one statement. Only for a state that was read, or is locked: a value that is kept later changes the state."""
        from sqlalchemy import select

        table, kept = self._tables.credentials, self._tables.versions
        gone = row.returning(table.c.name, table.c.stage, table.c.version).cte("gone")
        statement = tombstone.from_select(("name", "stage", "last_version"), select(gone.c.name, gone.c.stage, gone.c.version))
        if found.stage == CURRENT:
            statement = statement.add_cte(kept.delete().where(kept.c.name.in_(select(gone.c.name))).cte("unkept"))
        return bool(connection.execute(statement.execution_options(**COUNTED)).rowcount)

    def remove_version(self, name: str, version: str, check: bool) -> None:
        """See `VersionRemover.remove_version`."""
        from sqlalchemy import select

        kept = self._tables.versions
        with self._connections.writing() as connection:
            found = lock_row(connection, self._tables.credentials, name, CURRENT)
            if found is None:
                raise absent(name)
            rows = connection.execute(select(kept.c.version).where(kept.c.name == name).order_by(kept.c.version.desc()))
            versions = [str(row.version) for row in rows if str(row.version) != found.version]
            if version not in versions:
                raise absent(name, version, kept=versions)
            if not check:
                connection.execute(kept.delete().where(kept.c.name == name, kept.c.version == int(version)))
