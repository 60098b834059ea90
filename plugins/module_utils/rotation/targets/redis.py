# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Redis and Valkey as a target: one more password of an ACL user, and the old one dropped after the grace period.

The controller reaches the servers by the library `redis`, because no module of a collection knows ACL users. A server gets the SHA-256
of a password, never the password, except at a login.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, NoReturn, Tuple
from urllib.parse import urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidInput,
    NotFound,
    Unavailable,
    pip_install,
)
from ansible_collections.nebula.credential.plugins.module_utils.locks.redis_server import PACKAGE, Address, read_address
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import is_loopback
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import redis_node as nodes
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.accounts import (
    AccountTarget,
    build_login_options,
    find_text_flaw,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    DUAL,
    NATIVE,
    Modules,
    Requirement,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.redis_node import Node, NodeProblem

LIBRARY = Requirement("python", "redis", pip_install(PACKAGE), parts=("redis",))

TWO_PASSWORDS = TargetTraits(
    overlap=DUAL,
    rollback=NATIVE,
    probe="a fresh connection is accepted with the new password, and refused with a random wrong one",
    # The connection is closed after `apply_limit`; the rest allows for a server that stands still with the request in its buffer.
    max_request_life=120,
    apply_limit=45,
    ask_limit=10,
    slots=2,
)
_SAVED_IN = {nodes.ACL_FILE: "the file of the option 'aclfile'", nodes.CONFIG: "the configuration file"}


class Redis(AccountTarget):
    """The passwords of one ACL user, on one server or on several."""

    kind = "redis"
    summary = "V(redis) changes the password of an ACL user of Redis or Valkey."
    about = (
        (
            "The servers of Redis 6.2 or later, or of Valkey, and whose password changes there. The controller reaches them, not the task's"
            " host, by the Python package C(redis)."
        ),
        "A user has the old and the new password in the grace period. A server gets the SHA-256 of a password, never the password.",
    )
    options = {
        "urls": Option(
            "list",
            (
                "The servers, each as C(rediss://host:port), or C(redis://) on this machine.",
                (
                    "Name every server that has the user: a server passes its users on to no replica and to no other server of a cluster."
                    " One that is down gets the password in a later run."
                ),
                "Defaults to the credential's fields C(host) and C(port).",
            ),
            elements="str",
        ),
        "ca_cert": Option("path", ("A file of CA certificates that verify the servers' certificates, on the controller.",)),
        "allow_insecure_transport": Option("bool", ("Allow C(redis://) to another machine.",), default=False),
        "user": Option("str", ("The user whose password changes. Defaults to the credential's field C(username).",)),
        "save": Option(
            "str",
            (
                "Where a server keeps its users. Without it, the old password would be back after a restart.",
                "V(acl_file): the file of the server's option C(aclfile) (C(ACL SAVE)).",
                "V(config): the server's configuration file (C(CONFIG REWRITE)).",
                "V(nowhere): in memory alone, if something else writes the users when a server starts.",
            ),
            default=nodes.ACL_FILE,
            choices=(nodes.ACL_FILE, nodes.CONFIG, nodes.NOWHERE),
        ),
        **build_login_options("redis", "user"),
    }
    exclusive = (("admin_password", "admin_credential"),)
    requires = (LIBRARY,)
    own_fields = ("host", "port")

    def base_traits(self) -> TargetTraits:
        return TWO_PASSWORDS

    def check(self) -> None:
        super().check()
        if self.has_own_login() and len(self._urls()) > 1:
            what = "a server that is behind would refuse the login with the current value"
            raise InvalidInput(what, option="redis.own_login", remedy="Name an administrator, or one server.")
        for url in self._urls():
            self._address(url, *self.read_admin())
        if len(set(self._by_place())) < len(self._urls()):
            raise InvalidInput("a server is named twice", option="redis.urls", remedy="Name each once.")

    def describe(self) -> Dict[str, Any]:
        return {"urls": list(self._urls()), **self.describe_accounts()}

    def places(self) -> Tuple[str, ...]:
        return tuple(self._by_place())

    def _by_place(self) -> Dict[str, str]:
        """Return the URL of each place. A single server is the unnamed one."""
        urls = self._urls()
        return {"": urls[0]} if len(urls) == 1 else {urlsplit(url).netloc: url for url in urls}

    def _urls(self) -> Tuple[str, ...]:
        """Return the servers.

        Raises:
            InvalidInput: neither the option nor the credential names one.
        """
        given: List[str] = self._options.get("urls") or []
        host = self.option("host")
        if not given and host:
            scheme = "redis" if is_loopback(host) else "rediss"
            given = ["{0}://{1}:{2}".format(scheme, "[{0}]".format(host) if ":" in host else host, self.option("port") or 6379)]
        if not given:
            raise InvalidInput("no server is named", option="redis.urls", remedy="Write each as rediss://host:port.")
        return tuple(given)

    def precheck(self, modules: Modules) -> None:
        """Check that the admin may change the user, and that the user exists, on each server that can be reached.

        Raises:
            Unavailable: no server can be reached, or one refuses the admin login.
            NotFound: a server has no such user.
            AccessDenied: the admin lacks a right.
            InvalidInput: a server does not keep its users where the option says.
        """
        unreachable: List[CredentialError] = []
        for place in self.places():
            try:
                self._check_node(modules, place)
            except NodeProblem as problem:
                if problem.kind == nodes.REFUSED_LOGIN and self.has_own_login():
                    return  # The probes show which value the server accepts.
                if problem.kind in (nodes.REFUSED_LOGIN, nodes.NO_RIGHT):
                    self._raise_denied(problem, place)
                unreachable.append(self._unavailable(problem, place))
        if len(unreachable) == len(self.places()):
            raise unreachable[0]

    def _check_node(self, modules: Modules, place: str) -> None:
        user, where, (login, _password) = self.account_of(self._current), self._options["save"], self.read_admin()
        with self._as_admin(modules, place) as node:
            found = node.find_user(user)
            if found is None:
                what = "{0} has no user '{1}'".format(self._server(place), user)
                raise NotFound(what, option="redis.user", remedy="Nothing was changed. Create it first.")
            if where == nodes.ACL_FILE and not node.has_acl_file():
                remedy = "Nothing was changed. Write 'save: config' for its configuration file, or 'save: nowhere'."
                raise InvalidInput("{0} keeps its users in no ACL file".format(self._server(place)), option="redis.save", remedy=remedy)
            missing = node.find_missing_right(login, user, where)
        if missing:
            remedy = "Nothing was changed. Grant it, or name another administrator."
            raise AccessDenied("'{0}' may not run {1}".format(login, missing), option="redis.admin_user", remedy=remedy)

    def _raise_denied(self, problem: NodeProblem, place: str) -> NoReturn:
        who = self.describe_login(self._server(place))
        if problem.kind == nodes.NO_RIGHT:
            remedy = "Nothing was changed. Grant it ACL GETUSER, ACL SETUSER, and ACL SAVE or CONFIG REWRITE."
            raise AccessDenied("the administrator may not read the user ({0})".format(who), option="redis.admin_user", remedy=remedy)
        remedy = "Nothing was changed. Check admin_user and admin_password, or admin_credential."
        raise Unavailable("the server refuses the admin login ({0})".format(who), option="redis.admin_user", remedy=remedy)

    def _unavailable(self, problem: NodeProblem, place: str) -> Unavailable:
        what = "the server cannot be reached ({0}): {1}".format(self._server(place), problem.why)
        return Unavailable(what, option="redis.urls", remedy="Nothing was changed. Check the address, and that it runs.")

    def find_obstacle(self, modules: Modules, value: Value, place: str = "") -> str:
        try:
            with self._as_admin(modules, place) as node:
                user = node.find_user(self.account_of(value))
        except NodeProblem:
            return ""
        if user is None:
            return "the server has no user '{0}'".format(self.account_of(value))
        return (
            ""
            if user.is_on
            else "the server refuses the user '{0}' with every password: it is off (ACL SETUSER ... on)".format(self.account_of(value))
        )

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        if self.find_flaw(value):
            return steps.REFUSED
        return self._change(modules, value, place, is_wanted=True)

    def retire(self, modules: Modules, value: Value, place: str = "") -> str:
        return self._change(modules, value, place, is_wanted=False)

    def _change(self, modules: Modules, value: Value, place: str, *, is_wanted: bool) -> str:
        """Make the server accept a password, or refuse it, and write that down where it reads its users when it starts."""
        try:
            with self._as_admin(modules, place) as node:
                user = node.find_user(self.account_of(value))
                if user is None:
                    modules.note("the server has no such user")
                    return steps.REFUSED
                return self._change_user(node, modules, value, has_it=nodes.build_hash(_secret(value)) in user.hashes, is_wanted=is_wanted)
        except NodeProblem as problem:
            modules.note(problem.why)
            return steps.UNAVAILABLE  # Nothing was sent: `_change_user` answers for what it sends.

    def _change_user(self, node: Node, modules: Modules, value: Value, *, has_it: bool, is_wanted: bool) -> str:
        account, change = self.account_of(value), {True: node.add, False: node.drop}
        try:
            if has_it is not is_wanted:
                change[is_wanted](account, _secret(value))
        except NodeProblem as problem:
            modules.note(problem.why)
            return nodes.outcome_of_change(problem)
        try:
            node.save(self._options["save"])
            return steps.APPLIED
        except NodeProblem as problem:
            modules.note("the server did not write its users to {0}: {1}".format(_SAVED_IN[self._options["save"]], problem.why))
            if has_it is is_wanted:
                return nodes.outcome_of_change(problem)
        try:
            change[has_it](account, _secret(value))  # What a restart would undo is undone now.
            return steps.REFUSED
        except NodeProblem:
            return steps.UNKNOWN

    def find_flaw(self, value: Value) -> str:
        return find_text_flaw(value, "Redis")

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        if self.find_flaw(value):
            return steps.REFUSED
        address = self._address(self._by_place()[place], self.account_of(value), _secret(value).decode("utf-8"))
        try:
            with Node(address, "redis", modules.time_left()).open() as node:
                node.log_in()
            return steps.ACCEPTED
        except NodeProblem as problem:
            modules.note(problem.why)
            return nodes.outcome_of_login(problem)

    @contextmanager
    def _as_admin(self, modules: Modules, place: str) -> Iterator[Node]:
        address = self._address(self._by_place()[place], *self.read_admin())
        with Node(address, "redis", modules.time_left()).open() as node:
            yield node

    def _address(self, url: str, username: str, password: str) -> Address:
        """Return the address of a server, and a login there.

        Raises:
            InvalidInput: it is no URL of a server, would show the login to the network, or the CA certificates cannot be used.
        """
        options = {
            "url": url,
            "username": username,
            "password": password,
            "ca_cert": self._options.get("ca_cert"),
            "allow_insecure_transport": self._options.get("allow_insecure_transport"),
        }
        try:
            return read_address(options, lambda _warning: None)
        except CredentialError as problem:
            option = "urls" if problem.option == "url" else problem.option
            raise InvalidInput(problem.what, option="redis.{0}".format(option), remedy=problem.remedy) from None

    def _server(self, place: str) -> str:
        return urlsplit(self._by_place()[place]).netloc


def _secret(value: Value) -> bytes:
    return value.fields[value.primary].expose()
