# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PostgreSQL as a target: a role's password, changed by the modules of community.postgresql.

A role has one password at a time; two roles that take turns (`usernames`) overlap. The server gets a SCRAM-SHA-256 verifier
(RFC 5802, RFC 7677), never the password, because it writes failing statements into its log.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    ALTERNATING,
    OVERLAP_NONE,
    REAPPLY,
    Modules,
    Requirement,
    Target,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.postgresql_password import build_verifier, find_flaw
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.postgresql_results import (
    ROLE_QUERY,
    check_right,
    check_role,
    describe_failed_probe,
    describe_obstacles,
    describe_refused_send,
    probe_outcome,
    send_outcome,
)

USER_MODULE = "community.postgresql.postgresql_user"
PING_MODULE = "community.postgresql.postgresql_ping"
QUERY_MODULE = "community.postgresql.postgresql_query"

COLLECTION = Requirement(
    "collection",
    "community.postgresql",
    "ansible-galaxy collection install community.postgresql",
    parts=(USER_MODULE, PING_MODULE, QUERY_MODULE),
)
PSYCOPG = Requirement("python", "psycopg", "pip install 'psycopg[binary]'", where="target", parts=("psycopg", "psycopg2"))

SINGLE_USER = TargetTraits(
    overlap=OVERLAP_NONE,
    rollback=REAPPLY,
    probe="a fresh connection is accepted with the new password, and refused with a random wrong one",
    # connect_timeout and statement_timeout below end a request after 25 s; the rest allows for a slow start of the module.
    max_request_life=120,
    apply_limit=60,
    ask_limit=10,
)
ALTERNATING_USERS = replace(SINGLE_USER, overlap=ALTERNATING, slots=2)

CONNECT_PARAMS: Mapping[str, Any] = {"connect_timeout": 10, "options": "-c statement_timeout=15000"}

_OWN_FIELDS = ("host", "port", "database", "ssl_mode")
"""The fields of type `database` that replace an option that is not given."""


_NOT_LITERAL = ('"', "%")
"""Characters in a name that postgresql_user reads as a quotation, or as a format. Other options it passes on as they are."""


