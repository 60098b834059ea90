# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the targets of directories have in common: the server, who logs in, how a value is tried, and what a result means.

They act in the driver's own process on the controller, by `network.ldap`. A password is never sent without encryption, unless the
credential or the task says so.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any, ClassVar, Dict, Mapping, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Damaged, InvalidInput, LoginFailed, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import read_file
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields
from ansible_collections.nebula.credential.plugins.module_utils.network import ldap, ldap_problems
from ansible_collections.nebula.credential.plugins.module_utils.network.ldap_names import is_dn
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    NO_ROLLBACK,
    OVERLAP_NONE,
    REAPPLY,
    Modules,
    Requirement,
    Target,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option
from ansible_collections.nebula.credential.plugins.module_utils.types.base import read_texts

LIMIT = 25.0
"""Seconds that one connection may take, with everything that is sent over it."""
BONSAI = Requirement("python", "bonsai", "pip install 'bonsai>=1.5.3'", parts=("bonsai",))
ADMINISTERED = TargetTraits(
    overlap=OVERLAP_NONE,
    rollback=REAPPLY,
    probe="a fresh login is accepted with the new password, and refused with a random wrong one",
    # The connection ends after `LIMIT`; a server may still carry out what it has read by then.
    max_request_life=120,
    apply_limit=60,
    ask_limit=2,  # few probes: a directory locks an account after a few refused logins
)
_MOST_AUTHORITIES = 1024 * 1024
_UNCERTAIN = (0x01, 0x50)
"""Results of a server that do not say whether it has made the change: operationsError and other."""


