# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PostgreSQL as a target: its traits, the module calls that reach it, and what their results mean.

Pure functions: whoever drives a rotation runs the modules. A role takes one password at a time; two roles taking turns
(`usernames`) overlap. The server gets a SCRAM-SHA-256 verifier (RFC 5802, RFC 7677), never the password: it prints failing
statements into its log. The texts of the modules are looked at here and go no further.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InvalidInput,
    MissingLibrary,
    NotFound,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    ALTERNATING,
    OVERLAP_NONE,
    REAPPLY,
    Requirement,
    TargetTraits,
)

KIND = "postgresql"

USER_MODULE = "community.postgresql.postgresql_user"
PING_MODULE = "community.postgresql.postgresql_ping"
QUERY_MODULE = "community.postgresql.postgresql_query"

COLLECTION = Requirement("collection", "community.postgresql", "ansible-galaxy collection install community.postgresql")
SCRAMP = Requirement("python", "scramp", "pip install scramp")
PSYCOPG = Requirement("python", "psycopg", "pip install 'psycopg[binary]'", where="target", any_of=("psycopg", "psycopg2"))

SINGLE_USER = TargetTraits(
    overlap=OVERLAP_NONE,
    rollback=REAPPLY,
    probe="a fresh connection is let in with the new password, and not with a random wrong one",
    # connect_timeout and statement_timeout below end a request after 25 s; the rest is for a slow start of the module.
    max_request_life=120,
    apply_limit=60,
    ask_limit=10,
)
ALTERNATING_USERS = replace(SINGLE_USER, overlap=ALTERNATING, slots=2)

CONNECT_PARAMS: Mapping[str, Any] = {"connect_timeout": 10, "options": "-c statement_timeout=15000"}

# The texts that tell why, in the only language in which they are sure: others end in "unknown", which parks and loses nothing.
_WRONG_PASSWORD = ("password authentication failed", "is not permitted to log in")
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


@dataclass(frozen=True)
class Connection:
    """The way to a server and the login that may change the role; what is None is left to the modules' defaults."""

    admin_user: str
    admin_password: Secret = field(repr=False)
    host: Optional[str] = None
    port: Optional[int] = None
    database: str = "postgres"
    unix_socket: Optional[str] = None
    ssl_mode: Optional[str] = None
    ca_cert: Optional[str] = None
    connect_params: Mapping[str, Any] = field(default_factory=lambda: CONNECT_PARAMS)

    def login(self, user: str, password: str) -> Dict[str, Any]:
        """The login options of the community.postgresql modules."""
        options: Dict[str, Any] = {
            "login_host": self.host,
            "login_port": self.port,
            "login_db": self.database,
            "login_unix_socket": self.unix_socket,
            "ssl_mode": self.ssl_mode,
            "ca_cert": self.ca_cert,
            "connect_params": dict(self.connect_params),
            "login_user": user,
            "login_password": password,
        }
        return {name: value for name, value in options.items() if value is not None}

    def described(self) -> Dict[str, Any]:
        """The target as the journal and the report name it, without a login's password."""
        return {"host": self.host or self.unix_socket, "port": self.port, "database": self.database}


Call = Tuple[str, Dict[str, Any]]
"""A module by its full name, and its arguments."""


def scram_library() -> Any:
    """The library scramp, which loads half a dozen others: only a run that rotates waits for it.

    Raises:
        MissingLibrary: it is not installed.
    """
    try:
        import scramp  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        what = "the Python library 'scramp' is missing on the controller"
        raise MissingLibrary(what, remedy="Install it: {}".format(SCRAMP.install)) from None
    return scramp


