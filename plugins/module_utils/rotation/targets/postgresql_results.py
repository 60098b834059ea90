# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What results of the modules of community.postgresql mean. Their texts are read here and are not passed on."""

from __future__ import annotations

from typing import Any, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, MissingLibrary, NotFound, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.accounts import NETWORK_CAUSES, Cause, login_error

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
_UNANSWERED = (
    "connection",
    "SYSCALL",
    "socket",
    "consuming input failed",
    "sending query failed",
    "flushing failed",
    "receive data",
    "send data",
    "shutting down",
    "crash",
    "timeout expired",
    "MODULE FAILURE",
    "deserialization",
)
"""Parts of what psycopg and ansible-core say if the server's answer to a change was lost. Every other text is the server's answer."""
_READ_ONLY = "the server takes no changes on this connection (a standby, or default_transaction_read_only)"
_DENIED: Mapping[str, str] = {
    "rds_password": "the administrator needs the role rds_password (rds.restrict_password_commands)",
    "not a plain text": "the server checks passwords itself and takes no verifier of one (credcheck.encrypted_password_allowed)",
    "superuser": "only a superuser may change the password of this role",
    "SUPERUSER": "only a superuser may change the password of this role",
    "ADMIN option": "the administrator needs CREATEROLE, and the role WITH ADMIN OPTION",
    "CREATEROLE": "the administrator needs CREATEROLE",
    "permission denied": "the administrator may not change the role's password (CREATEROLE; from PostgreSQL 16 on, ADMIN OPTION too)",
    "read-only transaction": _READ_ONLY,
    "recovery is in progress": _READ_ONLY,
    "statement timeout": "the server did not make the change within the statement timeout",
    "lock timeout": "another transaction holds the role",
}
"""Texts of the server's refusals of a change, and our words for them. The first one that is found counts."""
_CAUSES: Tuple[Cause, ...] = (
    (_WRONG_PASSWORD, "admin_user", "{0} refuses the admin login", "Check admin_user and admin_password, or admin_credential."),
    (("no pg_hba.conf entry",), "admin_user", "pg_hba.conf has no entry for the admin login", "Add one, or name another user or ssl_mode."),
    (
        ("SSL", "certificate", "sslmode", "sslrootcert", "root.crt"),
        "ssl_mode",
        "the TLS connection to {0} failed",
        "Check ssl_mode, ca_cert, and whether the server offers TLS for this host name.",
    ),
    *NETWORK_CAUSES,
    (("database ",), "database", "the server refuses the database", "Check database, and the right to connect to it."),
    (("too many connections", "remaining connection slots"), "host", "the server has too many connections", "Try again later."),
    (("starting up", "shutting down"), "host", "the server is starting or stopping", "Try again later."),
)
ROLE_QUERY = """
SELECT role.rolcanlogin, COALESCE(role.rolvaliduntil < now(), false) AS is_expired,
       role.rolconnlimit = 0 AND NOT role.rolsuper AS has_no_connections,
       pg_catalog.has_database_privilege(role.rolname, pg_catalog.current_database(), 'CONNECT') AS may_connect,
       CASE WHEN pg_catalog.pg_is_in_recovery() OR pg_catalog.current_setting('transaction_read_only') = 'on' THEN 'read_only'
            WHEN admin.rolsuper THEN ''
            WHEN role.rolsuper OR (role.rolreplication AND version.number < 160000) THEN 'superuser'
            WHEN admin.oid = role.oid THEN ''
            WHEN NOT admin.rolcreaterole THEN 'createrole'
            WHEN version.number >= 160000 AND NOT pg_catalog.pg_has_role(role.oid, 'USAGE WITH ADMIN OPTION') THEN 'admin_option'
            ELSE '' END AS missing_right
FROM pg_catalog.pg_roles AS role
JOIN pg_catalog.pg_roles AS admin ON admin.rolname = CURRENT_USER
CROSS JOIN (SELECT pg_catalog.current_setting('server_version_num')::int AS number) AS version
WHERE role.rolname::text = %(role)s::text
"""
_MISSING_RIGHTS: Mapping[str, str] = {
    "read_only": _READ_ONLY,
    "superuser": "only a superuser may change the password of the role '{role}'",
    "createrole": "'{admin}' may not change the password of the role '{role}': it lacks CREATEROLE",
    "admin_option": "'{admin}' may not change the password of the role '{role}': it lacks the role WITH ADMIN OPTION",
}
"""Values of the column `missing_right`: which rights ALTER ROLE ... PASSWORD needs (PostgreSQL's documentation of it)."""
_OBSTACLES: Tuple[Tuple[str, bool, str], ...] = (
    ("rolcanlogin", False, "it may not log in (NOLOGIN)"),
    ("is_expired", True, "its password has expired (VALID UNTIL is in the past)"),
    ("may_connect", False, "it may not connect to the database (GRANT CONNECT)"),
    ("has_no_connections", True, "it may have no connection (CONNECTION LIMIT 0)"),
)
"""A column of the query, the value with which the server refuses every password, and why."""


def check_role(result: Mapping[str, Any], role: str, login: str, install: str) -> None:
    """Check the result of the role query.

    Args:
        result: what the module returned.
        role: the role that was looked for.
        login: the administrator's user name and the server, for messages: `admin at db:5432`.
        install: the line that installs the library on the host.

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
        raise login_error("postgresql", "PostgreSQL", text, login, _CAUSES)
    if not result.get("rowcount"):
        raise NotFound(
            "PostgreSQL has no role '{}'".format(role), option="postgresql.role", remedy="Nothing was changed. Create the role first."
        )


def is_login_refused(result: Mapping[str, Any]) -> bool:
    """Whether the server refused the password with which the module logged in."""
    return bool(result.get("failed")) and any(known in str(result.get("msg") or "") for known in _WRONG_PASSWORD)


def check_right(result: Mapping[str, Any], role: str, admin: str) -> None:
    """Check, by the result of the role query, that the administrator may change the role's password.

    Raises:
        AccessDenied: it may not, or the server takes no changes.
    """
    missing = (result.get("query_result") or [{}])[0].get("missing_right")
    if missing:
        remedy = "Nothing was changed. Grant that right, or name another administrator in 'admin_user' or 'admin_credential'."
        if missing == "read_only":
            remedy = "Nothing was changed. Name the primary server, or a connection that may write."
        raise AccessDenied(_MISSING_RIGHTS[missing].format(role=role, admin=admin), option="postgresql.admin_user", remedy=remedy)


def send_outcome(result: Mapping[str, Any]) -> str:
    """Return the outcome of an apply; unknown if it is not certain. Every answer of the server is certain."""
    if result.get("unreachable"):
        return steps.UNKNOWN
    if not result.get("failed"):
        return steps.APPLIED if result.get("changed") else steps.UNKNOWN
    text = str(result.get("msg") or "")
    if any(known in text for known in _NOT_SENT):
        return steps.UNAVAILABLE
    return steps.REFUSED if text and not any(known in text for known in _UNANSWERED) else steps.UNKNOWN


def describe_refused_send(result: Mapping[str, Any]) -> str:
    """Return why the server refused a change, in words of ours. Empty if nothing is known."""
    text = str(result.get("msg") or "")
    return next((words for known, words in _DENIED.items() if known in text), "") if send_outcome(result) == steps.REFUSED else ""


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
