# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins of databases (C6)."""

from __future__ import annotations

from typing import Dict

from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import connection_string
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field

CONNECTION_STRING = "connection_string"


class Database(CredentialType):
    """A database user's password and the address of the database.

    `connection_string` is accepted instead of the single fields, and can be read as a field: it is always computed from
    them, so a rotation cannot leave an old one behind.
    """

    name = "database"
    description = "a login of a PostgreSQL or MySQL database"
    primary = "password"
    fields = (
        Field("password", secret=True, required=True, description="The password."),
        Field("username", description="The database user."),
        Field("engine", default="postgresql", choices=connection_string.ENGINES, description="The kind of database."),
        Field("host", description="Host name, address, or the directory of a socket."),
        Field("port", description="1 to 65535."),
        Field("database", description="The database on that server."),
        Field("ssl_mode", choices=connection_string.SSL_MODES, description="How TLS is used, in libpq's words."),
    )

    def is_secret(self, field: str) -> bool:
        """Return True for a connection string too, since it holds the password."""
        return field == CONNECTION_STRING or super().is_secret(field)

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the fields, those of a connection string included. A field that is given wins over the string's part.

        Raises:
            InvalidInput: see `CredentialType.validate`; also an invalid connection string or port.
        """
        complete = super().validate(self.expand(fields))
        port = complete.get("port")
        if port is not None and not port.is_null and not _is_port(port.expose()):
            self.refuse("port", "is not a port", "Use 1 to 65535.")
        return complete

    def expand(self, fields: Fields) -> Dict[str, Secret]:
        """Replace a connection string by its parts."""
        given = dict(fields)
        written = given.pop(CONNECTION_STRING, None)
        if written is None or written.is_null:
            return given
        parts = connection_string.parse(written.expose().decode("utf-8", "replace"))
        return dict({name: Secret(part) for name, part in parts.items()}, **given)

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return a field, or the connection string built from the fields."""
        if field != CONNECTION_STRING:
            return super().read(fields, state, field)
        return Secret(connection_string.build({name: value.expose().decode("utf-8") for name, value in find_values(fields).items()}))


def _is_port(value: bytes) -> bool:
    return value.isdigit() and len(value) <= 5 and 1 <= int(value) <= 65535
