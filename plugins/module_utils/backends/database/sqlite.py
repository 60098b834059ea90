# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SQLite: a file that only its owner can read, in write-ahead mode. Sources: sqlite.org/wal.html, sqlite.org/rescode.html."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from typing import Any, Optional

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
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import StorageError
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import check_private_file, ensure_private_directory

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

    def code(self, error: Any) -> str:
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:  # before Python 3.11 only the class is known
            return "19" if isinstance(error, sqlite3.IntegrityError) else ""
        return str(code & 0xFF)

    def find_meaning(self, code: str) -> Optional[ErrorMapping]:
        return _MEANINGS.get(code)
