# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Database connection strings, both ways (C6).

PostgreSQL: libpq's URI (PostgreSQL 16 manual, section 34.1.1.2). MySQL: the URI-like string of MySQL's own connectors
(MySQL 8.0 manual, section 4.2.5). Every part is percent-encoded (RFC 3986 section 2.1), so a password may hold any character.
"""

from __future__ import annotations

from typing import Dict, Mapping, NoReturn
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
ENGINES = ("postgresql", "mysql")

_SCHEMES = {"postgresql": "postgresql", "postgres": "postgresql", "mysql": "mysql"}
_SSL_PARAMETER = {"postgresql": "sslmode", "mysql": "ssl-mode"}
_MYSQL_MODES = {
    "disable": "DISABLED",
    "allow": "PREFERRED",  # MySQL has no mode that tries plain first
    "prefer": "PREFERRED",
    "require": "REQUIRED",
    "verify-ca": "VERIFY_CA",
    "verify-full": "VERIFY_IDENTITY",
}
_FROM_MYSQL = {written: mode for mode, written in _MYSQL_MODES.items() if mode != "allow"}


def build(parts: Mapping[str, str]) -> str:
    """Write a connection string.

    Args:
        parts: `engine` (postgresql or mysql) and any of host, port, database, username, password, ssl_mode.
    """
    engine = parts.get("engine", "postgresql")
    text = "{0}://{1}{2}".format(engine, _login(parts), _place(parts))
    if "database" in parts:
        text += "/" + _quote(parts["database"])
    if "ssl_mode" in parts:
        mode = parts["ssl_mode"] if engine == "postgresql" else _MYSQL_MODES[parts["ssl_mode"]]
        text += "{0}?{1}={2}".format("" if "database" in parts else "/", _SSL_PARAMETER[engine], mode)
    return text


def parse(text: str) -> Dict[str, str]:
    """Parse a connection string into the parts that `build` takes. A missing part is left out.

    Raises:
        InvalidInput: the text is no connection string, or has parameters other than the TLS mode. The text itself is not shown.
    """
    try:
        split = urlsplit(text)
        port = split.port
    except ValueError:
        _refuse("is not a URL")
    # Imported here: most processes read no such URL.
    from ansible_collections.nebula.credential.plugins.module_utils.network.urls import is_encoded

    if not is_encoded(split):
        _refuse("has a login that is not percent-encoded")
    engine = _SCHEMES.get(split.scheme)
    if engine is None:
        _refuse("does not start with {0}".format(" or ".join(scheme + "://" for scheme in ENGINES)))
    username, colon, password = split.netloc.rpartition("@")[0].partition(":")
    parts = {
        "username": unquote(username),
        "host": _host(split.netloc),
        "port": str(port or ""),
        "database": unquote(split.path[1:]),
    }
    found = {name: value for name, value in parts.items() if value}
    if colon:
        found["password"] = unquote(password)
    return dict(found, engine=engine, **_ssl_mode(engine, split.query))


def _login(parts: Mapping[str, str]) -> str:
    login = _quote(parts.get("username", ""))
    if "password" in parts:
        login += ":" + _quote(parts["password"])
    return login + "@" if login else ""


def _place(parts: Mapping[str, str]) -> str:
    host = parts.get("host", "")
    # RFC 3986 section 3.2.2: an IPv6 address is in brackets. A socket's directory is percent-encoded as libpq expects it.
    host = "[{0}]".format(host) if ":" in host else _quote(host)
    return "{0}:{1}".format(host, parts["port"]) if parts.get("port") else host


def _host(netloc: str) -> str:
    place = netloc.rpartition("@")[2]
    if place.startswith("["):
        return place[1:].partition("]")[0]
    return unquote(place.partition(":")[0])


def _ssl_mode(engine: str, query: str) -> Dict[str, str]:
    found: Dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name != _SSL_PARAMETER[engine]:
            _refuse("has a parameter that is not kept: {0}".format(ascii(name)))
        mode = value if engine == "postgresql" else _FROM_MYSQL.get(value.upper(), "")
        if mode not in SSL_MODES:
            _refuse("has an unknown {0}".format(name))
        found["ssl_mode"] = mode
    return found


def _quote(part: str) -> str:
    return quote(part, safe="")


def _refuse(what: str) -> NoReturn:
    remedy = "Write engine://username:password@host:port/database, each part percent-encoded, or give the parts as fields."
    raise InvalidInput("the connection string {0}".format(what), option="fields.connection_string", remedy=remedy) from None
