# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MongoDB as a target: a user's password, changed by the command `updateUser`. The controller reaches the server by `pymongo`.

The module `mongodb_user` is not used: without the option `roles` it removes all roles of the user. Not tried on a real server.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Dict, Iterator
from urllib.parse import parse_qsl, urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    InvalidConfiguration,
    InvalidInput,
    NotFound,
    Unavailable,
    pip_install,
)
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import is_loopback, readable_path
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import mongodb_client, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.accounts import (
    AccountTarget,
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
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.mongodb_client import Mongo, MongoLogin, MongoProblem
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option

LIBRARY = Requirement("python", "pymongo", pip_install(mongodb_client.PACKAGE), parts=("pymongo",))

SINGLE_USER = TargetTraits(
    overlap=OVERLAP_NONE,
    rollback=REAPPLY,
    probe="a fresh connection is accepted with the new password, and refused with a random wrong one",
    # All commands end after 25 s; the rest allows for a server that stands still with a command in its buffer.
    max_request_life=120,
    apply_limit=60,
    # A mongos reads users anew every 30 s.
    ask_limit=40,
)
_PARAMETERS = ("replicaset", "directconnection")


class MongoDB(AccountTarget):
    """The password of one user, or of two users that take turns."""

    kind = "mongodb"
    summary = "V(mongodb) changes the password of a MongoDB user. Not tried on a real server."
    about = (
        (
            "The MongoDB server, and whose password changes there. The controller reaches it, not the task's host, by the Python package"
            " C(pymongo)."
        ),
        "The roles of the user stay as they are. A single user has no grace period, because it has one password at a time.",
    )
    options = {
        "url": Option(
            "str",
            (
                "The servers, as C(mongodb://host:port,host:port/?replicaSet=name) or C(mongodb+srv://host), without a login.",
                "Of its parameters C(replicaSet) and C(directConnection) are taken.",
            ),
            required=True,
        ),
        "ca_cert": Option(
            "path",
            ("A file of CA certificates that verify the server's certificate, on the controller. Without it, the system's are trusted.",),
        ),
        "client_cert": Option("path", ("A file with a client certificate and its key, on the controller.",)),
        "allow_insecure_transport": Option("bool", ("Connect to another machine without TLS.",), default=False),
        "user": Option("str", ("The user whose password changes. Defaults to the credential's field C(username).",)),
        "user_database": Option("str", ("The database in which the user was created.",), default="admin"),
        **build_turns_option("user", "users"),
        **build_login_options("mongodb", "user"),
        "admin_database": Option("str", ("The database in which the administrator was created.",), default="admin"),
    }
    exclusive = (("admin_password", "admin_credential"), ("user", "usernames"))
    requires = (LIBRARY,)
    own_fields = ()

    def base_traits(self) -> TargetTraits:
        return SINGLE_USER

    def check(self) -> None:
        super().check()
        self._check_url()
        if self._options["user_database"] == "$external":
            remedy = "Use the target of the service that keeps it."
            raise InvalidInput("a user of $external has no password here", option="mongodb.user_database", remedy=remedy)
        for name in ("ca_cert", "client_cert"):
            if self._options.get(name):
                try:
                    readable_path(name, self._options[name])
                except InvalidConfiguration as error:
                    raise InvalidInput(error.what, option="mongodb.{0}".format(name), remedy=error.remedy) from None

    def is_own_admin(self) -> bool:
        return self._options["user_database"] == self._options["admin_database"] and super().is_own_admin()

    def _check_url(self) -> None:
        parts = urlsplit(self._options["url"])
        example = "Write it as mongodb://host:27017."
        if parts.scheme not in ("mongodb", "mongodb+srv") or not parts.netloc or parts.path not in ("", "/"):
            raise InvalidInput("it is not the address of a MongoDB", option="mongodb.url", remedy=example)
        if "@" in parts.netloc:
            remedy = "Give the login by 'admin_credential'."
            raise InvalidInput("it holds a login", option="mongodb.url", remedy=remedy)
        for name, _value in parse_qsl(parts.query, keep_blank_values=True):
            if name.lower() not in _PARAMETERS:
                remedy = "Leave it out: TLS, times and the login have options of their own, or are set."
                raise InvalidInput("its parameter {0} is not taken".format(ascii(name)), option="mongodb.url", remedy=remedy)

    def describe(self) -> Dict[str, Any]:
        return {"url": self._options["url"], "user_database": self._options["user_database"], **self.describe_accounts()}

    def precheck(self, modules: Modules) -> None:
        """Check that the admin may log in and change the password, and that every user exists.

        Raises:
            Unavailable: no server can be reached, or it refuses the admin login.
            NotFound: a user does not exist.
            AccessDenied: the admin lacks a right.
        """
        try:
            with self._as_admin(modules) as mongo:
                self._check_users(mongo)
        except MongoProblem as problem:
            if problem.kind == mongodb_client.WRONG_LOGIN and self.has_own_login():
                return  # An earlier run may have changed the password: the probes show it.
            self._raise_failed(problem)

    def _check_users(self, mongo: Mongo) -> None:
        database = self._options["user_database"]
        for user in self.accounts():
            if mongo.find_user(user, database) is None:
                what = "the database '{0}' has no user '{1}'".format(database, user)
                raise NotFound(what, option="mongodb.user", remedy="Nothing was changed. Create it first, or correct 'user_database'.")
        if not mongo.may_change(database, own=self.has_own_login()):
            what = "'{0}' may not change passwords of the database '{1}'".format(self.read_admin()[0], database)
            remedy = "Nothing was changed. Grant it changePassword there (the role userAdmin has it), or name another administrator."
            raise AccessDenied(what, option="mongodb.admin_user", remedy=remedy)

    def _raise_failed(self, problem: MongoProblem) -> None:
        login = self.describe_login(urlsplit(self._options["url"]).netloc)
        if problem.kind == mongodb_client.REFUSED:
            remedy = "Nothing was changed. Grant it viewUser on that database, or name another administrator."
            raise AccessDenied("the administrator may not read the user ({0})".format(login), option="mongodb.admin_user", remedy=remedy)
        what, option, remedy = (
            "MongoDB cannot be reached ({0}): {1}".format(login, problem.why),
            "url",
            "Check the address, TLS and replicaSet.",
        )
        if problem.kind == mongodb_client.WRONG_LOGIN:
            what, option, remedy = (
                "MongoDB refuses the admin login ({0})".format(login),
                "admin_user",
                "Check the login and admin_database.",
            )
        raise Unavailable(what, option="mongodb.{0}".format(option), remedy="Nothing was changed. {0}".format(remedy))

    def find_obstacle(self, modules: Modules, value: Value, place: str = "") -> str:
        user, database = self.account_of(value), self._options["user_database"]
        try:
            with self._as_admin(modules) as mongo:
                found = mongo.find_user(user, database)
        except MongoProblem:
            return ""
        return "" if found else "the database '{0}' has no user '{1}'".format(database, user)

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        if self.find_flaw(value):
            return steps.REFUSED
        try:
            with self._as_admin(modules) as mongo:
                return self._change(modules, mongo, value)
        except MongoProblem as problem:
            modules.note(problem.why)
            return steps.UNAVAILABLE  # The login failed, so nothing was sent: `_change` answers for what it sends.

    def _change(self, modules: Modules, mongo: Mongo, value: Value) -> str:
        try:
            mongo.change_password(self.account_of(value), self._options["user_database"], read_text(value.fields, value.primary) or "")
            return steps.APPLIED
        except MongoProblem as problem:
            modules.note(problem.why)
            return mongodb_client.outcome_of_change(problem)

    def find_flaw(self, value: Value) -> str:
        return find_text_flaw(value, "MongoDB")

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        if self.find_flaw(value):
            return steps.REFUSED
        login = (self.account_of(value), read_text(value.fields, value.primary) or "")
        try:
            with mongodb_client.connect(self._login(*login, self._options["user_database"]), modules.time_left()) as mongo:
                mongo.log_in()
            return steps.ACCEPTED
        except MongoProblem as problem:
            modules.note(problem.why)
            return mongodb_client.outcome_of_login(problem)

    @contextmanager
    def _as_admin(self, modules: Modules) -> Iterator[Mongo]:
        database = self._options["user_database" if self.has_own_login() else "admin_database"]
        with mongodb_client.connect(self._login(*self.read_admin(), database), modules.time_left()) as mongo:
            mongo.log_in()
            yield mongo

    def _login(self, user: str, password: str, database: str) -> MongoLogin:
        options = self._options
        has_tls = bool(options.get("ca_cert")) or not (options.get("allow_insecure_transport") or self._is_here())
        return MongoLogin(options["url"], user, password, database, has_tls, options.get("ca_cert"), options.get("client_cert"))

    def _is_here(self) -> bool:
        """Whether every server of the address is this machine."""
        parts = urlsplit(self._options["url"])
        hosts = [host.rpartition(":")[0] or host for host in parts.netloc.split(",")]
        return parts.scheme == "mongodb" and all(is_loopback(host.strip("[]")) for host in hosts)