def verifier(password: str) -> str:
    """The SCRAM-SHA-256 verifier of a password, as PostgreSQL stores it, with a salt of its own.

    Raises:
        MissingLibrary: scramp is not installed.
        InvalidInput: the password has characters that SASLprep (RFC 4013) forbids.
    """
    scramp = scram_library()
    try:
        salt, stored, server, iterations = scramp.ScramMechanism("SCRAM-SHA-256").make_auth_info(password)
    except scramp.ScramException:
        raise InvalidInput(
            "the password has characters that PostgreSQL cannot take",
            option="fields",
            remedy="Use printable characters (RFC 4013), or have the value generated.",
        ) from None
    encoded = [base64.b64encode(part).decode("ascii") for part in (salt, stored, server)]
    return "SCRAM-SHA-256${}:{}${}:{}".format(iterations, *encoded)


def look(connection: Connection, role: str) -> Call:
    """See that the server can be reached with the admin login and has the role: postgresql_user would make a missing one."""
    arguments = connection.login(connection.admin_user, _text(connection.admin_password))
    return QUERY_MODULE, dict(arguments, query="SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = %(role)s", named_args={"role": role})


def seen(result: Mapping[str, Any], role: str) -> None:
    """Judge what `look` found.

    Raises:
        MissingLibrary: the host has no psycopg.
        Unavailable: the server cannot be reached, or refuses the admin login.
        NotFound: it has no such role.
    """
    text = str(result.get("msg") or "")
    if _NO_LIBRARY in text:
        raise MissingLibrary("the host that reaches PostgreSQL has no psycopg", remedy="Install it there: {}".format(PSYCOPG.install))
    if result.get("failed") or result.get("unreachable"):
        refused = any(known in text for known in _WRONG_PASSWORD)
        what = "PostgreSQL refuses the admin login" if refused else "PostgreSQL cannot be reached"
        raise Unavailable(what, option="postgresql", remedy="Nothing was changed. Check host, port, admin_user and admin_password.")
    if not result.get("rowcount"):
        raise NotFound(
            "PostgreSQL has no role '{}'".format(role), option="postgresql.role", remedy="Nothing was changed. Create the role first."
        )


def apply(connection: Connection, role: str, password: str) -> Call:
    """Set the role's password."""
    arguments = connection.login(connection.admin_user, _text(connection.admin_password))
    return USER_MODULE, dict(arguments, name=role, password=verifier(password), encrypted=True)


def applied(result: Mapping[str, Any]) -> str:
    """The outcome of `apply`. Whatever is not certain is unknown."""
    if result.get("unreachable"):
        return steps.UNKNOWN
    if not result.get("failed"):
        return steps.APPLIED if result.get("changed") else steps.UNKNOWN
    text = str(result.get("msg") or "")
    if any(known in text for known in _NOT_SENT):
        return steps.UNAVAILABLE
    return steps.REFUSED if any(known in text for known in _DENIED) else steps.UNKNOWN


def ask(connection: Connection, role: str, password: str) -> Call:
    """Open a fresh connection as the role."""
    return PING_MODULE, connection.login(role, password)


def answered(result: Mapping[str, Any]) -> str:
    """The outcome of `ask` for one password: accepted, refused, or unavailable where neither is certain."""
    if result.get("is_available"):
        return steps.ACCEPTED
    text = str(result.get("conn_err_msg") or "")
    return steps.REFUSED if any(known in text for known in _WRONG_PASSWORD) else steps.UNAVAILABLE


def judged(right: str, wrong: str) -> str:
    """The outcome of a question from what the value and a random wrong one were answered."""
    if right != steps.ACCEPTED:
        return right
    return {steps.REFUSED: steps.ACCEPTED, steps.ACCEPTED: steps.ACCEPTS_ANYTHING}.get(wrong, steps.UNAVAILABLE)


def other_username(usernames: Tuple[str, ...], current: str) -> str:
    """Whose turn it is.

    Raises:
        InvalidInput: `usernames` are not two different ones, or the current user is not among them.
    """
    if len(usernames) != 2 or usernames[0] == usernames[1] or current not in usernames:
        raise InvalidInput(
            "two different users take turns, and the current value's user is one of them",
            option="postgresql.usernames",
            remedy="Name the user of the credential and one more, both existing roles with the same rights.",
        )
    return usernames[1] if usernames[0] == current else usernames[0]


def _text(value: Secret) -> str:
    return value.expose().decode("utf-8")
