# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The address of a database: the option `url`, parsed without any library. The password is never shown."""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Dict, Mapping, Optional
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.identity import describe_file
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import is_encoded, is_loopback

SQLITE, POSTGRESQL, MARIADB, MYSQL, COCKROACHDB = "sqlite", "postgresql", "mariadb", "mysql", "cockroachdb"
PORTS: Dict[str, int] = {POSTGRESQL: 5432, MARIADB: 3306, MYSQL: 3306, COCKROACHDB: 26257}
_ALIASES = {"postgres": POSTGRESQL, "cockroach": COCKROACHDB}
_SOCKETS = {POSTGRESQL: "host", MARIADB: "unix_socket", MYSQL: "unix_socket"}
"""The one supported parameter after the '?': the directory of the socket, or the socket."""
_PARTS = ("host", "port", "database", "unix_socket")
"""The options that complete a URL."""
_ENCODE = "Percent-encode the login, or use the options 'username' and 'password'. "
_FORMS = "'postgresql://user@host/database', or the same with mysql, mariadb or cockroachdb, or 'sqlite:////an/absolute/path'"


@dataclass(frozen=True)
class Address:
    """A database. For SQLite `database` is the absolute path of the file; `socket` is set if it is reached without a network."""

    dialect: str
    database: str
    host: Optional[str] = None
    port: Optional[int] = None
    username: Optional[str] = None
    password: Optional[Secret] = None
    socket: Optional[str] = None

    @property
    def redact(self) -> str:
        """The address for people, without the password."""
        if self.dialect == SQLITE:
            return "sqlite:///{0}".format(self.database)
        user = "{0}@".format(self.username) if self.username else ""
        place = self.socket or "{0}:{1}".format("[{0}]".format(self.host) if ":" in str(self.host) else self.host, self.port)
        return "{0}://{1}{2}/{3}".format(self.dialect, user, place, self.database)

    @property
    def location(self) -> str:
        """The same text for every URL of this database, with any login."""
        if self.dialect == SQLITE:
            return "{0} {1}".format(SQLITE, describe_file(self.database))
        place = describe_file(self.socket) if self.socket else "{0}:{1}".format(self.host, self.port)
        return "{0} {1} {2}".format(self.dialect, place, self.database)

    @property
    def is_local(self) -> bool:
        """Whether nothing leaves this machine on the way to the database."""
        return self.dialect == SQLITE or self.socket is not None or is_loopback(str(self.host))


def parse_address(url: str, given: Mapping[str, Any] = MappingProxyType({})) -> Address:
    """Parse a URL.

    Args:
        url: in SQLAlchemy's form; percent-encoded where a part holds one of ``:/?#[]@%``.
        given: the options `host`, `port`, `database` and `unix_socket`, which complete it, and `username`, which replaces its own.

    Raises:
        InvalidConfiguration: it is not such a URL, or it has a part that is given as an option too. The message shows only its dialect.
    """
    if not url:
        raise _invalid_url("it is missing", "It names the kind of the database, even if other options name its place. ")
    try:
        parts = urlsplit(url)
        dialect, port = _dialect(parts.scheme), parts.port
    except ValueError:
        raise _invalid_url("it cannot be read as a URL", _ENCODE) from None
    if dialect == SQLITE:
        return _sqlite(parts, given)
    if not is_encoded(parts):
        raise _invalid_url("it holds a character that separates its parts, where it cannot", _ENCODE)
    return _server(dialect, parts, port, given)


def _dialect(scheme: str) -> str:
    dialect, plus, _driver = scheme.partition("+")
    dialect = _ALIASES.get(dialect, dialect)
    if dialect != SQLITE and dialect not in PORTS:
        raise _invalid_url("there is no dialect {0}".format(ascii(dialect[:40])))
    if plus:
        raise _invalid_url("the driver is chosen by this collection", "Leave out '+' and the driver. ")
    return dialect


def _sqlite(parts: SplitResult, given: Mapping[str, Any]) -> Address:
    for option in _PARTS:
        if given.get(option) is not None:
            raise InvalidConfiguration("SQLite has no server", option=option, remedy="Leave it out; 'url' names the file.")
    path = expand_home(unquote(parts.path[1:]), "url")
    if parts.netloc or parts.query or not os.path.isabs(path):
        raise _invalid_url(
            "a file of SQLite is named by its whole path", "Write four slashes, or three and '~/'. For memory, use 'backend: memory'. "
        )
    return Address(SQLITE, os.path.normpath(path))


def _server(dialect: str, parts: SplitResult, port: Optional[int], given: Mapping[str, Any]) -> Address:
    written = {
        "host": parts.hostname,
        "port": port,
        "database": unquote(parts.path[1:]) or None,
        "unix_socket": _socket(dialect, parts.query),
    }
    found = _complete(written, given)
    host, database = found["host"], found["database"]
    if not database or "/" in database:
        raise _invalid_url("it names no database, and 'database' is not given")
    if str(host or "").startswith("/"):  # as libpq takes a host: the directory of a socket
        host, found["unix_socket"] = None, found["unix_socket"] or host
    if not host and not found["unix_socket"]:
        raise _invalid_url("it names no host, and 'host' is not given")
    password = None if parts.password is None else Secret(unquote(parts.password))
    user = given.get("username") or (unquote(parts.username) if parts.username else None)
    return Address(dialect, database, host, found["port"] or PORTS[dialect], user, password, found["unix_socket"])


def _complete(written: Dict[str, Any], given: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the parts of the URL, completed by the options."""
    for option in _PARTS:
        if given.get(option) is not None:
            if written[option] is not None:
                raise InvalidConfiguration("the URL has one too", option=option, remedy="Give it in one place.")
            written[option] = given[option]
    return written


def _socket(dialect: str, query: str) -> Optional[str]:
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    socket = parameters.pop(_SOCKETS.get(dialect, ""), None)
    if parameters or (socket is not None and not os.path.isabs(socket)):
        raise _invalid_url(
            "it has unsupported parameters", "TLS, time limits and the pool have options of their own ('tls_ca', 'pool', …). "
        )
    return socket


def _invalid_url(what: str, remedy: str = "") -> InvalidConfiguration:
    return InvalidConfiguration(what, option="url", remedy="{0}Write {1}.".format(remedy, _FORMS))
