# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connection strings of SQL Server, as ADO.NET (Microsoft.Data.SqlClient) writes them: `Server=host,port;Database=…;User ID=…`."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.types.connection_dialects import DIALECTS, invalid_string

_KEYS = {
    "database": ("Database", "initial catalog"),
    "username": ("User ID", "uid", "user"),
    "password": ("Password", "pwd"),
}
_SERVER = ("server", "data source", "address", "addr", "network address")
_PART_OF = {key.lower(): part for part, keys in _KEYS.items() for key in keys}
_PLAIN = re.compile(r"[^\"'=;\s\x00-\x1f\x7f-\x9f]+\Z")
_ENTRY = re.compile(r"""[;\s]*([^=;]+?)\s*=\s*(?:"((?:[^"]|"")*)"|'((?:[^']|'')*)'|((?!["'])[^;]*?))\s*(?:;|\Z)""")
_END = re.compile(r"[;\s]*\Z")


def is_written_so(text: str) -> bool:
    """Return True if a text looks like such a string, and not like a URL."""
    return re.match(r"[;\s]*[A-Za-z ]+=", text) is not None


def build(parts: Mapping[str, Any]) -> str:
    """Write a connection string. `parts` is as `connection_string.build` takes it."""
    written: Dict[str, str] = {}
    if "host" in parts or "port" in parts:
        written["Server"] = ",".join([parts.get("host", ""), *([parts["port"]] if "port" in parts else [])])
    written.update({keys[0]: parts[part] for part, keys in _KEYS.items() if part in parts})
    written.update(DIALECTS["sqlserver"].write_parameters(parts))
    return ";".join("{0}={1}".format(key, _quote(value)) for key, value in written.items())


def parse(text: str) -> Dict[str, Any]:
    """Parse a connection string into the parts that `build` takes.

    Raises:
        InvalidInput: it is none, or has a key that cannot be kept, or one twice. The text itself is not shown.
    """
    found: Dict[str, Any] = {}
    others: Dict[str, str] = {}
    entries = _read_entries(text)
    for key, value in entries.items():
        part = _PART_OF.get(key.lower())
        if key.lower() in _SERVER:
            found.update(_read_server(value))
        elif part is not None:
            found[part] = value
        else:
            others[key] = value
    if not found:
        raise invalid_string("names neither a server nor a login")
    return dict(found, engine="sqlserver", **DIALECTS["sqlserver"].read_parameters(others))


def _read_entries(text: str) -> Dict[str, str]:
    entries: Dict[str, str] = {}
    seen = set()
    at = 0
    while not _END.match(text, at):
        entry = _ENTRY.match(text, at)
        if entry is None:
            raise invalid_string("has a part that is not key=value")
        key, double, single, plain = entry.groups()
        name = "server" if key.lower() in _SERVER else _PART_OF.get(key.lower()) or DIALECTS["sqlserver"].name_of(key)
        if name in seen:
            raise invalid_string("has a key twice")
        seen.add(name)
        entries[key] = double.replace('""', '"') if double is not None else single.replace("''", "'") if single is not None else plain
        at = entry.end()
    return entries


def _read_server(value: str) -> Dict[str, str]:
    host, _comma, port = value.partition(",")
    host = host[4:] if host.lower().startswith("tcp:") else host
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    return {name: part.strip() for name, part in (("host", host), ("port", port)) if part.strip()}


def _quote(value: str) -> str:
    if _PLAIN.match(value):
        return value
    if '"' in value and "'" not in value:
        return "'{0}'".format(value)
    return '"{0}"'.format(value.replace('"', '""'))
