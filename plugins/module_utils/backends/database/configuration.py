# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the options of a database store and builds its connections. Uses neither network nor library."""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.backends.database import login
from ansible_collections.nebula.credential.plugins.module_utils.backends.database import tls as transport
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.connections import Connections
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.dialect import Dialect, Limits
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.mysql import Mariadb, Mysql
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.options import PoolLimits
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.postgresql import Cockroachdb, Postgresql
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.schema import command
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.sqlite import Sqlite
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.url import (
    COCKROACHDB,
    MARIADB,
    MYSQL,
    POSTGRESQL,
    SQLITE,
    parse_address,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration

Settings = Mapping[str, Any]
Warn = Callable[[str], object]

_POOL = PoolLimits()
DIALECTS: Mapping[str, Any] = {
    SQLITE: Sqlite,
    POSTGRESQL: Postgresql,
    MARIADB: Mariadb,
    MYSQL: Mysql,
    COCKROACHDB: Cockroachdb,
}
# The name of an index is "idx_", the prefix, and a word of seven letters, in at most 63 characters.
_PREFIX = re.compile(r"[a-z_][a-z0-9_]{0,29}\Z")
_WRITE_TIMEOUT = 10.0


def build_connections(settings: Settings, store: str, warn: Warn) -> Connections:
    """Return the connections of a store.

    Raises:
        InvalidConfiguration: an option has an invalid value; the error names it.
    """
    address = parse_address(str(settings.get("url") or ""), settings)
    secured = transport.transport(address, settings, warn)
    pool = _pool(settings.get("pool") or {})
    longest = max(float(settings.get(option) or _WRITE_TIMEOUT) for option in ("read_timeout", "write_timeout"))
    limits = Limits(longest, pool.connect_timeout)
    kind: Dialect = DIALECTS[address.dialect](address, login.Login(address, settings, warn), secured, limits, warn)
    return Connections(kind, pool, command(store))


def check_prefix(prefix: str) -> str:
    """Return the prefix of the tables, which becomes part of statements.

    Raises:
        InvalidConfiguration: it cannot be part of an identifier.
    """
    if not _PREFIX.match(prefix):
        raise InvalidConfiguration(
            "it is not the beginning of a table's name",
            option="table_prefix",
            remedy="Use at most 30 lower-case letters, digits and '_', and no digit first.",
        )
    return prefix


def _pool(given: Mapping[str, Any]) -> PoolLimits:
    limits = _POOL._replace(**{name: value for name, value in given.items() if value is not None})
    if given.get("min") is None and limits.max >= 1:
        limits = limits._replace(min=min(limits.min, limits.max))
    if limits.min < 1 or limits.max < limits.min:
        raise InvalidConfiguration("'min' is below 1, or 'max' is below 'min'", option="pool", remedy="Leave them out for 8 and 10.")
    if min(limits.connect_timeout, limits.idle_timeout, limits.lifetime) <= 0:
        raise InvalidConfiguration("a time in it is not above 0", option="pool", remedy="Give seconds.")
    return limits
