# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing one entry of another tool's file into a store: created, compared, and read back byte for byte."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Iterator, NamedTuple, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.adoption.entry import Entry
from ansible_collections.nebula.credential.plugins.module_utils.adoption.recognition import Recognized, recognize
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.adopt import FAIL, SKIP, UPDATE
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import (
    FitChecker,
    check_rules,
    check_takes_writes,
    find_protocol,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    Duplicate,
    InvalidInput,
    NotFound,
    StorageError,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager

CREATE, NOTHING = "create", "nothing"
OLDER_DIFFER = "{0}, but an older value has another form"


@dataclass(frozen=True)
class Options:
    """How to adopt.

    Attributes:
        on_conflict: what to do with a name under which the store has another value: `fail`, `skip` or `update`.
        detect: whether types are worked out.
        check: report what would be done, and do nothing.
        scope: what a credential that is created gets; one that is there keeps its own.
    """

    on_conflict: str = FAIL
    detect: bool = True
    check: bool = False
    scope: Optional[Scope] = None


class Adopted(NamedTuple):
    """What was done with an entry.

    Attributes:
        action: create, update, nothing (the store has the value) or skip (it has another one).
        verified: whether the value was read from the store, and is the same.
        field: the field that a lookup has to name to get the one value; None if it is the main one, or if there are several.
    """

    action: str
    verified: bool
    field: Optional[str] = None


class Adopter:
    """Adopts single entries. Threads may share it."""

    def __init__(self, manager: CredentialManager, caller: AccessContext, options: Options) -> None:
        """Take the store."""
        self._manager = manager
        self._caller = caller
        self._options = options

    def recognize(self, entry: Entry) -> Recognized:
        """Return the type of an entry. Older values have to fit it, too."""
        found = recognize(entry.value, entry.fields, entry.type, self._options.detect)
        if any(self._recognize_older(entry, value).type != found.type for value in entry.older):
            plain = recognize(entry.value, entry.fields, None, False)
            return plain._replace(reason=OLDER_DIFFER.format(found.reason))
        return found

    def adopt(self, entry: Entry) -> Adopted:
        """Bring an entry into the store, and read it back.

        Raises:
            InvalidInput: its name is none that a credential can have.
            Duplicate: the store has another value under its name, and `on_conflict` is `fail`.
            StorageError: what was read back is something else.
            CredentialError: the store does not take it.
        """
        _check_name(entry.name)
        recognized = self.recognize(entry)
        stored = self._find(entry.name)
        if stored is None:
            try:
                return self._create(entry, recognized)
            except Duplicate:  # another run has created it since
                stored = self._find(entry.name)
                if stored is None:
                    raise
        return self._compare(entry, recognized, stored)

    def _create(self, entry: Entry, recognized: Recognized) -> Adopted:
        if self._options.check:
            return Adopted(CREATE, False, self._plan(recognized, self._build_new(entry, recognized)))
        first, *others = (*self._list_older(entry, recognized), recognized)
        self._write_rest(entry, self._manager.create(self._build_new(entry, first), self._caller), others)
        return self._verify(entry, recognized, CREATE)

    def _compare(self, entry: Entry, recognized: Recognized, stored: Credential) -> Adopted:
        if has_values(stored, recognized):
            return Adopted(NOTHING, True, choose_field(stored, recognized))
        older = list(self._list_older(entry, recognized))
        known = [number for number, one in enumerate(older) if has_values(stored, one)]
        if not known and self._options.on_conflict == SKIP:
            return Adopted(SKIP, False)
        if not known and self._options.on_conflict == FAIL:
            what = "the store has another value under this name"
            remedy = (
                "Nothing was written. Compare both; then write 'on_conflict: skip' or 'update', a 'prefix', or another name in 'names'."
            )
            raise Duplicate(what, name=entry.name, remedy=remedy)
        rest = [*older[known[-1] + 1 :], recognized] if known else [recognized]
        if self._options.check:
            return Adopted(UPDATE, False, self._plan(recognized, self._build_over(entry, recognized, stored), stored))
        self._write_rest(entry, stored, rest)
        return self._verify(entry, recognized, UPDATE)

    def _write_rest(self, entry: Entry, stored: Credential, values: Sequence[Recognized]) -> None:
        """Write values one after the other, each over exactly the version before."""
        for one in values:
            done = self._manager.ensure(self._build_over(entry, one, stored), self._caller, expected_version=stored.version)
            stored = done.credential or stored

    def _verify(self, entry: Entry, recognized: Recognized, action: str) -> Adopted:
        stored = self._find(entry.name)
        if stored is None or not has_values(stored, recognized):
            remedy = "Find out who else writes it. Run it again: what is there then is compared."
            raise StorageError("what was read back is not what was written", name=entry.name, remedy=remedy)
        return Adopted(action, True, choose_field(stored, recognized))

    def _plan(self, recognized: Recognized, wanted: DesiredCredential, stored: Optional[Credential] = None) -> Optional[str]:
        """Return what `choose_field` would return after a write. Raise what it would fail with, as far as that can be known."""
        planned = self._manager.ensure(wanted, self._caller, check=True, expected_version=None if stored is None else stored.version)
        backend = self._manager.backend
        with self._manager.acting(self._caller):
            check_takes_writes(backend, wanted.name)
            checker = find_protocol(backend, FitChecker)
            if planned.credential is None:
                return None
            check_rules(backend, planned.credential.record)
            if checker is not None and stored is None:
                checker.check_fits(planned.credential.record)
        return choose_field(planned.credential, recognized)

    def _find(self, name: str) -> Optional[Credential]:
        try:
            return self._manager.inspect(name, context=self._caller)
        except NotFound:
            return None

    def _list_older(self, entry: Entry, recognized: Recognized) -> Iterator[Recognized]:
        """Yield the older values, the oldest first, in the form of the newest."""
        for value in reversed(entry.older):
            older = self._recognize_older(entry, value)
            yield older if older.type == recognized.type else recognize(value, {}, None, False)

    def _recognize_older(self, entry: Entry, value: bytes) -> Recognized:
        return recognize(value, {}, entry.type, self._options.detect)

    def _build_new(self, entry: Entry, recognized: Recognized) -> DesiredCredential:
        return replace(self._build(entry, recognized), scope=self._options.scope)

    @staticmethod
    def _build(entry: Entry, recognized: Recognized) -> DesiredCredential:
        fields = {name: Secret(value) for name, value in recognized.fields.items()}
        return DesiredCredential(entry.name, type=recognized.type, fields=fields, description=entry.description, tags=entry.tags)

    def _build_over(self, entry: Entry, recognized: Recognized, stored: Credential) -> DesiredCredential:
        """Return what is written over a stored credential, which keeps its type: of another one only the main value is replaced."""
        if stored.record.type == recognized.type and not (recognized.single and "value" in recognized.fields):
            return self._build(entry, recognized)
        if recognized.single:
            value = next(iter(recognized.reads.values()))
            return DesiredCredential(entry.name, value=Secret(value), description=entry.description, tags=entry.tags)
        fields = {name: Secret(value) for name, value in recognized.fields.items()}
        return DesiredCredential(entry.name, fields=fields, description=entry.description, tags=entry.tags)


def _check_name(name: str) -> None:
    """Check a name. The file says it, so the remedy names what gives the credential another one."""
    try:
        check_name(name)
    except InvalidInput as error:
        remedy = "Give it another one in 'names', or write 'characters: replace' in 'options' if the format has that. {0}"
        raise InvalidInput(error.what, option="names", remedy=remedy.format(error.remedy)) from None


def has_values(stored: Credential, recognized: Recognized) -> bool:
    """Return True if a stored credential returns each value, byte for byte. One value may be in the main field of any type."""
    for field, value in recognized.reads.items():
        candidates: Sequence[Optional[str]] = (field, None) if recognized.single else (field,)
        if not any(_returns(stored, candidate, Secret(value)) for candidate in candidates):
            return False
    return True


def choose_field(stored: Credential, recognized: Recognized) -> Optional[str]:
    """Return the field that a lookup has to name to get the one value; None if it is the main one, or if there are several values."""
    if not recognized.single:
        return None
    field, value = next(iter(recognized.reads.items()))
    return None if _returns(stored, None, Secret(value)) else field


def _returns(stored: Credential, field: Optional[str], value: Secret) -> bool:
    try:
        return stored.token(field) == value
    except CredentialError:
        return False
