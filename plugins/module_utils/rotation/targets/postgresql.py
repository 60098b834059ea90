# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PostgreSQL as a target: a role's password, changed by the modules of community.postgresql.

A role has one password at a time; two roles that take turns (`usernames`) overlap. The server gets a SCRAM-SHA-256 verifier
(RFC 5802, RFC 7677), never the password, because it writes failing statements into its log.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.encoding.scram import build_verifier
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.accounts import (
    AccountTarget,
    build_host_option,
    build_login_options,
    build_turns_option,
    find_text_flaw,
    read_text,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    OVERLAP_NONE,
    REAPPLY,
    Modules,
    Requirement,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.postgresql_results import (
    ROLE_QUERY,
    check_right,
    check_role,
    describe_failed_probe,
    describe_obstacles,
    describe_refused_send,
    is_login_refused,
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

CONNECT_PARAMS: Mapping[str, Any] = {"connect_timeout": 10, "options": "-c statement_timeout=15000"}

_NOT_LITERAL = ('"', "%")
"""Characters in a name that postgresql_user reads as a quotation, or as a format. Other options it passes on as they are."""


class PostgreSQL(AccountTarget):
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
        **build_host_option(),
        "role": Option("str", ("The role whose password changes. Defaults to the credential's field C(username).",)),
        **build_turns_option("role", "roles"),
        **build_login_options("postgresql", "role"),
    }
    exclusive = (("admin_password", "admin_credential"), ("role", "usernames"))
    requires = (COLLECTION, PSYCOPG)
    # From ansible-core 2.22 on, modules return these for masking, and its debug output shows them before they are masked.
    secret_arguments = ("password", "login_password")

    noun = "role"
    own_fields = ("host", "port", "database", "ssl_mode")

    def base_traits(self) -> TargetTraits:
        return SINGLE_USER

    def check_account(self, account: str, option: str) -> None:
        """Check that postgresql_user changes the role of exactly that name: it reads `"a"` as the role a, and `a%%b` as a%b.

        Raises:
            InvalidInput: it would read another name.
        """
        found = [character for character in _NOT_LITERAL if character in account]
        if found:
            raise InvalidInput(
                "the name of the role '{}' has a {}, which community.postgresql does not take literally".format(account, found[0]),
                option=option,
                remedy="Nothing was changed. Rename the role (ALTER ROLE ... RENAME TO ...), or use the target 'command'.",
            )

    def describe(self) -> Dict[str, Any]:
        where = {name: self.option(name) for name in ("host", "port", "database")}
        return {name: value for name, value in dict(where, **self.describe_accounts()).items() if value is not None}

    def precheck(self, modules: Modules) -> None:
        """Check that the admin may log in and that every role exists, because postgresql_user would create a missing one.

        Raises:
            MissingLibrary: the host has no psycopg.
            Unavailable: the server cannot be reached, or refuses the admin login, or a connection pooler is in between.
            NotFound: a role does not exist.
            AccessDenied: the admin may not change the role's password.
        """
        for role in self.accounts():
            found = self._read_role(modules, role)
            if self.has_own_login() and is_login_refused(found):
                return  # An earlier run may have changed the password: the probes show it.
            check_role(found, role, self.describe_login(self._server()), PSYCOPG.install)
            check_right(found, role, self.read_admin()[0])

    def find_obstacle(self, modules: Modules, value: Value, place: str = "") -> str:
        return describe_obstacles(self._read_role(modules, self.account_of(value)), self.account_of(value))

    def _read_role(self, modules: Modules, role: str) -> Mapping[str, Any]:
        """Return the result of the query for what a login of the role needs."""
        return modules.run(QUERY_MODULE, dict(self._admin_login(), query=ROLE_QUERY, named_args={"role": role}), self.acts_on)

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        if self.find_flaw(value):
            return steps.REFUSED
        new = build_verifier(read_text(value.fields, value.primary) or "")
        given = dict(self._admin_login(), name=self.account_of(value), password=new, encrypted=True)
        result = modules.run(USER_MODULE, given, self.acts_on)
        modules.note(describe_refused_send(result))
        return send_outcome(result)

    def find_flaw(self, value: Value) -> str:
        return find_text_flaw(value, "PostgreSQL")

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        if self.find_flaw(value):
            return steps.REFUSED
        login = self._probe_login(self.account_of(value), read_text(value.fields, value.primary) or "")
        result = modules.run(PING_MODULE, login, self.acts_on)
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
            "login_host": self.option("host"),
            "login_port": self.option("port"),
            "login_db": self.option("database") or "postgres",
            "login_unix_socket": self.option("unix_socket"),
            "ssl_mode": self.option("ssl_mode"),
            "ca_cert": self.option("ca_cert"),
            "connect_params": dict(CONNECT_PARAMS if further is None else further),
            "login_user": user,
            "login_password": password,
        }
        return {name: value for name, value in options.items() if value is not None}

    def _server(self) -> str:
        server = self.option("unix_socket") if self.option("host") is None else self.option("host")
        return "{}:{}".format(server or "localhost", self.option("port") or 5432)

    def _admin_login(self) -> Dict[str, Any]:
        return self._login(*self.read_admin())
