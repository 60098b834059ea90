# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MariaDB and MySQL through PyMySQL. Sources: their error references (mariadb.com/kb, dev.mysql.com)."""

from __future__ import annotations

import ssl
from typing import Any, Dict, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.dialect import Dialect
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.error_codes import (
    DEADLOCK,
    DENIED,
    FULL,
    LOGIN,
    LOST,
    NO_DATABASE,
    NO_TABLE,
    READ_ONLY,
    SLOW,
    STARTING,
    TOO_LARGE,
    TOO_MANY_CONNECTIONS,
    UNIQUE_VIOLATION,
    UNREACHABLE,
    ErrorMapping,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.options import PYMYSQL, SQLALCHEMY
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.tls import LOCAL, PLAIN, unusable
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, Unavailable

_CODES: Dict[ErrorMapping, str] = {
    LOGIN: "1045 1130 1251 1396 1524 1698 1820 1862 2059 2061 3118 3955 4151",
    NO_DATABASE: "1044 1049",
    DENIED: "1142 1143 1227 1370",
    NO_TABLE: "1054 1146",
    UNIQUE_VIOLATION: "1022 1062",
    DEADLOCK: "1020 1205 1213",
    SLOW: "1317 1969 3024",
    TOO_MANY_CONNECTIONS: "1040 1041 1129 1203 1226",
    STARTING: "1053 1080 1077 1079",
    LOST: "1152 1153 1158 1159 1160 1161 1184 1927 2006 2013 2014 2055 4031",
    UNREACHABLE: "2002 2003 2004 2005",
    FULL: "1021 1114",
    READ_ONLY: "1036 1290 1792 1836",
    TOO_LARGE: "1301 1406",
}
_MEANINGS = {code: meaning for meaning, codes in _CODES.items() for code in codes.split()}
_MEANINGS["1153"] = TOO_LARGE
_NO_TLS = 2026
_MARIADB = "MariaDB"
_INSISTS_ON_TLS = (1, 2)
"""Earlier versions of PyMySQL continue without TLS, and send the password, if a server says that it has none."""
# Rows are locked one by one and read as they are now. Values that do not fit are refused, not cut; quoting is fixed as well.
_SETTINGS = (
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION innodb_lock_wait_timeout = {0:d}, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00'",
)


class Mysql(Dialect):
    """A MySQL server."""

    driver = "mysql+pymysql"
    packages = (SQLALCHEMY, PYMYSQL)
    reads_server_settings = False
    begin = "START TRANSACTION"
    is_mariadb = False

    def connect(self) -> Any:
        try:
            import pymysql
        except ImportError:
            raise self.missing() from None
        wants_tls = self.transport.mode not in {LOCAL, PLAIN}
        if wants_tls and pymysql.VERSION[:2] < _INSISTS_ON_TLS:
            raise self.missing()
        secure = {"ssl": self.transport.context()} if wants_tls else {"ssl_disabled": True}
        try:
            connection = pymysql.connect(**self._arguments(), **secure)
        except pymysql.MySQLError as error:
            cause = getattr(error, "original_exception", None) or error.__context__
            if isinstance(cause, ssl.SSLError) or self.code(error) == str(_NO_TLS):
                raise unusable() from None
            raise
        self.limit_wait(connection)
        with connection.cursor() as cursor:
            self._check_product(connection.get_server_info(), cursor)
            for statement in _SETTINGS:
                cursor.execute(statement.format(max(1, int(self.limits.statement))))
        return connection

    def _check_product(self, greeting: str, cursor: Any) -> None:
        """Refuse MySQL under the name of MariaDB, and the reverse. A proxy greets with a version of its own, so its server is asked."""
        if (_MARIADB in greeting) == self.is_mariadb:
            return
        cursor.execute("SELECT VERSION()")
        if (_MARIADB in str(cursor.fetchone()[0])) != self.is_mariadb:
            raise InvalidConfiguration(
                "the server does not match the dialect", option="url", remedy="Write 'mysql://' for MySQL and 'mariadb://' for MariaDB."
            )

    def _arguments(self) -> Dict[str, Any]:
        from pymysql.constants import CLIENT

        address, password = self.address, self.login.password()
        left = min(self.limits.connect, deadline.remaining())
        place = {"unix_socket": address.socket} if address.socket else {"host": address.host, "port": address.port}
        return dict(
            place,
            user=self.login.username(),
            password=b"" if password is None else password.expose(),
            database=address.database,
            charset="utf8mb4",
            autocommit=True,
            # The count of an UPDATE is the rows that matched, not the rows that it changed.
            client_flag=CLIENT.FOUND_ROWS,
            connect_timeout=left,
            read_timeout=left,
            write_timeout=left,
        )

    def limit_wait(self, connection: Any) -> None:
        # PyMySQL reads these before each read from or write to the socket; it has no other way to change them.
        connection._read_timeout = connection._write_timeout = deadline.remaining()

    def insert_greatest(self, table: Any, column: str) -> Any:
        from sqlalchemy import func
        from sqlalchemy.dialects.mysql import insert

        new = insert(table)
        return new.on_duplicate_key_update({column: func.greatest(table.c[column], new.inserted[column])})

    def code(self, error: Any) -> str:
        first = error.args[0] if error.args else ""
        return str(first) if isinstance(first, int) and first else ""

    def find_meaning(self, code: str) -> Optional[ErrorMapping]:
        return _MEANINGS.get(code)

    def grant(self, privilege: str, table: str) -> str:
        return "GRANT {0} ON `{1}`.`{2}` TO '{3}'@'…';".format(privilege, self.address.database, table, self.address.username or "…")

    def lock(self, connection: Any, name: str) -> None:
        """Take a named lock: DDL commits by itself here, so a transaction holds no lock."""
        if not connection.exec_driver_sql("SELECT GET_LOCK(%s, %s)", (name, max(1, int(deadline.remaining())))).scalar():
            raise Unavailable("another process is changing the tables", remedy="Retry when it has finished.")

    def unlock(self, connection: Any, name: str) -> None:
        connection.exec_driver_sql("SELECT RELEASE_LOCK(%s)", (name,))


class Mariadb(Mysql):
    """A MariaDB server."""

    driver = "mariadb+pymysql"
    is_mariadb = True