class DirectoryTarget(Target):
    """The password of one account of a directory, changed by an administrator or by the account itself."""

    requires = (BONSAI,)
    traits_of_administrator: ClassVar[TargetTraits] = ADMINISTERED
    lookup: ClassVar[Tuple[str, ...]] = ()
    """Attributes of the account that the target reads."""

    def __init__(self, options: Mapping[str, Any], current: Value) -> None:
        self._options = options
        self._current = current
        self._own = read_texts(current.fields) if all(field.is_text for field in current.fields.values()) else {}

    @property
    def traits(self) -> TargetTraits:
        # An account that changes its own password cannot change it back without the new one, which may not be the one that counts.
        own = self._options.get("self_service")
        return replace(self.traits_of_administrator, rollback=NO_ROLLBACK) if own else self.traits_of_administrator

    def check(self) -> None:
        if bool(self._options.get("admin_credential")) == bool(self._options.get("self_service")):
            raise self._invalid(
                "admin_credential",
                "it is missing, or given with 'self_service'",
                "Name the login of an administrator, or write 'self_service: true' if the account changes its own password.",
            )
        if self._options.get("admin_credential") and self._is_own_admin():
            # Once the password is changed, its login is refused: a run that was broken off there would not get in again.
            raise self._invalid(
                "admin_credential",
                "the administrator is the account whose password changes",
                "Write 'self_service: true' in its place, or name another administrator.",
            )
        if not self._option("url"):
            raise self._invalid("url", "the server is not known", "Give it, or store the credential as 'type: ldap' with its 'url'.")
        dn = self._find_named_dn()
        if dn is not None and not is_dn(dn):
            raise self._invalid("dn", "it is no distinguished name", "Write 'uid=app,ou=services,dc=example,dc=com'.")
        self._read_server()

    def describe(self) -> Dict[str, Any]:
        found = {"url": self._option("url"), "dn": self._find_named_dn(), "username": self._own.get("username")}
        return {name: value for name, value in found.items() if value}

    def find_flaw(self, value: Value) -> str:
        password = value.fields[value.primary].expose() if value.primary in value.fields else b""
        try:
            text = password.decode("utf-8")
        except UnicodeDecodeError:
            return "a directory takes no password that is not UTF-8 text"
        return "" if text and "\0" not in text else "a directory takes no password that is empty or has a zero byte"

    def precheck(self, modules: Modules) -> None:
        """Check that the server can be reached, that the login that changes the password is accepted, and that the account is there.

        Raises:
            LoginFailed: the server refuses the administrator.
            Unavailable, Timeout: the server cannot be reached, or its certificate is not trusted.
            NotFound: there is no such account.
        """
        if not self._options.get("self_service"):
            self.read_entry(modules, self.lookup)
            return
        # Whether the account's own password is accepted is what the probe says: an open rotation may have changed it already.
        problem = self._send(modules, self._changer(), ()).problem
        if problem is not None and not ldap_problems.is_wrong_login(problem):
            raise _as_nothing_changed(ldap_problems.describe_login(problem, self._read_server()))

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        if self.find_flaw(value):
            return steps.REFUSED
        try:
            dn = self._find_named_dn() or self.read_entry(modules)[0]
        except CredentialError as error:
            modules.note(error.what)
            return steps.UNKNOWN if self._options.get("self_service") and isinstance(error, LoginFailed) else steps.UNAVAILABLE
        answer = self._send(modules, self._changer(), [self.build_change(dn, value), *self.build_further(dn)])
        problem = None if answer.done else answer.problem
        modules.note(self.describe_refusal(problem) if problem is not None else "")
        return steps.APPLIED if problem is None else self.judge(problem)

    def judge(self, problem: ldap.Problem) -> str:
        """Return the outcome of a change that has failed; unknown if it is not certain."""
        if problem.at == ldap.AT_LOGIN:
            # The account's own login is refused as soon as an earlier change has landed.
            is_changed = self._options.get("self_service") and ldap_problems.is_wrong_login(problem)
            return steps.UNKNOWN if is_changed else steps.UNAVAILABLE
        return steps.UNKNOWN if problem.code <= 0 or problem.code in _UNCERTAIN else steps.REFUSED

    @abstractmethod
    def build_change(self, dn: str, value: Value) -> ldap.Request:
        """Return the request that sets the password."""

    def build_further(self, dn: str) -> Sequence[ldap.Request]:
        """Return requests that follow the change on its connection. What comes of them changes nothing in its outcome."""
        return ()

    def describe_refusal(self, problem: ldap.Problem) -> str:
        """Return why the server did not make the change, in words of ours. Empty if nothing is known."""
        return {
            ldap.INSUFFICIENT_ACCESS: "the login may not change the password of the account",
            ldap.CONSTRAINT_VIOLATION: "the password policy of the directory does not allow the password, or the change",
            ldap.UNWILLING: "the directory is not willing to make the change",
            ldap.REFERRAL: "the server is a copy that takes no changes; name the server that takes them in 'url'",
        }.get(problem.code, "")

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        if self.find_flaw(value):
            return steps.REFUSED
        server = self._read_server()
        problem = self._send(modules, self._login_of(value.fields, value.primary), ()).problem
        if problem is None:
            return steps.ACCEPTED
        modules.note(ldap_problems.describe_login(problem, server).what)
        refused = ldap_problems.is_wrong_login(problem) or ldap_problems.find_obstacle(problem)
        return steps.REFUSED if refused else steps.UNAVAILABLE

    def read_entry(self, modules: Modules, attributes: Sequence[str] = ()) -> ldap.Entry:
        """Return the entry of the account, as the login sees it that changes the password.

        Raises:
            CredentialError: as `precheck`.
        """
        server, named = self._read_server(), self._find_named_dn()
        if named is None:
            search = self.build_search(modules, attributes)
        else:
            search = ldap.build_search(named, attributes=attributes or ("1.1",))
        answer = self._send(modules, self._changer(), [search])
        if answer.problem is not None and answer.problem.code != ldap.NO_SUCH_OBJECT:
            raise _as_nothing_changed(ldap_problems.describe_login(answer.problem, server))
        found = ldap.read_entries(answer.done[0]) if answer.done else []
        if len(found) != 1:
            what = "{0} shows no such account".format(server.url) if not found else "{0} has several such accounts".format(server.url)
            raise NotFound(what, option=self.kind + ".dn", remedy="Nothing was changed. Check 'dn', and what the administrator may read.")
        return found[0]

    def build_search(self, modules: Modules, attributes: Sequence[str]) -> ldap.Request:
        """Return the search for an account whose distinguished name is not known.

        Raises:
            InvalidInput: there is nothing to search by.
        """
        remedy = "Give it, or store the credential as 'type: ldap' with its 'bind_dn'."
        raise self._invalid("dn", "the entry of the account is not known", remedy)

    def _is_own_admin(self) -> bool:
        admin = read_texts(self._options["admin_credential"])
        own = {text.lower() for text in (self._find_named_dn(), self._own.get("username")) if text}
        return str(admin.get("bind_dn") or admin.get("username") or "").lower() in own

    def _changer(self) -> ldap.Login:
        admin = self._options.get("admin_credential")
        return self._login_of(admin, "password") if admin else self._login_of(self._current.fields, self._current.primary)

    def _login_of(self, fields: Fields, primary: str) -> ldap.Login:
        """Return the login of a credential.

        Raises:
            InvalidInput: it has no name to log in with, or no password.
        """
        texts = read_texts(fields)
        user = texts.get("bind_dn") or texts.get("username") or (self._options.get("dn") if fields is not self._admin() else None)
        if not user or not texts.get(primary):
            remedy = "A login is a credential of 'type: ldap', or of 'type: basic' with a distinguished name as 'username'."
            raise self._invalid("admin_credential", "a credential has no name to log in with, or no password", remedy)
        return ldap.Login(str(user), fields[primary], texts.get("mechanism", ldap.SIMPLE), texts.get("realm"))

    def _admin(self) -> Any:
        return self._options.get("admin_credential")

    def _send(self, modules: Modules, login: ldap.Login, requests: Sequence[ldap.Request]) -> ldap.Answer:
        return ldap.send(self._read_server(), login, requests, min(LIMIT, modules.time_left()))

    def _read_server(self) -> ldap.Server:
        url = str(self._option("url"))
        if not url.lower().startswith(("ldap://", "ldaps://")):
            raise self._invalid("url", "it is not the address of a directory", "Write 'ldaps://host' or 'ldap://host:389'.")
        wanted = self._options.get("start_tls")
        start_tls = self._own.get("start_tls") != "false" if wanted is None else bool(wanted)
        return ldap.Server(url, start_tls and not url.lower().startswith("ldaps:"), self._read_authorities())

    def _read_authorities(self) -> Optional[str]:
        path = self._options.get("ca_cert")
        if path is None:
            return self._own.get("ca_cert")
        try:
            return read_file(path, _MOST_AUTHORITIES).decode("ascii")
        except (OSError, UnicodeDecodeError, Damaged):
            raise self._invalid("ca_cert", "the file cannot be read as PEM text", "Name a file on the controller.") from None

    def _find_named_dn(self) -> Optional[str]:
        return self._options.get("dn") or self._own.get("bind_dn")

    def _option(self, name: str) -> Any:
        """Return an option, or the credential's own field of that name."""
        found = self._options.get(name)
        return self._own.get(name) if found is None else found

    def _invalid(self, option: str, what: str, remedy: str) -> InvalidInput:
        return InvalidInput(what, option="{0}.{1}".format(self.kind, option), remedy=remedy)


