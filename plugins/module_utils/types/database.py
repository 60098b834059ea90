# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins of databases (C6)."""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidToken, Package
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field, read_texts

CONNECTION_STRING = "connection_string"
ENGINES = ("postgresql", "mysql", "mongodb", "mongodb+srv", "redis", "sqlserver", "oracle")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
MAPPINGS = ("pool", "parameters")
_MONGODB = Package("pymongo>=4.9", "pymongo", when="a login of MongoDB that is tried")
CLIENTS: Mapping[str, Package] = {
    "postgresql": Package("psycopg[binary]>=3.2", "psycopg", when="a login of PostgreSQL that is tried"),
    "mysql": Package("pymysql>=1.2", "pymysql", when="a login of MySQL or MariaDB that is tried"),
    "mongodb": _MONGODB,
    "mongodb+srv": _MONGODB,
    "redis": Package("redis>=5.1", "redis", when="a login of Redis or Valkey that is tried"),
    "sqlserver": Package("mssql-python>=1.16", "mssql_python", when="a login of SQL Server that is tried"),
    "oracle": Package("oracledb>=3.0", "oracledb", when="a login of Oracle that is tried"),
}
"""The client library that logs in to each engine."""


class Database(CredentialType):
    """A database user's password, the address of the database, and the settings of its connections.

    `connection_string` is accepted instead of the single fields, and can be read as a field: it is always computed from
    them, so a rotation cannot leave an old one behind.
    """

    name = "database"
    description = "a login of a database"
    primary = "password"
    packages = tuple(dict.fromkeys(CLIENTS.values()))
    fields = (
        Field("password", secret=True, required=True, description="The password."),
        Field("username", identifies=True, description="The database user."),
        Field("username_is_secret", choices=("true", "false"), description="Whether the user's name is masked in output, too."),
        Field("engine", default="postgresql", choices=ENGINES, description="The kind of database."),
        Field("host", identifies=True, description="Host name, address, or the directory of a socket; several with a comma between them."),
        Field("port", description="1 to 65535; one, or one for each host."),
        Field("database", identifies=True, description="The database on that server."),
        Field("ssl_mode", choices=SSL_MODES, description="How TLS is used, in libpq's words."),
        Field("pool", mapping=True, description="The settings of a pool of connections: counts, and times in seconds."),
        Field("parameters", mapping=True, description="Further parameters of the connection string, none of them secret."),
    )

    def is_secret(self, field: str) -> bool:
        """Return True for a connection string too, since it holds the password."""
        return field == CONNECTION_STRING or super().is_secret(field)

    def is_hidden(self, field: str, fields: Fields) -> bool:
        """Return True for the user's name too, if the credential says so."""
        if field == "username" and "username_is_secret" in fields:
            return fields["username_is_secret"].expose() == b"true"
        return super().is_hidden(field, fields)

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the fields, those of a connection string included. A field that is given wins over the string's part.

        Raises:
            InvalidInput: see `CredentialType.validate`; also an invalid connection string, or parts that the engine's string cannot have.
        """
        complete = super().validate(self.expand(fields))
        # Imported here, as below: most processes read no connection string.
        from ansible_collections.nebula.credential.plugins.module_utils.types.connection_checks import check_parts, read_mapping

        for name in MAPPINGS:
            if name in find_values(complete):
                complete[name] = _write_mapping(read_mapping(self, name, complete[name]))
        check_parts(self, _read_parts(complete))
        return complete

    def try_login(self, fields: Fields) -> None:
        """Log in to the database, and change nothing there.

        Raises:
            LoginFailed: the server refuses the login, or has no such database for it.
            Unavailable, Timeout: it cannot be reached, or not as `ssl_mode` demands.
            MissingLibrary: the client library of the engine is not installed.
            InvalidInput: the host or the user is not given, or that client does not know a parameter.
        """
        from ansible_collections.nebula.credential.plugins.module_utils.types import database_login

        parts = _read_parts(self.validate(fields))  # another tool may have written them
        database_login.try_login(self, parts, CLIENTS[parts["engine"]])

    def expand(self, fields: Fields) -> Dict[str, Secret]:
        """Replace a connection string by its parts."""
        given = dict(fields)
        written = given.pop(CONNECTION_STRING, None)
        if written is None or written.is_null:
            return given
        from ansible_collections.nebula.credential.plugins.module_utils.types import connection_string

        parts = connection_string.parse(written.expose().decode("utf-8", "replace"))
        found = {name: _write_mapping(part) if name in MAPPINGS else Secret(part) for name, part in parts.items()}
        return dict(found, **given)

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return a field, or the connection string built from the fields.

        Raises:
            NoToken: there is no such value.
            InvalidToken: another tool has written fields that have no connection string.
        """
        if field != CONNECTION_STRING:
            return super().read(fields, state, field)
        from ansible_collections.nebula.credential.plugins.module_utils.types import connection_string

        try:
            return Secret(connection_string.build(_read_parts(fields)))
        except (AttributeError, KeyError, TypeError, ValueError):
            remedy = "Write the credential again: its fields are checked then, and the wrong one is named."
            raise InvalidToken("its fields have no connection string", remedy=remedy) from None


def _read_parts(fields: Fields) -> Dict[str, Any]:
    return {name: json.loads(text) if name in MAPPINGS else text for name, text in read_texts(fields).items()}


def _write_mapping(mapping: Dict[str, Any]) -> Secret:
    return Secret(json.dumps(mapping, sort_keys=True))
