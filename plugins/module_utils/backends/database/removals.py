# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements that delete: a credential or one of its stages, with its tombstone, and single older values."""

from __future__ import annotations

from typing import Any, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import absent, check_swap
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.connections import Connections
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.row_state import (
    COUNTED,
    build_expected,
    is_state,
    lock_row,
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
            if read is not None and self._connections.kind.writes_in_ctes and self._delete_at_once(connection, read):
                return
            found = lock_row(connection, self._tables.credentials, name, stage)
            if found is None:
                raise absent(name, stage=stage)
            check_swap(name, found, expected)
            self._delete(connection, found)

    def _has_row(self, name: str, stage: str) -> bool:
        from sqlalchemy import select

        columns = self._tables.credentials.c
        with self._connections.reading() as connection:
            return connection.execute(select(columns.version).where(columns.name == name, columns.stage == stage)).first() is not None

    def _delete(self, connection: Any, found: Record) -> None:
        """Delete a row that is locked."""
        table, kept, buried = self._tables.credentials, self._tables.versions, self._tables.tombstones
        if found.stage == CURRENT:
            connection.execute(kept.delete().where(kept.c.name == found.name))
        connection.execute(table.delete().where(table.c.name == found.name, table.c.stage == found.stage))
        row = {"name": found.name, "stage": found.stage, "last_version": found.serial}
        connection.execute(self._connections.kind.insert_greatest(buried, "last_version").values(row))

    def _delete_at_once(self, connection: Any, found: Record) -> bool:
        """Delete the row in one statement. Return False, and change nothing, if it is not the one that was found.

        Only for a state that was read: no version of it can be kept after this statement began, because that changes the state.
        """
        from sqlalchemy import select

        table, kept, columns = self._tables.credentials, self._tables.versions, ("name", "stage", "version")
        gone = table.delete().where(*is_state(table.c, found)).returning(*(table.c[column] for column in columns)).cte("gone")
        insert = self._connections.kind.insert_greatest(self._tables.tombstones, "last_version")
        insert = insert.from_select(("name", "stage", "last_version"), select(*(gone.c[column] for column in columns)))
        if found.stage == CURRENT:
            insert = insert.add_cte(kept.delete().where(kept.c.name.in_(select(gone.c.name))).cte("unkept"))
        return bool(connection.execute(insert.execution_options(**COUNTED)).rowcount)

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
