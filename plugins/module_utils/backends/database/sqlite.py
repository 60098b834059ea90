# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SQLite: a file that only its owner can read, in write-ahead mode. Sources: sqlite.org/wal.html, sqlite.org/rescode.html."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from typing import Any, List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.dialect import Dialect
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.error_codes import (
    BROKEN,
    FULL,
    NO_TABLE,
    READ_ONLY,
    SLOW,
    TOO_LARGE,
    UNIQUE_VIOLATION,
    UNREACHABLE,
    ErrorMapping,
    Meanings,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.tables import Tables
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import StorageError
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import check_private_file, ensure_private_directory
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record

OLDEST = (3, 35, 0)
_ROLE = "the database file"
_WAIT = 30.0
"""Seconds to wait for another writer if no limit is set."""
# Commits are on the disk; deleted data is overwritten; the schema cannot run unsafe functions.
_PRAGMAS = ("synchronous = FULL", "secure_delete = ON", "trusted_schema = OFF")

# Primary result codes.
_MEANINGS: Meanings = {
    "1": NO_TABLE,
    "5": SLOW,
    "6": SLOW,
    "8": READ_ONLY,
    "10": BROKEN,
    "11": BROKEN,
    "13": FULL,
    "14": UNREACHABLE,
    "18": TOO_LARGE,
    "19": UNIQUE_VIOLATION,
    "26": BROKEN,
}


_WRITE_AHEAD = "wal"
_UNKNOWN = ""
"""The tag of a row that was written by hand, whose tags are not in the index. No tag has an empty name."""
_FORGET_TAGS = "DELETE FROM {0}tags WHERE name = OLD.name AND stage = OLD.stage"
_MARK_UNKNOWN = "INSERT INTO {0}tags (name, stage, tag) VALUES (NEW.name, NEW.stage, '')"
_OF_VALID_ROWS = (
    "INSERT INTO {0}tags SELECT name, stage, CASE type WHEN 'text' THEN key ELSE '' END, CASE type WHEN 'text' THEN atom END"
    " FROM {1}, json_each(CASE WHEN json_valid(metadata) THEN metadata END, '$.tags')"
)
_TAG_INDEX = (
    "CREATE TABLE IF NOT EXISTS {0}tags (name TEXT NOT NULL, stage TEXT NOT NULL, tag TEXT NOT NULL, value TEXT)",
    "CREATE INDEX IF NOT EXISTS idx_{0}tags ON {0}tags (tag, stage, value, name)",
    "CREATE INDEX IF NOT EXISTS idx_{0}tagged ON {0}tags (name, stage)",
    "CREATE TRIGGER IF NOT EXISTS {0}tags_insert AFTER INSERT ON {1} BEGIN " + _MARK_UNKNOWN + "; END",
    "CREATE TRIGGER IF NOT EXISTS {0}tags_update AFTER UPDATE OF name, stage, metadata ON {1} BEGIN "
    + _FORGET_TAGS
    + "; "
    + _MARK_UNKNOWN
    + "; END",
    "CREATE TRIGGER IF NOT EXISTS {0}tags_delete AFTER DELETE ON {1} BEGIN " + _FORGET_TAGS + "; END",
    "DELETE FROM {0}tags",
    _OF_VALID_ROWS,
    "INSERT INTO {0}tags SELECT name, stage, '', NULL FROM {1} WHERE NOT json_valid(metadata)",
)
"""A table of the tags of each row. After every write a trigger marks the tags of the row as unknown; then our writes enter them.

So a row that is written by hand is never missing. The triggers read no JSON, because that would refuse a row whose JSON is not valid.
"""


def _tag_table(tables: Tables) -> Any:
    from sqlalchemy import column, table

    return table(tables.prefix + "tags", column("name"), column("stage"), column("tag"), column("value"))


def _journal_mode(connection: sqlite3.Connection) -> str:
    return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


class Sqlite(Dialect):
    """One file."""

    driver = "sqlite+pysqlite"
    tells_missing_tables = hasattr(sqlite3, "SQLITE_ERROR")
    parallel = False
    returns_updated = True
    begin = "BEGIN IMMEDIATE"
    """Without this, a reader that becomes a writer would be refused if another process has written meanwhile."""

    def connect(self) -> Any:
        """Return a connection. Raises also InsecurePermissions: others can read the file or its directory."""
        if sqlite3.sqlite_version_info < OLDEST:
            raise StorageError("this machine has SQLite {0}".format(sqlite3.sqlite_version), remedy="Install 3.35 or later.")
        path = self.address.database
        ensure_private_directory(os.path.dirname(path), "the database's directory", self.warn)
        with translated(_ROLE, path), suppress(FileExistsError):
            # Created here and not by SQLite, whose files get the mode of the umask. Its side files have the mode of this one.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
        check_private_file(path, _ROLE, self.warn)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.limit_wait(connection)
        if _journal_mode(connection) != _WRITE_AHEAD:
            # SQLite does not wait for others when it changes the mode, but refuses; so one process at a time changes it.
            with FileLock(path + ".lock", min(_WAIT, deadline.remaining()), operation="making the database file"):
                if _journal_mode(connection) != _WRITE_AHEAD:
                    connection.execute("PRAGMA journal_mode = WAL")
        for pragma in _PRAGMAS:
            connection.execute("PRAGMA " + pragma)
        return connection

    def limit_wait(self, connection: Any) -> None:
        connection.execute("PRAGMA busy_timeout = {0:d}".format(int(min(_WAIT, deadline.remaining()) * 1000)))

    def insert_greatest(self, table: Any, column: str) -> Any:
        from sqlalchemy import func
        from sqlalchemy.dialects.sqlite import insert

        new = insert(table)
        greater = func.max(table.c[column], new.excluded[column])
        return new.on_conflict_do_update(index_elements=list(table.primary_key), set_={column: greater})

    def build_tag_index(self, tables: Tables) -> List[str]:
        return [statement.format(tables.prefix, tables.credentials.name) for statement in _TAG_INDEX]

    def select_tagged(self, tables: Tables, stage: str, tag: str, value: Optional[str]) -> Any:
        from sqlalchemy import select, union_all

        if not tables.tags_indexed:
            return None
        index = _tag_table(tables).c
        unknown = select(index.name).where(index.tag == _UNKNOWN, index.stage == stage)
        known = select(index.name).where(index.tag == tag, index.stage == stage)
        return tables.credentials.c.name.in_(union_all(unknown, known if value is None else known.where(index.value == value)))

    def write_tags(self, connection: Any, tables: Tables, record: Record) -> None:
        if not tables.tags_indexed:
            return
        index, tags = _tag_table(tables), record.full_metadata.tags
        connection.execute(index.delete().where(index.c.name == record.name, index.c.stage == record.stage))
        if tags:
            rows = [{"name": record.name, "stage": record.stage, "tag": tag, "value": value} for tag, value in tags.items()]
            connection.execute(index.insert().values(rows))

    def code(self, error: Any) -> str:
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:  # before Python 3.11 only the class is known
            return "19" if isinstance(error, sqlite3.IntegrityError) else ""
        return str(code & 0xFF)

    def find_meaning(self, code: str) -> Optional[ErrorMapping]:
        return _MEANINGS.get(code)
