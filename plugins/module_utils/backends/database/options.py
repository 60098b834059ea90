# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options and packages of a store in a database. Times are seconds. Loads no backend."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits, Package, Spec

AUTO, MANUAL, VALIDATE = "auto", "manual", "validate"
"""The choices of `migration`: how to treat tables of an older version."""
SQLALCHEMY = Package("sqlalchemy>=2.0.43", "sqlalchemy")
PSYCOPG = Package("psycopg[binary]>=3.2", "psycopg", "PostgreSQL, CockroachDB")
COCKROACHDB_DIALECT = Package("sqlalchemy-cockroachdb>=2.0.2", "sqlalchemy_cockroachdb", "CockroachDB")
PYMYSQL = Package("pymysql>=1.2", "pymysql", "MariaDB, MySQL")


class PoolLimits(NamedTuple):
    """The kept and the most connections; seconds to wait for one, until an idle one is replaced, and until any one is."""

    min: int = 2
    max: int = 10
    connect_timeout: float = 30.0
    idle_timeout: float = 600.0
    lifetime: float = 1800.0


LOGIN: Spec = {
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "password_file": {"type": "path", "no_log": False},
    "password_env": {"type": "str", "no_log": False},
}
TLS: Spec = {
    "tls_ca": {"type": "path"},
    "tls_cert": {"type": "path"},
    "tls_key": {"type": "path", "no_log": False},
    "verify": {"type": "bool", "default": True},
    "allow_insecure_transport": {"type": "bool", "default": False},
}
_POOL = PoolLimits()


TRAITS = BackendTraits(
    spec={
        "url": {"type": "str", "required": True},
        **LOGIN,
        **TLS,
        "pool": {
            "type": "dict",
            "default": {},
            "options": {
                "min": {"type": "int", "default": _POOL.min},
                "max": {"type": "int", "default": _POOL.max},
                "connect_timeout": {"type": "float", "default": _POOL.connect_timeout},
                "idle_timeout": {"type": "float", "default": _POOL.idle_timeout},
                "lifetime": {"type": "float", "default": _POOL.lifetime},
            },
        },
        "table_prefix": {"type": "str", "default": "cred_"},
        "migration": {"type": "str", "default": AUTO, "choices": [AUTO, MANUAL, VALIDATE]},
        "keep_versions": {"type": "int", "default": 10},
        "audit_table": {"type": "bool", "default": True},
    },
    environment_prefixes=("PG",),
    packages=(SQLALCHEMY, PSYCOPG, COCKROACHDB_DIALECT, PYMYSQL),
)
