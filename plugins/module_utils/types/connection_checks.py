# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of a database's fields that depend on its kind, so that each credential that is stored has a connection string."""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType
from ansible_collections.nebula.credential.plugins.module_utils.types.connection_dialects import DIALECTS, Dialect, is_kept
from ansible_collections.nebula.credential.plugins.module_utils.types.connection_string import split_places

_COUNTS = ("min_connections", "max_connections")
_SECONDS = ("connection_timeout", "idle_timeout", "max_lifetime")


def read_mapping(kind: CredentialType, field: str, value: Secret) -> Dict[str, Any]:
    """Return a field that is a mapping, as it is stored: whole numbers in `pool`, text in `parameters`.

    Raises:
        InvalidInput: it is no mapping, or holds something else.
    """
    try:
        found = json.loads(value.expose())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        kind.refuse(field, "is not a mapping", "Write one, or its JSON as text.")
    if field == "pool":
        return _read_pool(kind, found)
    return {name: _read_parameter(kind, name, each) for name, each in found.items()}


def check_parts(kind: CredentialType, parts: Mapping[str, Any]) -> None:
    """Check what the connection string of the engine can have.

    Raises:
        InvalidInput: a field does not fit. Its value is not shown.
    """
    engine = str(parts.get("engine", "postgresql"))
    dialect = DIALECTS[engine]
    _check_places(kind, parts, dialect)
    if "ssl_mode" in parts and parts["ssl_mode"] not in dialect.tls:
        remedy = "{0} knows: {1}.".format(engine, ", ".join(dialect.tls))
        if not dialect.tls:
            remedy = "Leave it out: the client of {0} has its own configuration of TLS.".format(engine)
        kind.refuse("ssl_mode", "does not fit the engine", remedy)
    for name, value in parts.get("parameters", {}).items():
        _check_parameter(kind, name, value, dialect, parts.get("pool", {}))
    if engine == "redis" and not str(parts.get("database", "0")).isdecimal():
        kind.refuse("database", "is not a number", "Redis numbers its databases.")
    if engine == "mongodb+srv" and "port" in parts:
        kind.refuse("port", "is given", "Leave it out: the hosts and their ports come from DNS.")


def _check_places(kind: CredentialType, parts: Mapping[str, Any], dialect: Dialect) -> None:
    hosts, ports = split_places(str(parts.get("host", "")), str(parts.get("port", "")))
    if len(hosts) > 1 and not dialect.hosts:
        kind.refuse("host", "is a list", "Name one host: only postgresql and mongodb have lists of them.")
    if len(hosts) > 1 and not all(hosts):
        kind.refuse("host", "has an empty entry", "Write hosts with a comma between them.")
    if any("/" in host for host in hosts) and not dialect.sockets:
        kind.refuse("host", "is a path", "Name a host.")
    if any("[" in host or "]" in host for host in hosts):
        kind.refuse("host", "has brackets", "Write an IPv6 address without them.")
    if not all(is_port(port) for port in ports if port or ("port" in parts and len(hosts) == 1)):
        kind.refuse("port", "is not a port", "Use 1 to 65535.")
    if len(hosts) != len(ports):
        kind.refuse("port", "is a list of another length than 'host'", "Write one port, or one for each host.")


def is_port(value: str) -> bool:
    """Return True for the text of a port number, 1 to 65535."""
    return value.isascii() and value.isdigit() and len(value) <= 5 and 1 <= int(value) <= 65535


def _read_pool(kind: CredentialType, given: Mapping[str, Any]) -> Dict[str, int]:
    unknown = sorted(set(given) - {*_COUNTS, *_SECONDS})
    if unknown:
        kind.refuse("pool", "has unknown settings: {0}".format(", ".join(map(ascii, unknown))), "Use {0}.".format(_settings()))
    found = {}
    for name, value in given.items():
        number = value if isinstance(value, int) and not isinstance(value, bool) else _read_digits(value)
        least = 0 if name == "min_connections" else 1
        if number is None or not least <= number < 2**31:
            kind.refuse("pool", "has a wrong {0}".format(name), "Write a whole number from {0} up.".format(least))
        found[name] = number
    if found.get("min_connections", 0) > found.get("max_connections", 2**31):
        kind.refuse("pool", "has a min_connections above max_connections", "Lower the one or raise the other.")
    return found


def _read_digits(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 11 else None


def _settings() -> str:
    return "{0} (counts) and {1} (seconds)".format(", ".join(_COUNTS), ", ".join(_SECONDS))


def _read_parameter(kind: CredentialType, name: str, value: Any) -> str:
    if isinstance(value, (dict, list)) or value is None:
        kind.refuse("parameters", "has a value that is none: {0}".format(ascii(name)), "Write text, a number or a boolean.")
    return value if isinstance(value, str) else json.dumps(value)


def _check_parameter(kind: CredentialType, name: str, value: str, dialect: Dialect, pool: Mapping[str, int]) -> None:
    if not is_kept(name):
        remedy = "Give what has a field of its own there. What holds a secret belongs into a credential of its own."
        kind.refuse("parameters", "has one that is not kept: {0}".format(ascii(name)), remedy)
    setting = dialect.find_setting(name)
    in_pool = setting is not None and (setting in pool or dialect.read_pool(name, value) is not None)
    if in_pool or dialect.is_tls(name) or name == dialect.service:
        kind.refuse("parameters", "has {0}, which has a field".format(ascii(name)), "Use 'pool', 'ssl_mode' or 'database'.")