def _as_nothing_changed(error: CredentialError) -> CredentialError:
    return type(error)(error.what, option=error.option, remedy="Nothing was changed. {0}".format(error.remedy))


def build_options(kind: str) -> Dict[str, Option]:
    """Return the options that each target of a directory has."""
    return {
        "url": Option("str", ("The server: C(ldaps://host) or C(ldap://host). Defaults to the credential's field C(url).",)),
        "start_tls": Option(
            "bool", ("Whether C(ldap://) is encrypted by StartTLS. Defaults to the credential's field C(start_tls), or V(true).",)
        ),
        "ca_cert": Option(
            "path",
            (
                (
                    "A file on the controller with the authority of the server's certificate. Defaults to the field C(ca_cert),"
                    " or to those of the system."
                ),
            ),
        ),
        "dn": Option("str", ("The entry whose password changes, a distinguished name. Defaults to the credential's field C(bind_dn).",)),
        "admin_credential": Option(
            "str",
            ("A credential in the same store, of type C(ldap), that may change the password.",),
            no_log=False,
            credential=True,
        ),
        "self_service": Option(
            "bool",
            (
                "V(true) if the account changes its own password, with the current one. A change cannot be taken back then: a rotation"
                " whose new password does not work at once needs a person. Give this or O({0}.admin_credential).".format(kind),
            ),
        ),
    }
