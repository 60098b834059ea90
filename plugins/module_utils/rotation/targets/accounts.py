# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What targets have in common that change the password of a user: whose password it is, who changes it, and whose turn comes next."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any, ClassVar, Dict, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    ALTERNATING,
    NO_ROLLBACK,
    OVERLAP_NONE,
    Target,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option

Cause = Tuple[Tuple[str, ...], str, str, str]
"""Texts of a login that failed, the option to look at, what happened, and what to do."""

NETWORK_CAUSES: Tuple[Cause, ...] = (
    (("Connection refused",), "port", "nothing listens for {0} there", "Check host and port."),
    (
        ("resolve host", "translate host name", "not known", "No address associated"),
        "host",
        "the host name cannot be resolved",
        "Check host, as seen from the task's host.",
    ),
    (
        ("timeout expired", "timed out", "connection timeout"),
        "host",
        "{0} did not answer in time",
        "Check host, port and the firewall.",
    ),
    (
        ("No route to host", "Network is unreachable", "No such file"),
        "host",
        "there is no way to the server",
        "Check host or unix_socket, and the network.",
    ),
)
"""What the operating system says if a server cannot be reached. `{0}` is the name of the product."""


def build_turns_option(noun: str, noun_plural: str) -> Dict[str, Option]:
    """Return the option for two users that take turns, in the product's words for a user."""
    return {
        "usernames": Option(
            "list",
            (
                (
                    "Two {0} that take turns. The new value is the other {1}'s user name and password, so that the old one keeps working."
                ).format(noun_plural, noun),
                "Both must exist and have the same rights. Consumers must read user name and password in one lookup.",
            ),
            elements="str",
        ),
    }


def build_login_options(kind: str, noun: str) -> Dict[str, Option]:
    """Return the options of a target for the login with which a password is changed.

    Args:
        kind: the target's kind.
        noun: the product's word for a user.
    """
    return {
        "admin_user": Option(
            "str",
            ("A {0} that may change the password. Defaults to the user name of O({1}.admin_credential).".format(noun, kind),),
            aliases=("login_user",),
        ),
        "admin_password": Option("str", ("The password of O({0}.admin_user).".format(kind),), no_log=True, aliases=("login_password",)),
        "admin_credential": Option(
            "str",
            ("A credential in the same store that holds the admin's user name and password.",),
            no_log=False,
            credential=True,
        ),
        "own_login": Option(
            "bool",
            (
                "Whether the {0} changes its own password, by a login with the current value, in place of an administrator.".format(noun),
                (
                    "With one value at a time there is no way back then: the old value cannot be sent again with a login that no longer"
                    " works."
                ),
            ),
            default=False,
        ),
    }


