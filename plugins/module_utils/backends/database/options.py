# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options and packages of a store in a database. Times are seconds. Loads no backend."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Tuple
from urllib.parse import urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import (
    BackendTraits,
    RefusedVariable,
    Spec,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import Package

AUTO, MANUAL, VALIDATE = "auto", "manual", "validate"
"""The choices of `migration`: how to treat tables of an older version."""
SQLALCHEMY = Package("sqlalchemy>=2.0.43", "sqlalchemy")
PSYCOPG = Package("psycopg[binary]>=3.2", "psycopg", "PostgreSQL, CockroachDB")
COCKROACHDB_DIALECT = Package("sqlalchemy-cockroachdb>=2.0.2", "sqlalchemy_cockroachdb", "CockroachDB")
PYMYSQL = Package("pymysql>=1.2", "pymysql", "MariaDB, MySQL")


class PoolLimits(NamedTuple):
    """The kept and the most connections; seconds to wait for one, until an idle one is replaced, and until any one is."""

    min: int = 8
    max: int = 10
    connect_timeout: float = 30.0
    idle_timeout: float = 600.0
    lifetime: float = 1800.0


LOGIN = ("username", "password")
PLACE: Spec = {
    "url": {
        "description": "`postgresql://user@host:port/database`, also `mariadb`, `mysql`, `cockroachdb`; `sqlite:////path`. Required.",
        "type": "str",
    },
    "host": {"description": "The host, if the URL has none (`postgresql://`).", "type": "str"},
    "port": {"description": "The port, if the URL has none.", "type": "int"},
    "database": {"description": "The database, if the URL names none.", "type": "str"},
    "unix_socket": {"description": "The socket, if the URL has none; for PostgreSQL its directory.", "type": "path"},
    "username": {"description": "The user. It replaces that of the URL.", "type": "str"},
    "password": {"description": "The password, if the URL has none.", "type": "str", "no_log": True},
}
"""Which database, and the login. What the URL leaves out can be given by the other options."""
TLS: Spec = {
    "tls_ca": {"description": "A file with the authorities that sign the server's certificate.", "type": "path"},
    "tls_cert": {"description": "The client's certificate.", "type": "path"},
    "tls_key": {"description": "The key of the client's certificate.", "type": "path", "no_log": False},
    "verify": {"description": "Whether the server's certificate is checked.", "type": "bool", "default": True},
    "allow_insecure_transport": {"description": "Allow a connection without TLS to another machine.", "type": "bool", "default": False},
}
ALIASES: Mapping[str, str] = {
    "login_host": "host",
    "login_port": "port",
    "login_db": "database",
    "login_unix_socket": "unix_socket",
    "login_user": "username",
    "login_user_file": "username_file",
    "login_user_env": "username_env",
    "login_password": "password",
    "login_password_file": "password_file",
    "login_password_env": "password_env",
    "validate_certs": "verify",
    "cacert": "tls_ca",
    "ca_cert": "tls_ca",
    "client_cert": "tls_cert",
    "client_key": "tls_key",
}
"""The names of community.postgresql and community.mysql, and those of other backends."""
ENVIRONMENT: Mapping[str, Tuple[str, ...]] = {
    "host": ("PGHOST",),
    "port": ("PGPORT",),
    "database": ("PGDATABASE",),
    "username": ("PGUSER",),
    "password": ("PGPASSWORD",),
    "tls_ca": ("PGSSLROOTCERT",),
    "tls_cert": ("PGSSLCERT",),
    "tls_key": ("PGSSLKEY",),
}
_WEAK = RefusedVariable(
    "asks for a connection that is not verified, or allows one",
    "Write 'verify: false', or 'allow_insecure_transport: true', in the store if that is meant.",
    "verify",
    ("verify-full",),
)
_SERVICE = RefusedVariable("names a service of libpq, and is not read", "Write its values into the store.", "host")
_POSTGRESQL = ("postgresql", "postgres", "cockroachdb", "cockroach")


def _reads_variable(option: str, written: Mapping[str, Any], _filled: Mapping[str, Any]) -> bool:
    """The variables are libpq's: they complete a URL of PostgreSQL or CockroachDB, and replace no part of it."""
    try:
        parts = urlsplit(str(written.get("url") or ""))
    except ValueError:
        return False
    if parts.scheme.partition("+")[0] not in _POSTGRESQL:
        return False
    has_place = bool(parts.hostname or parts.query or written.get("host") or written.get("unix_socket"))
    in_url = {"host": has_place, "port": has_place, "database": len(parts.path) > 1, "username": parts.username, "password": parts.password}
    return not in_url.get(option) and not (option == "verify" and written.get("allow_insecure_transport"))


_POOL = PoolLimits()


TRAITS = BackendTraits(
    spec={
        **PLACE,
        **TLS,
        "pool": {
            "description": "The connections of each process.",
            "type": "dict",
            "default": {},
            "options": {
                "min": {"description": "Connections that are kept. Without it: 8, or `max` if that is less.", "type": "int"},
                "max": {"description": "Connections at once.", "type": "int", "default": _POOL.max},
                "connect_timeout": {"description": "Seconds to wait for a connection.", "type": "float", "default": _POOL.connect_timeout},
                "idle_timeout": {
                    "description": "Seconds after which an unused connection is replaced.",
                    "type": "float",
                    "default": _POOL.idle_timeout,
                },
                "lifetime": {"description": "Seconds after which any connection is replaced.", "type": "float", "default": _POOL.lifetime},
            },
        },
        "table_prefix": {"description": "Begins the name of every table.", "type": "str", "default": "cred_"},
        "migration": {
            "description": "Who creates and changes the tables.",
            "type": "str",
            "default": AUTO,
            "choices": [AUTO, MANUAL, VALIDATE],
        },
        "keep_versions": {"description": "How many older values of a credential can still be read.", "type": "int", "default": 10},
        "audit_table": {"description": "Whether the audit trail goes into the database too.", "type": "bool", "default": True},
    },
    aliases=ALIASES,
    login=LOGIN,
    environment=ENVIRONMENT,
    refused_environment={"PGSSLMODE": _WEAK, "PGSERVICE": _SERVICE},
    reads_variable=_reads_variable,
    environment_prefixes=("PG",),
    packages=(SQLALCHEMY, PSYCOPG, COCKROACHDB_DIALECT, PYMYSQL),
)
