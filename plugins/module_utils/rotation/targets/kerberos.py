# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keytab of a Kerberos principal as a target. The KDC makes the keys, and shows them to an administrator who may extract them.

A new key has the next version. The KDC keeps the old one until it is purged: tickets that were made with it are accepted by a service
that still has it, so the value before is kept for a grace period. For a login, the KDC accepts the newest key only.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidInput,
    NotFound,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    NO_ROLLBACK,
    OVERLAP_NONE,
    SERVICE,
    Made,
    Modules,
    Requirement,
    Target,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.kerberos_admin import (
    KEYTAB,
    LIMIT,
    Admin,
    Principal,
    Session,
    check_programs,
    read_principal,
    run_kadmin,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option
from ansible_collections.nebula.credential.plugins.module_utils.types.kerberos import tickets
from ansible_collections.nebula.credential.plugins.module_utils.types.kerberos.keytab import Entry, read_keytab, write_keytab

GSSAPI = Requirement("python", "gssapi", "pip install 'gssapi >= 1.8'", parts=("gssapi",))
TRAITS = TargetTraits(
    overlap=OVERLAP_NONE,
    rollback=NO_ROLLBACK,
    probe="the KDC gives a ticket for the new key, and none for a random wrong one",
    # kadmin ends after `LIMIT`; a server may still carry out what it has read by then.
    max_request_life=120,
    apply_limit=90,
    ask_limit=2,  # few probes: a KDC locks a principal after a few refused logins, if a policy says so
    maker=SERVICE,
    readable=True,
    grants_last=25 * 3600,  # the longest life of a ticket, if the realm does not set another one, and the skew of clocks
)
_FIELD, _TYPE = "keytab", "kerberos"
_ADMIN_PORT = 749
_PLAIN = {"principal": re.compile(r"[\w.$~+/@-]+\Z", re.ASCII), "kdc": re.compile(r"[\w.:,\[\] -]+\Z", re.ASCII)}
"""What is written into commands of kadmin, and into a configuration. Another tool may have stored it, so it is looked at here, too."""


class Kerberos(Target):
    """The keytab of one principal."""

    kind = "kerberos"
    summary = "V(kerberos) has the KDC of MIT Kerberos make a new key of a principal, whose keytab is stored, and purges the old one."
    about = (
        "The administrator who changes the key. C(kadmin) on the controller contacts the KDC; no host is contacted.",
        (
            "Tickets that were made with the old key are valid until they end, so the old keytab is kept for a grace period of 25 hours"
            " unless O(grace) says otherwise. Logins with the old key are refused at once."
        ),
    )
    options = {
        "admin_credential": Option(
            "str",
            (
                (
                    "A credential in the same store, of type C(kerberos): the principal that may inquire, change and extract the keys"
                    " of the other one, and purge them."
                ),
            ),
            required=True,
            no_log=False,
            credential=True,
        ),
        "admin_server": Option(
            "str",
            (
                (
                    "The host of C(kadmind), with a port if it is not 749. Defaults to the first of the credential's field C(kdc), or to"
                    " that of the machine's configuration."
                ),
            ),
        ),
        "propagation": Option(
            "int", ("Seconds until every KDC has a change, if the realm has several. The new key is tried after that.",), default=0
        ),
    }
    requires = (GSSAPI,)

    def __init__(self, options: Mapping[str, Any], current: Value) -> None:
        self._options = options
        self._current = current

    @property
    def traits(self) -> TargetTraits:
        return replace(TRAITS, propagation=self._options["propagation"])

    def check(self) -> None:
        if self._current.primary != _FIELD:
            remedy = "Rotate a credential of type '{0}' that has a keytab.".format(_TYPE)
            raise InvalidInput("the credential has no keytab", option="target", remedy=remedy)
        if self._principal.startswith("-"):
            raise InvalidInput("the name of the principal begins with '-'", option="target", remedy="kadmin cannot take it.")
        for name, pattern in _PLAIN.items():
            if not pattern.match(_read_text(self._current.fields, name) or "-"):
                what = "the field '{0}' of the credential has characters that no {0} has".format(name)
                raise InvalidInput(what, option="target", remedy="Correct it: kadmin would read them as commands.")
        if self._options["propagation"] < 0:
            raise _invalid("propagation", "it is less than 0", "Give seconds.")
        admin = find_values(self._options["admin_credential"])
        if "principal" not in admin or not {_FIELD, "password"} & set(admin):
            raise _invalid("admin_credential", "it has no principal, or no key", "Name a credential of type '{0}'.".format(_TYPE))
        if b"\n" in self._admin.key.expose() and not self._admin.is_keytab:
            raise _invalid("admin_credential", "its password has several lines", "kadmin cannot take it. Use a keytab.")
        if self._admin.principal == self._principal:
            what = "the administrator is the principal whose key changes"
            raise _invalid("admin_credential", what, "Name another administrator.")

    def describe(self) -> Dict[str, Any]:
        found = {"principal": self._principal, "admin_server": self._options.get("admin_server")}
        return {name: text for name, text in found.items() if text}

    def precheck(self, modules: Modules) -> None:
        """Check that the principal exists, and that the administrator may extract its keys.

        Raises:
            MissingLibrary: the controller has no kadmin.
            NotFound: there is no such principal.
            AccessDenied, LoginFailed, Unavailable: as the class says.
        """
        check_programs()
        try:
            session = self._run(modules, self._reading)
        except CredentialError as error:
            raise type(error)(error.what, option="kerberos.admin_credential", remedy="Nothing was changed. Check 'admin_server'.") from None
        if read_principal(session, self._principal) is None:
            is_missing = "does not exist" in session.errors
            what = "there is no principal '{0}'" if is_missing else "the administrator may not inquire '{0}'"
            kind = NotFound if is_missing else AccessDenied
            raise kind(what.format(self._principal), option="kerberos.admin_credential", remedy="Nothing was changed.")
        if not self._find_newest(session.entries):
            what = "the administrator may not extract the keys of '{0}'".format(self._principal)
            remedy = "Nothing was changed. Give it the right 'e' in kadm5.acl; the principal must not have 'lockdown_keys'."
            raise AccessDenied(what, option="kerberos.admin_credential", remedy=remedy)

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        return steps.REFUSED

    def make(self, modules: Modules, base: Value, mark: str) -> Made:
        """Have the KDC make a key, unless it has another one than `base` already. Return the keytab with the key that it has then."""
        try:
            session = self._run(modules, self._reading)
        except CredentialError as error:
            modules.note(error.what)
            return Made(steps.UNAVAILABLE)
        found = self._build_value(session, base)
        if found is None:
            modules.note("the KDC does not show the keys of the principal")
            return Made(steps.REFUSED)
        return Made(steps.APPLIED, found) if not self.is_same(found, base) else self._change(modules, base)

    def _change(self, modules: Modules, base: Value) -> Made:
        try:
            session = self._run(modules, ("cpw -randkey -keepold {0}".format(self._principal), *self._reading))
        except CredentialError as error:
            modules.note(error.what)
            return Made(steps.UNKNOWN if error.outcome_unknown else steps.UNAVAILABLE)
        found = self._build_value(session, base)
        if found is not None and not self.is_same(found, base):
            return Made(steps.APPLIED, found)
        is_refused = "change-password" in session.errors
        modules.note("the administrator may not change the key ('c' in kadm5.acl)" if is_refused else "the KDC did not show a new key")
        return Made(steps.REFUSED if is_refused else steps.UNKNOWN)

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        try:
            with deadline.within(min(LIMIT, max(modules.time_left(), deadline.LEAST)), "the login of the rotation"):
                code = tickets.try_keytab(self._realm, self._principal, value.fields[_FIELD])
        except CredentialError as error:
            modules.note(error.what)
            return steps.UNAVAILABLE
        if code == 0:
            return steps.ACCEPTED
        modules.note("the KDC gives no ticket: {0}".format(tickets.describe_refusal(code)))
        return steps.REFUSED if code in tickets.WRONG_KEY else steps.UNAVAILABLE

    def is_same(self, value: Value, other: Value) -> bool:
        # A keytab may have fewer kinds of encryption than the KDC.
        ours, others = ({key.encryption: key for key in self._read_newest(each)} for each in (value, other))
        pairs = [(ours[kind], others[kind]) for kind in ours if kind in others]
        return bool(pairs) and all(one.version == two.version and hmac.compare_digest(one.key, two.key) for one, two in pairs)

    def wrong_value(self, value: Value) -> Optional[Value]:
        wrong = [entry.with_key(secrets.token_bytes(len(entry.key))) for entry in self._read_newest(value)]
        return replace(value, fields={**value.fields, _FIELD: Secret(write_keytab(wrong))})

    def retire(self, modules: Modules, value: Value, place: str = "") -> str:
        """Purge the keys up to the version of a value. The newest key of the principal always stays."""
        old = max((entry.version for entry in self._read_newest(value)), default=0)
        shows = "getprinc -terse {0}".format(self._principal)
        try:
            found = read_principal(self._run(modules, (shows,)), self._principal)
            if found is not None and old < max(found.versions, default=0) and old >= found.versions[0]:
                purges = "purgekeys -keepkvno {0} {1}".format(old + 1, self._principal)
                found = read_principal(self._run(modules, (purges, shows)), self._principal)
        except CredentialError as error:
            modules.note(error.what)
            return steps.UNKNOWN if error.outcome_unknown else steps.UNAVAILABLE
        return self._read_purged(modules, found, old)

    def _read_purged(self, modules: Modules, found: Optional[Principal], old: int) -> str:
        if found is None or not found.versions:
            modules.note("the KDC does not show the versions of the keys")
            return steps.UNKNOWN
        if old < found.versions[0]:
            return steps.APPLIED
        is_newest = old >= found.versions[-1]
        modules.note("it is the newest key of the principal" if is_newest else "the administrator may not purge keys ('m' in kadm5.acl)")
        return steps.REFUSED

    def _run(self, modules: Modules, commands: Sequence[str]) -> Session:
        return run_kadmin(self._realm, self._admin, commands, min(LIMIT, modules.time_left()))

    def _build_value(self, session: Session, base: Value) -> Optional[Value]:
        """Return `base` with the newest key that a session showed in place of the principal's; None if it showed none."""
        found, newest = read_principal(session, self._principal), self._find_newest(session.entries)
        if found is None or not newest:
            return None
        # kadmin writes the time of the extraction: with that of the key, the same key is always the same keytab.
        entries = [*self._find_others(base), *(entry.with_time(found.changed) for entry in newest)]
        return replace(base, fields={**base.fields, _FIELD: Secret(write_keytab(entries))}, identity={})

    def _find_others(self, value: Value) -> List[Entry]:
        """Return the keys of other principals, which stay in the keytab."""
        return [entry for entry in read_keytab(value.fields[_FIELD].expose()) or () if entry.principal != self._principal]

    def _read_newest(self, value: Value) -> List[Entry]:
        return self._find_newest(read_keytab(value.fields[_FIELD].expose()) or ())

    def _find_newest(self, entries: Sequence[Entry]) -> List[Entry]:
        own = [entry for entry in entries if entry.principal == self._principal]
        newest = max((entry.version for entry in own), default=0)
        return [entry for entry in own if entry.version == newest]

    @property
    def _reading(self) -> Sequence[str]:
        shows = "getprinc -terse {0}".format(self._principal)
        return (shows, "ktadd -q -norandkey -k {0} {1}".format(KEYTAB, self._principal))

    @property
    def _principal(self) -> str:
        return _read_text(self._current.fields, "principal") or ""

    @property
    def _realm(self) -> tickets.Realm:
        named = _read_text(self._current.fields, "kdc")
        return tickets.Realm(self._principal.rpartition("@")[2], tuple(name.strip() for name in named.split(",")) if named else ())

    @property
    def _admin(self) -> Admin:
        fields = find_values(self._options["admin_credential"])
        is_keytab = _FIELD in fields
        kdc = self._realm.kdc
        # Without one in the configuration, libkrb5 looks for the administration server at the KDC.
        server = self._options.get("admin_server") or ("{0}:{1}".format(_cut_port(kdc[0]), _ADMIN_PORT) if kdc else None)
        return Admin(_read_text(fields, "principal") or "", fields[_FIELD if is_keytab else "password"], is_keytab, server)


def _cut_port(host: str) -> str:
    return host[: host.rindex("]") + 1] if host.startswith("[") else host.partition(":")[0]


def _read_text(fields: Fields, name: str) -> Optional[str]:
    found = find_values(fields).get(name)
    return None if found is None else found.expose().decode("utf-8")


def _invalid(option: str, what: str, remedy: str) -> InvalidInput:
    return InvalidInput(what, option="kerberos." + option, remedy=remedy)
