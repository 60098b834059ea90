# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PostgreSQL and CockroachDB through psycopg 3. Sources: PostgreSQL's appendix A (error codes), CockroachDB's error code reference."""

from __future__ import annotations

import select
import zlib
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, Dict, List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.dialect import Dialect
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.error_codes import (
    BROKEN,
    DEADLOCK,
    DENIED,
    FAILED,
    FULL,
    LOGIN,
    LOST,
    NO_DATABASE,
    NO_TABLE,
    NOT_TEXT,
    READ_ONLY,
    SLOW,
    STARTING,
    TOO_LARGE,
    TOO_MANY_CONNECTIONS,
    UNIQUE_VIOLATION,
    UNREACHABLE,
    ErrorMapping,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.options import COCKROACHDB_DIALECT, PSYCOPG, SQLALCHEMY
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.tables import Tables
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.tls import LOCAL, PLAIN, UNVERIFIED, VERIFIED, unusable
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration

_CODES: Dict[ErrorMapping, str] = {
    LOGIN: "28P01 28000",
    NO_DATABASE: "3D000",
    DENIED: "42501",
    NO_TABLE: "42P01 42703 3F000",
    UNIQUE_VIOLATION: "23505 23P01",
    DEADLOCK: "40001 40P01 55P03 25P03",
    SLOW: "57014",
    TOO_MANY_CONNECTIONS: "53300 53400 53200 55000",
    STARTING: "57P01 57P02 57P03 57P05",
    # 40003: CockroachDB does not know the outcome of a commit.
    LOST: "08000 08001 08003 08004 08006 08007 08P01 40003",
    FULL: "53100",
    READ_ONLY: "25006",
    TOO_LARGE: "22001 54000 53000",
    NOT_TEXT: "22P05 22021",
    BROKEN: "XX001 XX002",
}
_MEANINGS = {code: meaning for meaning, codes in _CODES.items() for code in codes.split()}
_SSL_MODES = {VERIFIED: "verify-full", UNVERIFIED: "require", LOCAL: "prefer", PLAIN: "disable"}
_PING_LIMIT = 5
"""Seconds that a ping may take. psycopg keeps the interpreter's lock meanwhile, so no other thread of a session runs."""
_SYSTEM_AUTHORITIES = 160000
"""The libpq version that finds the machine's certificate authorities by itself."""


_FIRST = datetime(1, 1, 1, tzinfo=timezone.utc)
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=timezone.utc)
_READABLE, _WRITABLE = 1, 2
"""The events that psycopg waits for and receives (`psycopg.waiting.Wait` and `Ready`)."""


def _ready(socket: int, wanted: int) -> int:
    """Wait until the server's socket can be read or written; return 0 if the time of the current operation runs out."""
    poll = select.poll()
    poll.register(socket, (select.POLLIN if wanted & _READABLE else 0) | (select.POLLOUT if wanted & _WRITABLE else 0))
    found = poll.poll(deadline.remaining() * 1000)
    if not found:
        return 0
    event = found[0][1]
    # Reading reports an error, or writing if there is nothing to read.
    return (_WRITABLE if event & select.POLLOUT else 0) | (wanted & _READABLE if event & ~select.POLLOUT else 0) or wanted


@lru_cache(maxsize=None)
def _connection_class() -> Any:
    import psycopg

    class Bounded(psycopg.Connection[Any]):
        """A connection on which no call waits longer than the time left for the current operation.

        TCP does not detect a server that accepts and never responds, because its kernel acknowledges. psycopg has no limit for that.
        """

        def wait(self, gen: Any, *_arguments: Any, **_options: Any) -> Any:
            socket = self.pgconn.socket
            try:
                wanted = next(gen)
                while True:
                    ready = _ready(socket, wanted)
                    if not ready:
                        break
                    wanted = gen.send(ready)
            except StopIteration as done:
                return done.value
            gen.close()
            # A late response would be taken for that of the next statement.
            self.pgconn.finish()
            raise psycopg.OperationalError("no answer")

    return Bounded


