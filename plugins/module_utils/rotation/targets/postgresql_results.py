# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What results of the modules of community.postgresql mean. Their texts are read here and are not passed on."""

from __future__ import annotations

from typing import Any, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import MissingLibrary, NotFound, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps

# English texts that show the cause. A text that is not listed leads to unknown or unavailable, which parks and loses nothing.
# PgBouncer says "SASL authentication failed" if it knows another password than the one it gets, and "no such user" if it knows none.
_WRONG_PASSWORD = ("password authentication failed", "SASL authentication failed", "no such user", "is not permitted to log in")
_POOLER = "unsupported startup parameter"
_UNTRIED: Mapping[str, str] = {
    _POOLER: "a connection pooler refuses the parameters of the connection; see 'connect_params'",
    "no pg_hba.conf entry": "pg_hba.conf has no entry for this login",
    "permission denied for database": "the role may not connect to the database",
    "too many connections": "the server has too many connections",
    "server_login_retry": "the connection pooler could not log in to the server, and waits before it tries again",
    "query_wait_timeout": "the connection pooler could not log in to the server",
}
"""Texts of the server that say why a value could not be tried, and our words for them."""
_NOT_SENT = ("unable to connect to database", "Failed to import the required Python library")
_NO_LIBRARY = "Failed to import the required Python library"
_DENIED = (
    "permission denied",
    "must be superuser",
    "must have admin option",
    "CREATEROLE",
    "read-only transaction",
    "recovery is in progress",
)
ROLE_QUERY = """
SELECT rolcanlogin, COALESCE(rolvaliduntil < now(), false) AS is_expired, rolconnlimit = 0 AND NOT rolsuper AS has_no_connections,
       pg_catalog.has_database_privilege(rolname, pg_catalog.current_database(), 'CONNECT') AS may_connect
FROM pg_catalog.pg_roles WHERE rolname::text = %(role)s::text
"""
_OBSTACLES: Tuple[Tuple[str, bool, str], ...] = (
    ("rolcanlogin", False, "it may not log in (NOLOGIN)"),
    ("is_expired", True, "its password has expired (VALID UNTIL is in the past)"),
    ("may_connect", False, "it may not connect to the database (GRANT CONNECT)"),
    ("has_no_connections", True, "it may have no connection (CONNECTION LIMIT 0)"),
)
"""A column of the query, the value with which the server refuses every password, and why."""


def check_role(result: Mapping[str, Any], role: str, install: str) -> None:
    """Check the result of the role query. `install` is the line that installs the library on the host.

    Raises:
        MissingLibrary: the host has no psycopg.
        Unavailable: the server cannot be reached, or refuses the admin login, or a connection pooler is in between.
        NotFound: it has no such role.
    """
    text = str(result.get("msg") or "")
    if _NO_LIBRARY in text:
        raise MissingLibrary("the host that reaches PostgreSQL has no psycopg", remedy="Install it there: {}".format(install))
    if _POOLER in text:
        remedy = "Nothing was changed. Name the server itself in 'host' and 'port', and the pooler in 'probe_host' and 'probe_port'."
        raise Unavailable("a connection pooler refuses the parameters of the connection", option="postgresql.host", remedy=remedy)
    if result.get("failed") or result.get("unreachable"):
        refused = any(known in text for known in _WRONG_PASSWORD)
        what = "PostgreSQL refuses the admin login" if refused else "PostgreSQL cannot be reached"
        raise Unavailable(what, option="postgresql", remedy="Nothing was changed. Check host, port, admin_user and admin_password.")
    if not result.get("rowcount"):
        raise NotFound(
            "PostgreSQL has no role '{}'".format(role), option="postgresql.role", remedy="Nothing was changed. Create the role first."
        )


def send_outcome(result: Mapping[str, Any]) -> str:
    """Return the outcome of an apply; unknown if it is not certain."""
    if result.get("unreachable"):
        return steps.UNKNOWN
    if not result.get("failed"):
        return steps.APPLIED if result.get("changed") else steps.UNKNOWN
    text = str(result.get("msg") or "")
    if any(known in text for known in _NOT_SENT):
        return steps.UNAVAILABLE
    return steps.REFUSED if any(known in text for known in _DENIED) else steps.UNKNOWN


def probe_outcome(result: Mapping[str, Any]) -> str:
    """Return the outcome of a login; unavailable if it is not certain."""
    if result.get("is_available"):
        return steps.ACCEPTED
    text = str(result.get("conn_err_msg") or "")
    return steps.REFUSED if any(known in text for known in _WRONG_PASSWORD) else steps.UNAVAILABLE


def describe_failed_probe(result: Mapping[str, Any]) -> str:
    """Return why a login could not be tried, in words of ours. Empty if nothing is known."""
    text = str(result.get("conn_err_msg") or result.get("msg") or "")
    return next((words for known, words in _UNTRIED.items() if known in text), "")


def describe_obstacles(result: Mapping[str, Any], role: str) -> str:
    """Return what makes the server refuse a role with every password, from the result of the role query. Empty if nothing."""
    rows = result.get("query_result") or [{}]
    found = [why for column, refuses, why in _OBSTACLES if rows[0].get(column) is refuses]
    return "PostgreSQL refuses the role '{}' with every password: {}".format(role, ", ".join(found)) if found else ""
