# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory as a target: the password of an entry, set by the operation of RFC 3062. The server hashes it, and keeps its policy."""

from __future__ import annotations

from typing import ClassVar, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.network import ldap
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Modules, Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.directory import DirectoryTarget, build_options

LOCKED = "pwdAccountLockedTime"
RESET = "pwdReset"
"""Set by a policy with pwdMustChange after an administrator's change: then a login may do nothing but change the password."""


class Ldap(DirectoryTarget):
    """The password of an entry of OpenLDAP and its like."""

    kind = "ldap"
    summary = "V(ldap) changes the password of an entry of an LDAP directory."
    about = (
        (
            "The directory, and whose password changes there. It is reached from the controller, which needs C(bonsai), whatever host"
            " the task names."
        ),
        "The server gets the password over TLS and hashes it. An entry has one password at a time, so there is no grace period.",
    )
    options = build_options("ldap")
    lookup: ClassVar[Tuple[str, ...]] = (LOCKED,)

    def build_change(self, dn: str, value: Value) -> ldap.Request:
        old = self._current.fields[self._current.primary] if self._options.get("self_service") else None
        return ldap.build_new_password(dn, value.fields[value.primary], old)

    def build_further(self, dn: str) -> Sequence[ldap.Request]:
        return [ldap.build_removal(dn, RESET)] if self._options.get("admin_credential") else ()

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        outcome = super().probe(modules, value, place)
        # A current value may be of use to nobody yet: its rotation mends that.
        if outcome != steps.ACCEPTED or value.fields == self._current.fields or not self._must_change(modules):
            return outcome
        modules.note("the account may do nothing but change its password ({0}), and the administrator cannot clear that".format(RESET))
        return steps.UNAVAILABLE

    def _must_change(self, modules: Modules) -> bool:
        """Whether the directory has the account change its password before anything else. False if the administrator cannot see it."""
        if not self._options.get("admin_credential"):
            return False
        try:
            _dn, attributes = self.read_entry(modules, (RESET,))
        except CredentialError:
            return False
        return any(name.lower() == RESET.lower() and b"TRUE" in map(bytes.upper, values) for name, values in attributes.items())

    def find_obstacle(self, modules: Modules, value: Value, place: str = "") -> str:
        if not self._options.get("admin_credential"):
            return ""
        try:
            _dn, attributes = self.read_entry(modules, self.lookup)
        except CredentialError:
            return ""
        locked = any(name.lower() == LOCKED.lower() and values for name, values in attributes.items())
        return "the directory has locked the account ({0})".format(LOCKED) if locked else ""