@lru_cache(maxsize=None)
def _time_loader() -> Any:
    import psycopg
    from psycopg.types.datetime import TimestamptzLoader

    class Unending(TimestamptzLoader):
        """Reads `infinity` and other times that Python does not have as the last one that it has, so that they end no listing."""

        def load(self, data: Any) -> datetime:
            try:
                return super().load(data)
            except psycopg.DataError:
                return _FIRST if bytes(data).startswith(b"-") or bytes(data).endswith(b"BC") else _LAST

    return Unending


def _list_forms(text: str) -> List[Any]:
    """Return the values of JSON, except lists and mappings, whose text in Python is `text`."""
    forms: List[Any] = [text, *(each for each in (True, False, None) if str(each) == text)]
    try:
        number = read_json(text)
    except ValueError:
        return forms
    return [*forms, number] if number.__class__ in (int, float) else forms


class Postgresql(Dialect):
    """A PostgreSQL server."""

    driver = "postgresql+psycopg"
    packages = (SQLALCHEMY, PSYCOPG)
    reads_server_settings = False
    writes_in_ctes = True
    returns_updated = True

    @property
    def begin(self) -> str:
        """Rows are locked one by one, and each statement sees what was committed before it.

        The limits let the server end statements, and free locks, that the client no longer waits for. All settings end with the
        transaction: a connection pooler may give the same server connection to other clients afterwards. A login whose commits are
        not durable (`synchronous_commit` off) would lose values that were acknowledged.
        """
        durably = "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
        return "BEGIN ISOLATION LEVEL READ COMMITTED; {0}; {1}".format(self._limit_locally(), durably)

    def _limit_locally(self) -> str:
        most = max(1, int(self.limits.statement * 1000))
        limits = (("statement_timeout", most), ("lock_timeout", most), ("idle_in_transaction_session_timeout", 2 * most))
        return "; ".join("SET LOCAL {0} = {1:d}".format(*limit) for limit in limits)

    def connect(self) -> Any:
        try:
            import psycopg
        except ImportError:
            raise self.missing() from None
        arguments = self._arguments()
        try:
            connection = _connection_class().connect(**arguments)
        except psycopg.OperationalError as error:
            if self.transport.demands_tls and self._is_tls_refused(arguments):
                raise unusable() from None
            raise error from None
        # The login may have another default; the server reports it. Poolers restore this setting, and the encoding, for each client.
        if not (connection.info.parameter_status("DateStyle") or "").startswith("ISO"):
            connection.execute("SET DateStyle = 'ISO'")
        connection.adapters.register_loader("timestamptz", _time_loader())
        return connection

    def _arguments(self) -> Dict[str, Any]:
        address, password = self.address, self.login.password()
        left = min(self.limits.connect, deadline.remaining())
        arguments: Dict[str, Any] = {
            "host": address.socket or address.host,
            "port": address.port,
            "user": self.login.username(),
            "password": None if password is None else password.expose().decode("utf-8", "surrogateescape"),
            "dbname": address.database,
            "connect_timeout": max(2, int(left)),
            # For data that was sent and not acknowledged; the kernel's own limit is 15 minutes.
            "tcp_user_timeout": int(self.limits.statement * 1000),
            "autocommit": True,
            "client_encoding": "UTF8",
            # A prepared statement costs a request of its own, and a connection pooler may pass it to another server.
            "prepare_threshold": None,
        }
        arguments.update(self._tls())
        return {name: value for name, value in arguments.items() if value is not None or name == "prepare_threshold"}

    def _tls(self) -> Dict[str, Any]:
        transport = self.transport
        arguments: Dict[str, Any] = {"sslmode": _SSL_MODES[transport.mode], "ssl_min_protocol_version": "TLSv1.2"}
        if transport.mode == VERIFIED:
            arguments["sslrootcert"] = transport.authorities() or self._system_authorities()
        if transport.cert:
            arguments.update(sslcert=transport.cert, sslkey=transport.key or transport.cert)
        return arguments

    def _system_authorities(self) -> str:
        import psycopg

        if psycopg.pq.version() < _SYSTEM_AUTHORITIES:
            raise InvalidConfiguration("this machine's authorities are not found", option="tls_ca", remedy="Name the file that holds them.")
        return "system"

    def insert_greatest(self, table: Any, column: str) -> Any:
        from sqlalchemy import func
        from sqlalchemy.dialects.postgresql import insert

        new = insert(table)
        greater = func.greatest(table.c[column], new.excluded[column])
        return new.on_conflict_do_update(index_elements=list(table.primary_key), set_={column: greater})

    def build_tag_index(self, tables: Tables) -> List[str]:
        statement = "CREATE INDEX IF NOT EXISTS idx_{0}tags ON {1} USING gin ((metadata -> 'tags'))"
        return [statement.format(tables.prefix, tables.credentials.name)]

    def select_tagged(self, _tables: Tables, _stage: str, tag: str, value: Optional[str]) -> Any:
        from sqlalchemy import literal_column, or_
        from sqlalchemy.dialects.postgresql import JSONB

        # As in the index, not as a parameter.
        tags: Any = literal_column("(metadata -> 'tags')", JSONB(none_as_null=True))
        if value is None:
            return tags.has_key(tag)
        # A row that was written by hand may hold a number, true, false or null, which is read as a text.
        return or_(*(tags.contains({tag: each}) for each in _list_forms(value)))

    def code(self, error: Any) -> str:
        return getattr(error, "sqlstate", None) or ""

    def find_meaning(self, code: str) -> Optional[ErrorMapping]:
        return _MEANINGS.get(code)

    def meaning(self, error: Any, *, disconnected: bool = False) -> ErrorMapping:
        import psycopg

        if self.code(error) or disconnected:
            return super().meaning(error, disconnected=disconnected)
        if isinstance(error, psycopg.errors.ConnectionTimeout):
            return SLOW
        if isinstance(error, psycopg.DataError):
            return NOT_TEXT
        return self._refusal(error) if isinstance(error, psycopg.OperationalError) else FAILED

    def _refusal(self, error: Any) -> ErrorMapping:
        """Return why a connection was refused. libpq does not expose the server's code, so other signs are read.

        PQping shows whether the server accepts connections. If it does, its text, in any language, quotes the
        missing database or the refused login, or neither if the server has no free connection.
        """
        import psycopg

        if error.pgconn is None:  # the host's name has no address
            return UNREACHABLE
        state = self._ping({})
        if state == psycopg.pq.Ping.REJECT:
            return STARTING
        if state != psycopg.pq.Ping.OK:
            return UNREACHABLE
        said = str(error).partition(":  ")[2]
        user, database = (part and part in said for part in (self.login.username(), self.address.database))
        if error.pgconn.needs_password or user:
            return LOGIN
        return NO_DATABASE if database else TOO_MANY_CONNECTIONS

    def _ping(self, changed: Dict[str, Any]) -> Any:
        """Ping the server without credentials."""
        import psycopg
        from psycopg.conninfo import make_conninfo

        arguments = dict(self._arguments(), user="nobody", dbname="nobody", **changed)
        arguments["connect_timeout"] = min(arguments["connect_timeout"], _PING_LIMIT)
        for ours in ("password", "autocommit", "prepare_threshold", "sslcert", "sslkey"):
            arguments.pop(ours, None)
        return psycopg.pq.PGconn.ping(make_conninfo(**arguments).encode())

    def _is_tls_refused(self, _arguments: Dict[str, Any]) -> bool:
        """Return True if the server is reachable and only TLS prevents the connection."""
        import psycopg

        ping = psycopg.pq.Ping
        return self._ping({}) == ping.NO_RESPONSE and self._ping({"sslmode": "disable", "sslrootcert": ""}) in {ping.OK, ping.REJECT}

    def lock(self, connection: Any, name: str) -> None:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (zlib.crc32(name.encode("utf-8")),))


class Cockroachdb(Postgresql):
    """A CockroachDB cluster. Its transactions are always serialisable."""

    driver = "cockroachdb+psycopg"
    packages = (COCKROACHDB_DIALECT, PSYCOPG)
    reads_server_settings = True
    writes_in_ctes = False

    @property
    def begin(self) -> str:
        return "BEGIN; {0}".format(self._limit_locally())

    def build_tag_index(self, tables: Tables) -> List[str]:
        """Return nothing: no server was available to try its inverted indices. The condition selects the rows without one."""
        return []

    def lock(self, connection: Any, name: str) -> None:
        """Do nothing: it has no such locks. Missing tables are created by any process, and only one of them can insert the version."""
