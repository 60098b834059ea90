# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections: a pool for this process, a time limit for each use, and errors of the neutral tree."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager, suppress
from typing import Any, Callable, Iterator, List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.dialect import Dialect
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.errors import translate
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.options import PoolLimits
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.rows import read_column
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, LoginFailed, Unavailable

_LEFT_TO_THE_PARENT: List[Any] = []
"""Pools that were open when this process was forked. Kept for ever, because collecting them would close the parent's connections."""


class Connections:
    """A database's connections in this process. After a fork the child opens its own."""

    def __init__(self, kind: Dialect, limits: PoolLimits, command: str) -> None:
        """Take the kind of database, the limits, and the remedy for missing tables (`command`). Opens nothing."""
        self.kind = kind
        self._limits = limits
        self._command = command
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._engine: Any = None
        self._read_settings: Callable[[Any], None] = _ask_nothing
        self._free = threading.BoundedSemaphore(self._limits.max)

    @property
    def most(self) -> int:
        """How many connections this process gains from at once."""
        return self._limits.max if self.kind.parallel else 1

    @contextmanager
    def reading(self) -> Iterator[Any]:
        """Yield a connection on which each statement is its own transaction: one request, and nothing around it.

        Raises:
            CredentialError: the database failed; the class says why.
        """
        with self._take_connection() as connection, self.translating():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Yield a connection in a transaction, which is committed at the end of the block, or rolled back if the block fails.

        Raises:
            CredentialError: as `reading`. The outcome is unknown only if the commit itself got no response.
        """
        with self._take_connection() as connection:
            with self.translating():
                connection.exec_driver_sql(self.kind.begin)
            try:
                with self.translating():
                    yield connection
                if deadline.is_over():
                    raise deadline.timeout_error()
            except BaseException:
                _roll_back(connection)
                raise
            with self.translating(committing=True):
                connection.exec_driver_sql("COMMIT")

    @contextmanager
    def swapping(self) -> Iterator[Any]:
        """Yield a connection as `reading` does, for a write of one statement.

        Raises:
            CredentialError: as `reading`. The outcome is unknown only if the statement got no response.
        """
        with self._take_connection() as connection, self.translating(committing=True):
            yield connection

    @contextmanager
    def translating(self, committing: bool = False) -> Iterator[None]:
        """Raise errors of the libraries as errors of ours. `committing`: the block is a write, whose outcome may stay unknown."""
        try:
            yield
        except CredentialError:
            raise
        except Exception as error:  # noqa: BLE001  # all errors of the libraries: their texts hold statements and values
            raise translate(error, self.kind, self._command, committing=committing) from None

    @contextmanager
    def _take_connection(self) -> Iterator[Any]:
        self._after_fork()
        free = self._free
        if not free.acquire(timeout=min(self._limits.connect_timeout, deadline.remaining())):
            raise Unavailable(
                "all {0} connections of this process are in use".format(self._limits.max), option="pool", remedy="Increase 'max' in it."
            )
        try:
            with self.translating():
                connection = self._find_engine().connect()
            try:
                self.kind.limit_wait(connection.connection.dbapi_connection)
                yield connection
            finally:
                connection.close()
        finally:
            free.release()

    def _after_fork(self) -> None:
        if os.getpid() != self._process:
            if self._engine is not None:
                _LEFT_TO_THE_PARENT.append(self._engine)
            self._lock = threading.Lock()
            self._begin()

    def _find_engine(self) -> Any:
        if self._engine is None:
            with self._lock:
                if self._engine is None:
                    self._engine = self._build_engine()
        return self._engine

    def _build_engine(self) -> Any:
        try:
            import sqlalchemy
            from sqlalchemy.exc import NoSuchModuleError
            from sqlalchemy.pool import QueuePool
        except ImportError:
            raise self.kind.missing() from None
        limits = self._limits
        try:
            engine: Any = sqlalchemy.create_engine(
                "{0}://".format(self.kind.driver),
                creator=self._connect,
                poolclass=QueuePool,
                pool_size=limits.min,
                max_overflow=limits.max - limits.min,
                pool_recycle=int(limits.lifetime),
                # Statements begin and end each transaction explicitly, so nothing needs to be sent when a connection returns to the pool.
                isolation_level="AUTOCOMMIT",
                pool_reset_on_return=None,
                skip_autocommit_rollback=True,
                hide_parameters=True,
                json_deserializer=read_column,
            )
        except (ImportError, NoSuchModuleError, TypeError):  # TypeError: an older SQLAlchemy does not know an option
            raise self.kind.missing() from None
        if not self.kind.reads_server_settings:
            # What it asks a server before the first statement (version, schema, settings) matters only to `inspect`.
            self._read_settings, engine.dialect.initialize = engine.dialect.initialize, _ask_nothing
        _replace_unused(engine, limits.idle_timeout)
        return engine

    def _connect(self) -> Any:
        """Return a new connection. If the login is refused and its password was renewed in the meantime, try the new one, once."""
        used = self.kind.login.password()
        try:
            return self.kind.connect()
        except Exception as error:  # any error of the drivers
            # What an error means may take a request to find out, so the password is compared first.
            if isinstance(error, CredentialError) or self.kind.login.password() == used:
                raise
            if not isinstance(translate(error, self.kind, self._command), LoginFailed):
                raise
        return self.kind.connect()

    def inspect(self, connection: Any) -> Any:
        """Return SQLAlchemy's inspector, which reads what tables and indices exist."""
        from sqlalchemy import inspect

        self._read_settings(connection)
        return inspect(connection)

    def check(self) -> None:
        """Load the libraries.

        Raises:
            MissingLibrary: one is not installed.
        """
        self._find_engine()

    def close(self) -> None:
        """Close every connection. The next use opens new ones."""
        if os.getpid() == self._process and self._engine is not None:
            engine, self._engine = self._engine, None
            engine.dispose()

    def dialect(self) -> Any:
        """Return SQLAlchemy's dialect, which compiles SQL."""
        return self.kind.sql_dialect()


def _ask_nothing(_connection: Any) -> None:
    """Stand in for the questions that SQLAlchemy's dialect asks a server when it first connects."""


def _replace_unused(engine: Any, idle: float) -> None:
    """Replace a connection that was idle for long before it is used: servers and firewalls close such connections."""
    from sqlalchemy import event
    from sqlalchemy.exc import DisconnectionError

    def came_back(_connection: Any, record: Any) -> None:
        record.info["unused_since"] = time.monotonic()

    def is_wanted(_connection: Any, record: Any, _proxy: Any) -> None:
        since: Optional[float] = record.info.get("unused_since")
        if since is not None and time.monotonic() - since > idle:
            raise DisconnectionError("unused for too long")

    event.listen(engine, "checkin", came_back)
    event.listen(engine, "checkout", is_wanted)


def _roll_back(connection: Any) -> None:
    """End a failed transaction. If that is impossible, drop the connection: the server then ends the transaction."""
    if connection.invalidated:
        return
    with suppress(Exception):
        if not deadline.is_over():
            connection.exec_driver_sql("ROLLBACK")
            return
    with suppress(Exception):
        connection.invalidate()