class AccountTarget(Target):
    """The password of one user, or of two users that take turns."""

    noun: ClassVar[str] = "user"
    """What the product calls a user, as the option that names it is called."""
    own_fields: ClassVar[Tuple[str, ...]] = ("host", "port", "database")
    """The fields of type `database` that replace an option that is not given."""

    def __init__(self, options: Mapping[str, Any], current: Value) -> None:
        self._options = options
        self._current = current
        self._usernames: Tuple[str, ...] = tuple(options.get("usernames") or ())

    @property
    def traits(self) -> TargetTraits:
        traits = replace(self.base_traits(), overlap=ALTERNATING, slots=2) if self._usernames else self.base_traits()
        return replace(traits, rollback=NO_ROLLBACK) if self.has_own_login() and traits.overlap == OVERLAP_NONE else traits

    @abstractmethod
    def base_traits(self) -> TargetTraits:
        """Return the traits for one user whose password an administrator changes."""

    def check(self) -> None:
        self.read_admin()
        if self.traits.overlap in (OVERLAP_NONE, ALTERNATING) and not self.has_own_login() and self.is_own_admin():
            raise self.build_own_admin_error()
        for account in self.accounts():
            self.check_account(account, "{0}.{1}".format(self.kind, "usernames" if self._usernames else self.noun))

    def check_account(self, account: str, option: str) -> None:
        """Check that the service takes the name of a user. Contact nothing.

        Raises:
            InvalidInput: it does not.
        """

    @property
    def acts_on(self) -> str:
        """The host whose modules reach the server: that of the option `hosts`, else the task's."""
        return str(self._options.get("hosts") or "")

    def is_own_admin(self) -> bool:
        """Whether the administrator is one of the users whose passwords may change. Contact nothing."""
        return self.read_admin()[0] in self.accounts()

    def build_own_admin_error(self) -> InvalidInput:
        """Return the error for an administrator who is refused as soon as the password is changed.

        A run that was broken off there would not get in again to find out which value counts.
        """
        own = "Name another administrator." if self._usernames else "Write 'own_login: true' in its place, or name another administrator."
        return InvalidInput(
            "the administrator is the {0} whose password changes".format(self.noun),
            option="{0}.admin_user".format(self.kind),
            remedy="Nothing was changed. {0}".format(own),
        )

    def next_fields(self, base: Value) -> Fields:
        if not self._usernames:
            return {}
        return {"username": Secret(self._other_username(read_text(base.fields, "username") or ""))}

    def has_own_login(self) -> bool:
        """Whether the user changes its own password."""
        return bool(self._options.get("own_login"))

    def read_admin(self) -> Tuple[str, str]:
        """Return the user name and the password with which the value is changed.

        Raises:
            InvalidInput: one of them is missing, or an administrator is named as well as `own_login`.
        """
        if self.has_own_login():
            return self._read_own_login()
        stored = self._options.get("admin_credential")
        user = self._options.get("admin_user") or (stored and read_text(stored, "username"))
        password = read_text(stored, "password") if stored else self._options.get("admin_password")
        if not user or not password:
            raise InvalidInput(
                "there is no login that may change the {0}'s password".format(self.noun),
                option="{0}.admin_user".format(self.kind),
                remedy="Give admin_user and admin_password, or admin_credential: a credential with username and password."
                " With own_login the {0} changes its own.".format(self.noun),
            )
        return user, password

    def _read_own_login(self) -> Tuple[str, str]:
        for name in ("admin_user", "admin_password", "admin_credential", "usernames"):
            if self._options.get(name):
                raise InvalidInput(
                    "with own_login the {0} changes its own password alone".format(self.noun),
                    option="{0}.{1}".format(self.kind, name),
                    remedy="Leave out '{0}' or 'own_login'.".format(name),
                )
        return self.account_of(self._current), read_text(self._current.fields, self._current.primary) or ""

    def option(self, name: str) -> Any:
        """Return an option, or the credential's own field of that name."""
        if self._options.get(name) is not None:
            return self._options[name]
        own = read_text(self._current.fields, name) if name in self.own_fields else None
        return int(own) if own and name == "port" else own

    def accounts(self) -> Tuple[str, ...]:
        """Return the users whose passwords may change."""
        return self._usernames or (self.account_of(self._current),)

    def describe_accounts(self) -> Dict[str, Any]:
        """Return the users for the journal and the report."""
        return {"usernames": list(self._usernames)} if self._usernames else {self.noun: self.account_of(self._current)}

    def account_of(self, value: Value) -> str:
        """Return the user of a value.

        Raises:
            InvalidInput: neither the option nor the credential names one.
        """
        account = self._options.get(self.noun) or read_text(value.fields, "username")
        if not account:
            raise InvalidInput(
                "the credential has no username, so the {0} is not known".format(self.noun),
                option="{0}.{1}".format(self.kind, self.noun),
                remedy="Name the {0}, or store the credential with a username.".format(self.noun),
            )
        return str(account)

    def describe_login(self, server: str) -> str:
        """Return the administrator's user name and the server, for messages."""
        stored = ", login from admin_credential" if self._options.get("admin_credential") else ""
        return "{0} at {1}{2}".format(self.read_admin()[0], server, stored)

    def _other_username(self, current: str) -> str:
        """Return the user whose turn it is.

        Raises:
            InvalidInput: `usernames` are not two different ones, or the current user is not among them.
        """
        usernames = self._usernames
        if len(usernames) != 2 or usernames[0] == usernames[1] or current not in usernames:
            raise InvalidInput(
                "two different users take turns, and the current value's user is one of them",
                option="{0}.usernames".format(self.kind),
                remedy="Name the user of the credential and one more, both existing {0}s with the same rights.".format(self.noun),
            )
        return usernames[1] if usernames[0] == current else usernames[0]


def build_host_option() -> Dict[str, Option]:
    """Return the option for the host whose modules reach the server."""
    about = "The host of the inventory whose modules reach the server, as a pattern for one host. Defaults to the task's host."
    return {"hosts": Option("str", (about,), hosts=True, hosts_default=False)}


def read_text(fields: Fields, name: str) -> Optional[str]:
    """Return a field as text, or None if there is no such field."""
    return fields[name].expose().decode("utf-8") if name in fields else None


def find_text_flaw(value: Value, product: str) -> str:
    """Return why no client can log in to a product with that value, in words. Empty if one can."""
    password = value.fields[value.primary].expose() if value.primary in value.fields else b""
    if not password:
        return "an empty password cannot be used to log in to {0}".format(product)
    if b"\0" in password:
        return "a {0} password cannot hold a NUL character".format(product)
    try:
        password.decode("utf-8")
    except UnicodeDecodeError:
        return "the password is not UTF-8 text"
    return ""


def login_error(kind: str, product: str, text: str, login: str, causes: Tuple[Cause, ...]) -> Unavailable:
    """Return the error for an administrator that could not log in, with the cause that the text of a module shows.

    Args:
        kind, product: the target's kind, and what it is called.
        text: the module's text, which is not passed on.
        login: the administrator and the server, as `describe_login` returns them.
        causes: what the product says. The first one that is found counts.
    """
    found = next((cause for cause in causes if any(known in text for known in cause[0])), None)
    option, what, remedy = found[1:] if found else ("", "{0} cannot be reached", "Check host, port and TLS, and the server's log.")
    return Unavailable(
        "{0} ({1})".format(what.format(product), login),
        option=".".join(filter(None, (kind, option))),
        remedy="Nothing was changed. {0}".format(remedy),
    )
