# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lock as an advisory lock of PostgreSQL, held by a transaction. The server frees it when the transaction or the connection ends.

By the transaction, not the session: a connection pooler in front of the server may give a session to other clients. The server ends a
transaction that is idle for longer than the lease, by its own clock.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import CONNECTIONS
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.configuration import build_connections
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.connections import Connections
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.url import POSTGRESQL
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.locks.base import Lock, LockService, build_holder

_BITS = 64
_TRY = "SELECT set_config('application_name', %s, true), pg_try_advisory_xact_lock(%s)"
_HOLDER = (
    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.granted"
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND l.objsubid = 1 AND (l.classid::bigint << 32 | l.objid::bigint) = %s"
)


class PostgresqlLocks(LockService):
    """One database. A lock takes a connection while it is held or waited for."""

    def __init__(self, settings: Mapping[str, Any], store: str, warn: Callable[[str], object]) -> None:
        super().__init__(settings, store, warn)
        # A transaction may be idle for twice the time of a statement.
        limits = {"read_timeout": self.lease / 2, "write_timeout": self.lease / 2, "pool": {"min": 1, "max": CONNECTIONS}}
        self._connections = build_connections({**settings, **limits}, store, warn)
        if self._connections.kind.address.dialect != POSTGRESQL:
            remedy = "Write 'postgresql://…', or use another kind of lock."
            raise InvalidConfiguration("a database of this kind has no such locks", option="url", remedy=remedy)
        self.packages = tuple(self._connections.kind.packages)

    def build_lock(self, key: str) -> Lock:
        number = int(key[: _BITS // 4], 16)
        return _Lock(self._connections, number - (1 << _BITS) if number >> (_BITS - 1) else number)

    def close(self) -> None:
        self._connections.close()


class _Lock(Lock):
    def __init__(self, connections: Connections, key: int) -> None:
        self._connections = connections
        self._key = key
        self._transaction = ExitStack()
        self._connection: Any = None
        self._is_held = False

    def try_acquire(self) -> bool:
        if self._connection is None:
            self._connection = self._transaction.enter_context(self._connections.writing())
        self._is_held = bool(self._run(_TRY, build_holder(), self._key)[1])
        return self._is_held

    def release(self) -> bool:
        was_held, self._is_held, self._connection = self._is_held, False, None
        try:
            # A commit gets a response only on the connection that has held the lock until now.
            self._transaction.close()
        except CredentialError:
            return False
        return was_held

    def find_holder(self) -> str:
        return str(self._run(_HOLDER, self._key)[0] or "")

    def _run(self, statement: str, *values: Any) -> Sequence[Any]:
        """Return the first row, or one without a value."""
        with self._connections.translating():
            return self._connection.exec_driver_sql(statement, values).fetchone() or (None,)
