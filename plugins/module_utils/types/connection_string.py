# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Database connection strings, both ways (C6).

PostgreSQL: libpq's URI (PostgreSQL 16 manual, section 34.1.1.2). MySQL: the URI-like string of MySQL's own connectors
(MySQL 8.0 manual, section 4.2.5). MongoDB: its connection string specification. Redis: the URL of redis-py. Oracle: the URL of
SQLAlchemy. Every part is percent-encoded (RFC 3986 section 2.1), so a password may hold any character. SQL Server: `sqlserver_string`.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Tuple
from urllib.parse import SplitResult, quote, unquote

from ansible_collections.nebula.credential.plugins.module_utils.network.urls import is_encoded
from ansible_collections.nebula.credential.plugins.module_utils.types import sqlserver_string
from ansible_collections.nebula.credential.plugins.module_utils.types.connection_dialects import DIALECTS, invalid_string

# The standard library's urlsplit knows no lists of hosts.
_URL = re.compile(r"([a-z][a-z0-9+]*)://([^/?#]*)(?:/([^?#]*))?(?:\?([^#]*))?(?:#(.*))?\Z")
_PLACE = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::([0-9]*))?\Z")
_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ENGINES = {scheme: engine for engine, dialect in DIALECTS.items() for scheme in dialect.schemes}


def build(parts: Mapping[str, Any]) -> str:
    """Write a connection string.

    Args:
        parts: `engine` and any of host, port (several with a comma between them), database, username, password, ssl_mode, `pool` (counts
            and seconds by setting; those that the string has no parameter for are left out) and `parameters` (text by name).
    """
    engine = parts.get("engine", "postgresql")
    if engine == "sqlserver":
        return sqlserver_string.build(parts)
    dialect = DIALECTS[engine]
    secure = dialect.tls_scheme and parts.get("ssl_mode", "disable") != "disable"
    text = "{0}://{1}{2}".format(dialect.tls_scheme if secure else dialect.schemes[0], _login(parts), _places(parts))
    query = "&".join("{0}={1}".format(_quote(name), _quote(value)) for name, value in dialect.write_parameters(parts).items())
    path = "" if dialect.service else _quote(parts.get("database", ""))
    return text + ("/" + path if path or query else "") + ("?" + query if query else "")


def parse(text: str) -> Dict[str, Any]:
    """Parse a connection string into the parts that `build` takes. A missing part is left out.

    Raises:
        InvalidInput: the text is no connection string, or has a parameter that cannot be kept. The text itself is not shown.
    """
    if sqlserver_string.is_written_so(text):
        return sqlserver_string.parse(text)
    found = _URL.match(text)
    if found is None or not text.isprintable():
        raise invalid_string("is not a URL")
    scheme, netloc, path, query, fragment = (part or "" for part in found.groups())
    if not is_encoded(SplitResult(scheme, netloc, path, query, fragment)) or _BROKEN.search(text):
        raise invalid_string("has a part that is not percent-encoded")
    engine = _ENGINES.get(scheme)
    if engine is None:
        raise invalid_string("does not start with one of {0}".format(", ".join(each + "://" for each in sorted(_ENGINES))))
    return _read_parts(engine, scheme, netloc, path, query)


def _read_parts(engine: str, scheme: str, netloc: str, path: str, query: str) -> Dict[str, Any]:
    dialect = DIALECTS[engine]
    login, _at, places = netloc.rpartition("@")
    username, colon, password = login.partition(":")
    host, port = _read_places(places)
    if dialect.service and path:
        raise invalid_string("names a SID. Write '?{0}=' and the name of the service".format(dialect.service))
    parts = {"username": _unquote(username), "host": host, "port": port, "database": _unquote(path)}
    found: Dict[str, Any] = {name: value for name, value in parts.items() if value}
    if colon:
        found["password"] = _unquote(password)
    return dict(found, engine=engine, **dialect.read_parameters(_read_query(query), scheme))


def split_places(host: str, port: str) -> Tuple[List[str], List[str]]:
    """Return the hosts of a list, and as many ports: one port is that of all of them."""
    hosts, ports = host.split(","), port.split(",")
    return hosts, ports * len(hosts) if len(ports) == 1 else ports


def _login(parts: Mapping[str, Any]) -> str:
    login = _quote(parts.get("username", ""))
    if "password" in parts:
        login += ":" + _quote(parts["password"])
    return login + "@" if login else ""


def _places(parts: Mapping[str, Any]) -> str:
    hosts, ports = split_places(parts.get("host", ""), parts.get("port", ""))
    return ",".join(_place(host) + (":" + port if port else "") for host, port in zip(hosts, ports))


def _place(host: str) -> str:
    # RFC 3986 section 3.2.2: an IPv6 address is in brackets. A socket's directory is percent-encoded as libpq expects it.
    return "[{0}]".format(quote(host, safe=":")) if ":" in host else _quote(host)


def _read_places(text: str) -> Tuple[str, str]:
    hosts: List[str] = []
    ports: List[str] = []
    for place in text.split(","):
        found = _PLACE.match(place)
        if found is None:
            raise invalid_string("has a host or port that is none")
        host = _unquote(found.group(1) or found.group(2) or "")
        if "," in host:
            raise invalid_string("has a host with a comma in its name")
        hosts.append(host)
        ports.append(found.group(3) or "")
    return ",".join(hosts), ports[0] if len(set(ports)) == 1 else ",".join(ports)


def _read_query(query: str) -> Dict[str, str]:
    found: Dict[str, str] = {}
    for item in filter(None, query.split("&")):
        name, _equals, value = item.partition("=")
        if name in found:
            raise invalid_string("has the parameter {0} twice".format(ascii(_unquote(name))))
        found[_unquote(name)] = _unquote(value)
    return found


def _quote(part: str) -> str:
    return quote(part, safe="")


def _unquote(part: str) -> str:
    try:
        return unquote(part, errors="strict")
    except UnicodeDecodeError:
        raise invalid_string("has a part that is not UTF-8") from None
