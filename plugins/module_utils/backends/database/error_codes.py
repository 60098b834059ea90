# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The meanings of the databases' error codes, as errors of the library. Only the code counts, never the text."""

from __future__ import annotations

from typing import Dict, NamedTuple, Type

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    Duplicate,
    InvalidInput,
    LoginFailed,
    ReadOnly,
    StorageError,
    StorageFull,
    Timeout,
    TooLarge,
    Unavailable,
)


class TablesMissing(StorageError):
    """A table or a column is missing: the schema was not created, or belongs to another release."""


class ErrorMapping(NamedTuple):
    """An error's class, what happened and what to do. `lost`: the connection is gone, so the outcome of a running commit is unknown."""

    kind: Type[CredentialError]
    what: str
    remedy: str
    lost: bool = False


LOST = ErrorMapping(Unavailable, "the connection to the database was lost", "Check that the database works.", lost=True)
UNREACHABLE = ErrorMapping(Unavailable, "the database cannot be reached", "Check host and port in 'url', and that the database runs.")
TOO_MANY_CONNECTIONS = ErrorMapping(
    Unavailable, "the database accepts no more connections", "Raise its limit of connections, or run fewer forks."
)
STARTING = ErrorMapping(Unavailable, "the database is starting or stopping", "Retry when it runs.", lost=True)
DEADLOCK = ErrorMapping(Unavailable, "deadlock or lock conflict: the database rolled back the transaction", "Retry.")
SLOW = ErrorMapping(Timeout, "the database did not answer in time", "Check that it works, or increase 'read_timeout' or 'write_timeout'.")
LOGIN = ErrorMapping(
    LoginFailed, "the database refuses the login", "Check 'username' and 'password', and that the login may come from this machine."
)
NO_DATABASE = ErrorMapping(
    AccessDenied, "there is no such database, or the login may not connect to it", "Create it, or GRANT CONNECT (see 'url')."
)
DENIED = ErrorMapping(AccessDenied, "the database denies it", "")
NO_TABLE = ErrorMapping(TablesMissing, "a table or a column is missing", "")
UNIQUE_VIOLATION = ErrorMapping(Duplicate, "another writer came first", "Repeat.")
FULL = ErrorMapping(StorageFull, "the database has no room left", "Free some there and repeat. What was stored before is intact.")
READ_ONLY = ErrorMapping(ReadOnly, "the database takes no writes now", "Name its primary server in 'url', or end its read-only mode.")
TOO_LARGE = ErrorMapping(
    TooLarge, "the database does not take as much at once", "Store less, or raise its limit (for example 'max_allowed_packet')."
)
NOT_TEXT = ErrorMapping(
    InvalidInput, "the database cannot keep a character of the metadata", "Leave NUL characters out of descriptions and tags."
)
BROKEN = ErrorMapping(StorageError, "the database is damaged, or the file is not a database", "Restore it from a backup, or correct 'url'.")
FAILED = ErrorMapping(StorageError, "the database reports an error", "Look into its log.")

Meanings = Dict[str, ErrorMapping]
