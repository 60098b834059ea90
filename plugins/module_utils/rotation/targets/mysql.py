# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MySQL and MariaDB as a target: a user's password, changed by statements that community.mysql's module mysql_query sends.

`mysql_user` is not used: it moves every user to mysql_native_password, removes REQUIRE SSL, and knows no second password. MariaDB
gets a hash, never the password, because its general log prints statements as they are; MySQL hides passwords in its logs.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any, Dict, Mapping, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import is_loopback
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
    DUAL,
    NATIVE,
    OVERLAP_NONE,
    REAPPLY,
    Modules,
    Requirement,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.mysql_results import (
    READ_ACCOUNT,
    WHO,
    Account,
    check_account,
    check_plugin,
    check_right,
    describe_failed_probe,
    describe_refused_send,
    is_login_refused,
    read_login,
    send_outcome,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option

QUERY_MODULE = "community.mysql.mysql_query"
COLLECTION = Requirement("collection", "community.mysql", "ansible-galaxy collection install community.mysql", parts=(QUERY_MODULE,))
PYMYSQL = Requirement("python", "PyMySQL", "pip install PyMySQL", where="target", parts=("pymysql", "MySQLdb"))

CONNECT_TIMEOUT = 10
LIMITS = "SET SESSION lock_wait_timeout = 15 /*M!100100 , max_statement_time = 15 */"
"""A change that waits for a lock ends after that time. Only MariaDB reads the second part: there the first does not hold for users."""

SINGLE_USER = TargetTraits(
    overlap=OVERLAP_NONE,
    rollback=REAPPLY,
    probe="a fresh connection is accepted with the new password, and refused with a random wrong one",
    # The limits above end a request after 25 s; the rest allows for a slow start of the module.
    max_request_life=120,
    apply_limit=60,
    ask_limit=10,
)
TWO_PASSWORDS = replace(SINGLE_USER, overlap=DUAL, rollback=NATIVE, slots=2)

_NAME = "%(user)s@%(host)s"
_SET = "SET PASSWORD FOR {0} = %(password)s".format(_NAME)
_SET_HASH = "SET PASSWORD FOR {0} = %(hash)s".format(_NAME)
_DISCARD = "ALTER USER {0} DISCARD OLD PASSWORD".format(_NAME)


class MySQL(AccountTarget):
    """The password of one user, of two users that take turns, or two passwords of one user of MySQL 8."""

    kind = "mysql"
    summary = "V(mysql) changes the password of a user of MySQL or MariaDB."
    about = (
        (
            "The MySQL or MariaDB server, and whose password changes there. The module C(mysql_query) of C(community.mysql) reaches it"
            " from the task's host, which needs C(PyMySQL)."
        ),
        "MariaDB gets a hash, never the password. The way in which the user logs in, and its rights, stay as they are.",
        (
            "The names of community.mysql are taken too: C(login_host), C(login_port), C(login_db), C(login_unix_socket), C(login_user)"
            " and C(login_password) (the administrator's), C(ssl_ca), C(ssl_cert), C(ssl_key)."
        ),
        "A single user has no grace period, unless O(mysql.overlap=dual): it has one password at a time.",
    )
    options = {
        "host": Option(
            "str",
            ("Host name or address, as seen from the task's host. Defaults to the credential's field C(host), or V(localhost).",),
            aliases=("login_host",),
        ),
        "port": Option("int", ("The port. Defaults to the credential's field C(port), or 3306 if it has none.",), aliases=("login_port",)),
        "probe_host": Option(
            "str",
            (
                (
                    "Where a value is tried, if applications connect to another address than O(mysql.host), for example a proxy. As seen"
                    " from the task's host. Defaults to O(mysql.host)."
                ),
            ),
        ),
        "probe_port": Option("int", ("The port of O(mysql.probe_host). Defaults to O(mysql.port).",)),
        "database": Option(
            "str",
            ("The database with which a value is tried. Defaults to the credential's field C(database), or none.",),
            aliases=("login_db",),
        ),
        "unix_socket": Option("path", ("A Unix socket, in place of a host.",), aliases=("login_unix_socket",)),
        "ca_cert": Option(
            "path",
            ("A file of CA certificates that verify the server's certificate, on the task's host. The connection then needs TLS.",),
            aliases=("ssl_ca",),
        ),
        "client_cert": Option("path", ("A client certificate, on the task's host.",), aliases=("ssl_cert",)),
        "client_key": Option("path", ("The key of O(mysql.client_cert), on the task's host.",), no_log=False, aliases=("ssl_key",)),
        "check_hostname": Option("bool", ("Whether the certificate must name the host. On by default with O(mysql.ca_cert).",)),
        "allow_insecure_transport": Option(
            "bool",
            (
                (
                    "Allow a connection to another machine without O(mysql.ca_cert). Whoever is in between can then read the value, or the"
                    " hash that MariaDB gets."
                ),
            ),
            default=False,
        ),
        "user": Option("str", ("The user whose password changes. Defaults to the credential's field C(username).",)),
        "account_host": Option(
            "str",
            (
                "The host part of the account of O(mysql.user) and O(mysql.usernames), as C(mysql.user) has it.",
                "A rotation is refused if the server takes a login for an account with another one.",
            ),
            default="%",
        ),
        "overlap": Option(
            "str",
            (
                "Whether the old password stays valid in the grace period.",
                "V(none): the user has one password.",
                (
                    "V(dual): MySQL 8.0.14 and later keep the old one as the second password (C(RETAIN CURRENT PASSWORD)), and drop it"
                    " after the grace period. MariaDB cannot. Not tried on a real server."
                ),
            ),
            default=OVERLAP_NONE,
            choices=(OVERLAP_NONE, DUAL),
        ),
        **build_host_option(),
        **build_turns_option("user", "users"),
        **build_login_options("mysql", "user"),
    }
    exclusive = (("admin_password", "admin_credential"), ("user", "usernames"))
    requires = (COLLECTION, PYMYSQL)
    secret_arguments = ("login_password", "password", "hash")

    def base_traits(self) -> TargetTraits:
        return TWO_PASSWORDS if self._is_dual() else SINGLE_USER

    def _is_dual(self) -> bool:
        return bool(self._options.get("overlap") == DUAL)

    def check(self) -> None:
        super().check()
        if self._is_dual() and self._usernames:
            raise InvalidInput(
                "two users that take turns need no second password",
                option="mysql.overlap",
                remedy="Leave out 'usernames' or 'overlap'.",
            )
        if self._options.get("client_key") and not self._options.get("client_cert"):
            raise InvalidInput("a key has no certificate", option="mysql.client_key", remedy="Give client_cert, or leave it out.")
        for host in (self._host(), self._options.get("probe_host") or self._host()):
            self._check_transport(host)

    def is_own_admin(self) -> bool:
        # Accounts of one name differ by their host parts. The server says which one a login is: see `precheck`.
        return False

    def _check_transport(self, host: str) -> None:
        has_tls = self._options.get("ca_cert") or self._options.get("allow_insecure_transport")
        if self.option("unix_socket") or has_tls or is_loopback(host):
            return
        raise InvalidInput(
            "without ca_cert the connection to {0} would show what is sent to the network".format(host),
            option="mysql.ca_cert",
            remedy="Name the CA certificates that verify the server, or write 'allow_insecure_transport: true'.",
        )

    def _host(self) -> str:
        return self.option("host") or "localhost"

    def describe(self) -> Dict[str, Any]:
        where = {name: self.option(name) for name in ("host", "port", "database", "account_host")}
        return {name: value for name, value in dict(where, **self.describe_accounts()).items() if value is not None}

    def precheck(self, modules: Modules) -> None:
        """Check that the admin may log in and change the password, and that every user exists and logs in with a password.

        Raises:
            MissingLibrary: the host has no PyMySQL.
            Unavailable: the server cannot be reached, or refuses the admin login.
            NotFound: a user does not exist.
            AccessDenied: the admin may not read the user or change its password.
            InvalidInput: a user does not log in with a password, or is the admin, or the server keeps no second one.
        """
        for user in self.accounts():
            found = self._read_account(modules, user)
            if self.has_own_login() and is_login_refused(found):
                return  # An earlier run may have changed the password: the probes show it.
            account = check_account(found, self._describe_account(user), self.describe_login(self._server()), PYMYSQL.install)
            check_plugin(account, self._describe_account(user))
            if not self.has_own_login():
                check_right(account, self.read_admin()[0])
                if not self._is_dual() and account.login == "{0}@{1}".format(user, self._options["account_host"]):
                    raise self.build_own_admin_error()
            if self._is_dual() and account.is_mariadb:
                raise InvalidInput(
                    "MariaDB keeps one password of a user at a time",
                    option="mysql.overlap",
                    remedy="Nothing was changed. Leave it out, or name two users in 'usernames'.",
                )

    def find_obstacle(self, modules: Modules, value: Value, place: str = "") -> str:
        user = self.account_of(value)
        has_certificate = bool(self._options.get("client_cert"))
        account = Account(self._read_account(modules, user))
        return account.describe_obstacles(user, has_tls=bool(self._options.get("ca_cert")), has_certificate=has_certificate)

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        if self.find_flaw(value):
            return steps.REFUSED
        if self._is_dual() and self.probe(modules, value) == steps.ACCEPTED:
            return steps.APPLIED  # Sent once more, it would push the old password out of the second place.
        return self._change(modules, value, " RETAIN CURRENT PASSWORD" if self._is_dual() else "")

    def retire(self, modules: Modules, value: Value, place: str = "") -> str:
        """Make the server drop a value of the two that a user of MySQL 8 has. The current one becomes, or stays, the first."""
        if not self._is_dual():
            return steps.REFUSED
        return self._change(modules, replace(value, fields=self._current.fields), "", _DISCARD)

    def _change(self, modules: Modules, value: Value, clause: str, *further: str) -> str:
        user = self.account_of(value)
        read = self._read_account(modules, user)
        account = Account(read)
        if not account.is_known:
            modules.note(describe_failed_probe(read))
            return steps.UNAVAILABLE  # Nothing was sent.
        password = read_text(value.fields, value.primary) or ""
        statements, secret = ([_SET + clause], {"password": password})
        if account.is_mariadb:
            statements, secret = ([_SET_HASH], {"hash": build_hash(password)})
        result = self._query(modules, self._admin_login(), [LIMITS, *statements, *further], {**self._name(user), **secret})
        modules.note(describe_refused_send(result))
        return send_outcome(result)

    def find_flaw(self, value: Value) -> str:
        flaw = find_text_flaw(value, "MySQL")
        if flaw or value.fields[value.primary].expose().isascii():
            return flaw
        return "clients of MySQL do not agree how characters beyond ASCII are sent"

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        flaw = self.find_flaw(value)
        if flaw:
            modules.note(flaw)
            return steps.UNAVAILABLE
        user = self.account_of(value)
        result = self._query(modules, self._probe_login(user, read_text(value.fields, value.primary) or ""), [WHO], {})
        outcome, account = read_login(result)
        modules.note(describe_failed_probe(result))
        expected = "{0}@{1}".format(user, self._options["account_host"])
        if outcome == steps.ACCEPTED and account != expected:
            modules.note("the server takes the login for the account '{0}', not for '{1}'; see 'account_host'".format(account, expected))
            return steps.UNAVAILABLE
        return outcome

    def _read_account(self, modules: Modules, user: str) -> Mapping[str, Any]:
        """Return the result of the queries for what a user is, by the administrator's login."""
        return self._query(modules, self._admin_login(), READ_ACCOUNT, self._name(user))

    def _name(self, user: str) -> Dict[str, str]:
        return {"user": user, "host": self._options["account_host"]}

    def _describe_account(self, user: str) -> str:
        return "'{0}'@'{1}'".format(user, self._options["account_host"])

    def _server(self) -> str:
        return str(self.option("unix_socket") or "{0}:{1}".format(self._host(), self.option("port") or 3306))

    def _query(self, modules: Modules, login: Mapping[str, Any], queries: Sequence[str], named: Mapping[str, str]) -> Mapping[str, Any]:
        given = dict(login, query=list(queries), **({"named_args": dict(named)} if named else {}))
        return modules.run(QUERY_MODULE, given, self.acts_on)

    def _probe_login(self, user: str, password: str) -> Dict[str, Any]:
        """Return the login options for a probe: where applications connect, and to which database."""
        login = dict(self._login(user, password), login_db=self.option("database"))
        if self._options.get("probe_host") is not None:
            login.pop("login_unix_socket", None)
        login.update(login_host=self._options.get("probe_host") or login.get("login_host"))
        login.update(login_port=self._options.get("probe_port") or login.get("login_port"))
        return {name: value for name, value in login.items() if value is not None}

    def _admin_login(self) -> Dict[str, Any]:
        return self._login(*self.read_admin())

    def _login(self, user: str, password: str) -> Dict[str, Any]:
        """Return the login options of the module, without those that are None. It reads no file of the host's user."""
        tls = {name: self.option(name) for name in ("ca_cert", "client_cert", "client_key", "check_hostname")}
        options: Dict[str, Any] = {
            "login_host": self._host(),
            "login_port": self.option("port") or 3306,
            "login_unix_socket": self.option("unix_socket"),
            "login_user": user,
            "login_password": password,
            "connect_timeout": CONNECT_TIMEOUT,
            "config_file": "",
        }
        return {name: value for name, value in {**options, **tls}.items() if value is not None}


def build_hash(password: str) -> str:
    """Return what mysql_native_password stores: `*` and the SHA-1 of the SHA-1. The plugin defines it; it protects nothing else."""
    once = hashlib.sha1(password.encode("ascii"), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(once, usedforsecurity=False).hexdigest().upper()
