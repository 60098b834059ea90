# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Active Directory as a target: the password of an account, set by its attribute unicodePwd (MS-ADTS 3.1.1.3.1.5).

After a change the old password still logs in for a while, so a refused old password verifies nothing here, and who is accepted with both
has the new one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound
from ansible_collections.nebula.credential.plugins.module_utils.network import ldap, ldap_problems
from ansible_collections.nebula.credential.plugins.module_utils.network.ldap_names import escape_filter_value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Modules, TargetTraits, Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.directory import DirectoryTarget, build_options
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option
from ansible_collections.nebula.credential.plugins.module_utils.types.ldap import encode_unicode_pwd

ATTRIBUTE = "unicodePwd"
RESTRICTED = "0000052D"
"""ERROR_PASSWORD_RESTRICTION: the policy of the domain does not allow the password, or not yet."""
_HOUR, _DAY = 3600, 86400


class ActiveDirectory(DirectoryTarget):
    """The password of an account of Active Directory."""

    kind = "active_directory"
    summary = "V(active_directory) changes the password of an account of Active Directory."
    about = (
        (
            "The domain controller, and whose password changes there. It is reached from the controller, which needs C(bonsai), whatever"
            " host the task names, over TLS alone."
        ),
        (
            "The old password still logs in for a while after a change (O(active_directory.old_accepted_for)). It is no grace period to"
            " count on: Kerberos refuses it at once."
        ),
    )
    options = {
        **build_options("active_directory"),
        "base_dn": Option(
            "str",
            (
                (
                    "Where the account is searched, if only its name is known. Defaults to the credential's field C(base_dn), or to the"
                    " domain of the server."
                ),
            ),
        ),
        "old_accepted_for": Option(
            "int", ("For how many seconds the domain accepts an old password (C(OldPasswordAllowedPeriod)).",), default=_HOUR
        ),
        "min_interval": Option(
            "int",
            (
                (
                    "The shortest time between two changes, in seconds: the minimum password age of the domain. A rotation before that is"
                    " refused, with the earliest time. Defaults to a day with O(active_directory.self_service), else to 0: an administrator"
                    " is not bound by it."
                ),
            ),
        ),
    }
    lookup: ClassVar[Tuple[str, ...]] = ("sAMAccountName",)

    @property
    def traits(self) -> TargetTraits:
        wanted = self._options.get("min_interval")
        interval = (_DAY if self._options.get("self_service") else 0) if wanted is None else wanted
        return replace(super().traits, old_accepted_for=self._options["old_accepted_for"], min_interval=interval)

    def check(self) -> None:
        super().check()
        server = self._read_server()
        if not server.start_tls and not server.url.lower().startswith("ldaps:"):
            remedy = "Use 'ldaps', or leave 'start_tls: false' out."
            raise self._invalid("start_tls", "Active Directory changes a password over TLS alone", remedy)
        for name in ("old_accepted_for", "min_interval"):
            if (self._options.get(name) or 0) < 0:
                raise self._invalid(name, "it is below zero", "Give seconds.")

    def build_change(self, dn: str, value: Value) -> ldap.Request:
        new = encode_unicode_pwd(value.fields[value.primary])
        if not self._options.get("self_service"):
            return ldap.build_change(dn, [(ATTRIBUTE, ldap.REPLACE, new)])
        old = encode_unicode_pwd(self._current.fields[self._current.primary])
        return ldap.build_change(dn, [(ATTRIBUTE, ldap.DELETE, old), (ATTRIBUTE, ldap.ADD, new)])

    def judge(self, problem: ldap.Problem) -> str:
        # An old password that logs in, but is not the one to change, shows that an earlier change has landed.
        is_own = self._options.get("self_service") and problem.at != ldap.AT_LOGIN
        if is_own and problem.code == ldap.CONSTRAINT_VIOLATION and problem.reason != RESTRICTED:
            return steps.UNKNOWN
        return super().judge(problem)

    def describe_refusal(self, problem: ldap.Problem) -> str:
        if problem.reason == RESTRICTED:
            return "the policy of the domain does not allow it: length, complexity, history or minimum age of passwords"
        return super().describe_refusal(problem)

    def find_obstacle(self, modules: Modules, value: Value, place: str = "") -> str:
        problem = self._send(modules, self._login_of(value.fields, value.primary), ()).problem
        obstacle = "" if problem is None else ldap_problems.find_obstacle(problem)
        return "Active Directory refuses the account: {0}".format(obstacle) if obstacle else ""

    def build_search(self, modules: Modules, attributes: Sequence[str]) -> ldap.Request:
        name = self._own.get("username", "")
        _domain, backslash, account = name.partition("\\")
        attribute, wanted = ("sAMAccountName", account) if backslash else ("userPrincipalName", name)
        if not wanted:
            return super().build_search(modules, attributes)
        chosen = "(&(objectClass=user)({0}={1}))".format(attribute, escape_filter_value(wanted))
        base = self._option("base_dn") or self._read_domain(modules)
        return ldap.build_search(base, attributes=attributes or ("1.1",), filter_text=chosen, subtree=True)

    def _read_domain(self, modules: Modules) -> str:
        answer = self._send(modules, self._changer(), [ldap.build_search("", attributes=("defaultNamingContext",))])
        entries = ldap.read_entries(answer.done[0]) if answer.done else []
        found = [value for _dn, values in entries for name in values if name.lower() == "defaultnamingcontext" for value in values[name]]
        if answer.problem is not None:
            raise ldap_problems.describe_login(answer.problem, self._read_server())
        if not found:
            raise NotFound("the server does not say its domain", option="active_directory.base_dn", remedy="Nothing was changed. Give it.")
        return found[0].decode("utf-8")
