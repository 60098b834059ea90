# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a database's error codes mean, in the library's words. Databases are told apart by code alone, never by text."""

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
    """A table or a column is not there: the schema was not made, or is another release's."""


class Meaning(NamedTuple):
    """An error's class, what happened and what to do. `lost`: the connection is gone, so a commit under way has an open outcome."""

    kind: Type[CredentialError]
    what: str
    remedy: str
    lost: bool = False


LOST = Meaning(Unavailable, "the connection to the database was lost", "See whether the database is well.", lost=True)
UNREACHABLE = Meaning(Unavailable, "the database cannot be reached", "Check host and port in 'url', and that the database runs.")
BUSY = Meaning(Unavailable, "the database lets nobody else in for now", "Raise its limit of connections, or run fewer forks.")
STARTING = Meaning(Unavailable, "the database is starting or stopping", "Repeat when it runs.", lost=True)
CLASHED = Meaning(Unavailable, "the database broke off a transaction that was in another's way", "Repeat.")
SLOW = Meaning(Timeout, "the database did not answer in time", "See whether it is well, or raise 'read_timeout' or 'write_timeout'.")
LOGIN = Meaning(
    LoginFailed, "the database refuses the login", "Check 'username' and 'password', and that the login may come from this machine."
)
NO_DATABASE = Meaning(
    AccessDenied, "there is no such database, or the login may not connect to it", "Create it, or GRANT CONNECT (see 'url')."
)
DENIED = Meaning(AccessDenied, "the database denies it", "")
NO_TABLE = Meaning(TablesMissing, "a table or a column is missing", "")
TAKEN = Meaning(Duplicate, "another writer came first", "Repeat.")
FULL = Meaning(StorageFull, "the database has no room left", "Free some there and repeat. What was stored before is intact.")
READ_ONLY = Meaning(ReadOnly, "the database takes no writes now", "Name its primary server in 'url', or end its read-only mode.")
TOO_LARGE = Meaning(
    TooLarge, "the database does not take as much at once", "Store less, or raise its limit ('max_allowed_packet', for one)."
)
NOT_TEXT = Meaning(
    InvalidInput, "the database cannot keep a character of the metadata", "Leave NUL characters out of descriptions and tags."
)
BROKEN = Meaning(StorageError, "the database is damaged, or not one", "Restore it from a backup, or name another in 'url'.")
FAILED = Meaning(StorageError, "the database reports an error", "Look into its log.")

Meanings = Dict[str, Meaning]