class PostgreSQL(Target):
    """The password of one role, or of two roles that take turns."""

    kind = "postgresql"
    summary = "V(postgresql) changes the password of a PostgreSQL role."
    about = (
        (
            "The PostgreSQL server, and whose password changes there. The modules of C(community.postgresql) reach it from the"
            " task's host, which needs C(psycopg)."
        ),
        "The server gets a SCRAM-SHA-256 verifier, never the password.",
        (
            "The names of community.postgresql are taken too: C(login_host), C(login_port), C(login_db), C(login_unix_socket),"
            " C(login_user) and C(login_password) (the administrator's), C(ssl_rootcert)."
        ),
        "A single role has no grace period, because it has one password at a time.",
    )
    options = {
        "host": Option(
            "str",
            ("Host name or address, as seen from the task's host. Defaults to the credential's field C(host).",),
            aliases=("login_host",),
        ),
        "port": Option("int", ("The port. Defaults to the credential's field C(port), or 5432 if it has none.",), aliases=("login_port",)),
        "probe_host": Option(
            "str",
            (
                (
                    "Where a value is tried, if applications connect to another address than O(postgresql.host), for example a connection"
                    " pooler. As seen from the task's host. Defaults to O(postgresql.host)."
                ),
            ),
        ),
        "probe_port": Option("int", ("The port of O(postgresql.probe_host). Defaults to O(postgresql.port).",)),
        "database": Option(
            "str",
            ("The database to connect to. Defaults to the credential's field C(database), or V(postgres) if it has none.",),
            aliases=("login_db",),
        ),
        "unix_socket": Option(
            "path",
            ("The directory of a Unix socket, in place of a host. Peer authentication cannot be verified and is rolled back.",),
            aliases=("login_unix_socket",),
        ),
        "ssl_mode": Option("str", ("How TLS is used, in libpq's words. Defaults to the credential's field C(ssl_mode).",)),
        "ca_cert": Option(
            "path", ("A file of CA certificates that verify the server's certificate, on the task's host.",), aliases=("ssl_rootcert",)
        ),
        "connect_params": Option(
            "dict",
            (
                (
                    "Further parameters of the connection, in libpq's words, in place of C(connect_timeout=10) and a statement"
                    " timeout of 15 s."
                ),
                "Keep a request shorter than 100 s, or a late one may land after the rotation was settled.",
            ),
        ),
        "role": Option("str", ("The role whose password changes. Defaults to the credential's field C(username).",)),
        "usernames": Option(
            "list",
            (
                "Two roles that take turns. The new value is the other role's user name and password, so that the old one keeps working.",
                "Both must exist and have the same rights. Consumers must read user name and password in one lookup.",
            ),
            elements="str",
        ),
        "admin_user": Option(
            "str",
            ("A role that may change the password. Defaults to the user name of O(postgresql.admin_credential).",),
            aliases=("login_user",),
        ),
        "admin_password": Option("str", ("The password of O(postgresql.admin_user).",), no_log=True, aliases=("login_password",)),
        "admin_credential": Option(
            "str",
            ("A credential in the same store that holds the admin's user name and password.",),
            no_log=False,
            credential=True,
        ),
    }
    exclusive = (("admin_password", "admin_credential"), ("role", "usernames"))
    requires = (COLLECTION, PSYCOPG)
    # From ansible-core 2.22 on, modules return these for masking, and its debug output shows them before they are masked.
    secret_arguments = ("password", "login_password")

    def __init__(self, options: Mapping[str, Any], current: Value) -> None:
        self._options = options
        self._current = current
        self._usernames: Tuple[str, ...] = tuple(options.get("usernames") or ())

    @property
    def traits(self) -> TargetTraits:
        return ALTERNATING_USERS if self._usernames else SINGLE_USER

    def check(self) -> None:
        self._admin()
        for role in self._roles():
            _check_literal(role, "postgresql.usernames" if self._usernames else "postgresql.role")

    def describe(self) -> Dict[str, Any]:
        where = {name: self._option(name) for name in ("host", "port", "database")}
        role = {"usernames": list(self._usernames)} if self._usernames else {"role": self._role(self._current)}
        return {name: value for name, value in dict(where, **role).items() if value is not None}

    def next_fields(self, base: Value) -> Fields:
        if not self._usernames:
            return {}
        return {"username": Secret(_other_username(self._usernames, _text(base.fields, "username") or ""))}

    def precheck(self, modules: Modules) -> None:
        """Check that the admin may log in and that every role exists, because postgresql_user would create a missing one.

        Raises:
            MissingLibrary: the host has no psycopg.
            Unavailable: the server cannot be reached, or refuses the admin login, or a connection pooler is in between.
            NotFound: a role does not exist.
            AccessDenied: the admin may not change the role's password.
        """
        for role in self._roles():
            found = self._read_role(modules, role)
            check_role(found, role, self._describe_login(), PSYCOPG.install)
            check_right(found, role, self._admin()[0])

    def find_obstacle(self, modules: Modules, value: Value, place: str = "") -> str:
        return describe_obstacles(self._read_role(modules, self._role(value)), self._role(value))

    def _read_role(self, modules: Modules, role: str) -> Mapping[str, Any]:
        """Return the result of the query for what a login of the role needs."""
        return modules.run(QUERY_MODULE, dict(self._admin_login(), query=ROLE_QUERY, named_args={"role": role}))

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        if self.find_flaw(value):
            return steps.REFUSED
        new = build_verifier(_text(value.fields, value.primary) or "")
        result = modules.run(USER_MODULE, dict(self._admin_login(), name=self._role(value), password=new, encrypted=True))
        modules.note(describe_refused_send(result))
        return send_outcome(result)

    def find_flaw(self, value: Value) -> str:
        return find_flaw(value.fields[value.primary].expose() if value.primary in value.fields else b"")

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        if self.find_flaw(value):
            return steps.REFUSED
        result = modules.run(PING_MODULE, self._probe_login(self._role(value), _text(value.fields, value.primary) or ""))
        modules.note(describe_failed_probe(result))
        return probe_outcome(result)

    def _probe_login(self, user: str, password: str) -> Dict[str, Any]:
        """Return the login options for a probe: where applications connect, and without what a pooler would refuse."""
        login = self._login(user, password)
        if self._options.get("probe_host") is not None:
            login.pop("login_unix_socket", None)
        where = {"login_host": self._options.get("probe_host"), "login_port": self._options.get("probe_port")}
        login.update({name: value for name, value in where.items() if value is not None})
        if self._options.get("connect_params") is None:
            # A probe changes nothing, so no request of it can land late: the server needs no limit.
            login["connect_params"] = {"connect_timeout": CONNECT_PARAMS["connect_timeout"]}
        return login

    def _login(self, user: str, password: str) -> Dict[str, Any]:
        """Return the login options of the community.postgresql modules, without those that are None."""
        further = self._options.get("connect_params")
        options: Dict[str, Any] = {
            "login_host": self._option("host"),
            "login_port": self._option("port"),
            "login_db": self._option("database") or "postgres",
            "login_unix_socket": self._option("unix_socket"),
            "ssl_mode": self._option("ssl_mode"),
            "ca_cert": self._option("ca_cert"),
            "connect_params": dict(CONNECT_PARAMS if further is None else further),
            "login_user": user,
            "login_password": password,
        }
        return {name: value for name, value in options.items() if value is not None}

    def _describe_login(self) -> str:
        """Return the administrator's user name and the server, for messages."""
        credential = self._options.get("admin_credential")
        server = self._option("unix_socket") if self._option("host") is None else self._option("host")
        where = "{}:{}".format(server or "localhost", self._option("port") or 5432)
        return "{} at {}{}".format(self._admin()[0], where, ", login from admin_credential" if credential else "")

    def _admin_login(self) -> Dict[str, Any]:
        return self._login(*self._admin())

    def _admin(self) -> Tuple[str, str]:
        """Return the user name and the password that may change the role.

        Raises:
            InvalidInput: one of them is missing.
        """
        stored = self._options.get("admin_credential")
        user = self._options.get("admin_user") or (stored and _text(stored, "username"))
        password = _text(stored, "password") if stored else self._options.get("admin_password")
        if not user or not password:
            raise InvalidInput(
                "there is no login that may change the role's password",
                option="postgresql.admin_user",
                remedy="Give admin_user and admin_password, or admin_credential: a credential with username and password.",
            )
        return user, password

    def _option(self, name: str) -> Any:
        """Return an option, or the credential's own field of that name."""
        if self._options.get(name) is not None:
            return self._options[name]
        own = _text(self._current.fields, name) if name in _OWN_FIELDS else None
        return int(own) if own and name == "port" else own

    def _roles(self) -> Tuple[str, ...]:
        """Return the roles whose passwords may change."""
        return self._usernames or (self._role(self._current),)

    def _role(self, value: Value) -> str:
        role = self._options.get("role") or _text(value.fields, "username")
        if not role:
            raise InvalidInput(
                "the credential has no username, so the role is not known",
                option="postgresql.role",
                remedy="Name the role, or store the credential with a username.",
            )
        return str(role)


def _check_literal(role: str, option: str) -> None:
    """Check that postgresql_user changes the role of exactly that name: it reads `"a"` as the role a, and `a%%b` as a%b.

    Raises:
        InvalidInput: it would read another name.
    """
    found = [character for character in _NOT_LITERAL if character in role]
    if found:
        raise InvalidInput(
            "the name of the role '{}' has a {}, which community.postgresql does not take literally".format(role, found[0]),
            option=option,
            remedy="Nothing was changed. Rename the role (ALTER ROLE ... RENAME TO ...), or use the target 'command'.",
        )


def _other_username(usernames: Tuple[str, ...], current: str) -> str:
    """Return the user whose turn it is.

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


def _text(fields: Fields, name: str) -> Optional[str]:
    return fields[name].expose().decode("utf-8") if name in fields else None
