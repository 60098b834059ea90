# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing through the manager. Every write is a compare-and-swap; writes that the lifecycle forbids are refused before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Callable, Dict, Optional, Tuple, TypeVar

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Recoverable, VersionRemover, require_protocol
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import scope_checked
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, NotFound, RotationInProgress
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.dates import date_version
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import (
    ABSENT,
    CURRENT,
    JOURNAL,
    PENDING,
    PREVIOUS,
    REFRESH,
    Etag,
    Fields,
    Metadata,
    Record,
    without_forms,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import Clock, Reader, utc_now
from ansible_collections.nebula.credential.plugins.module_utils.store.refusals import (
    check_changeable,
    check_created_by,
    check_expected,
    check_recoverable,
    refuse_revoked,
    refuse_while_rotating,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType
from ansible_collections.nebula.credential.plugins.module_utils.types.generation import using_policies_of
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import is_refreshable

ATTEMPTS = 5
"""How many times a write that is safe to repeat is tried while others write the same credential."""

SPARE = "spare"
"""The attribute of a value that is in `previous` only until the current one has been replaced."""


_OF_THE_VERSION = ("orphaned", "identity", REFRESH)
"""Attributes that belong to one value and are not copied to the next one."""

Answer = TypeVar("Answer")


def retry_conflicts(write: Callable[[], Answer]) -> Answer:
    """Call `write` again after each Conflict. Only for writes that first read what they change.

    Raises:
        Conflict: `write` raised it `ATTEMPTS` times.
    """
    for _attempt in range(ATTEMPTS - 1):
        try:
            return write()
        except Conflict:
            continue
    return write()


class Writer:
    """Writes credentials to a backend."""

    def __init__(self, backend: Backend, tenant: str, clock: Clock = utc_now) -> None:
        """Write to `backend`, for the store's tenant, with the times that `clock` returns."""
        self._backend = backend
        self._tenant = tenant
        self._clock = clock
        self._reader = Reader(backend, clock)

    @property
    def undeletes(self) -> bool:
        """Whether `accept` can bring back a deleted credential."""
        return self._backend.capabilities.soft_delete

    def find_deleted(self, name: str) -> Optional[Credential]:
        """Return the deleted credential that `accept` would bring back, without its fields; None if there is none."""
        if not self.undeletes:
            return None
        try:
            return self.accept(name, check=True)
        except NotFound:
            return None

    def create(self, wanted: DesiredCredential) -> Credential:
        """Store a new credential.

        Raises:
            Duplicate: it exists, and was not created with this idempotency key.
            InvalidInput, UnsupportedType: `wanted` is not valid.
        """
        record, _generated = self.new_record(wanted)
        try:
            return self._answer(self._backend.put(record, create=True))
        except Conflict as conflict:
            return self._find_created_before(wanted, conflict)

    def new_record(self, wanted: DesiredCredential) -> Tuple[Record, bool]:
        """Return the record that `create` stores, and whether its value was generated."""
        kind = wanted.kind()
        fields, generated = self.resolve(wanted, kind, {})
        return Record(check_name(wanted.name), kind.name, fields, metadata=self._first_metadata(wanted, kind, fields)), generated

    def resolve(self, wanted: DesiredCredential, kind: CredentialType, stored: Fields) -> Tuple[Fields, bool]:
        """Return the fields of `wanted` merged over the stored ones (`DesiredCredential.resolve`), in the form that this store keeps.

        What another credential makes for them is part of them (`CredentialType.complete`). They are tried at the service if `check` is set.
        """
        wanted.check_recipe(kind, self._backend.context.recipes)
        with using_policies_of(self._backend, wanted.name):
            merged, generated = wanted.resolve(kind, stored)
        fields = kind.complete(wanted.name, merged, self._read_other, self._clock())
        wanted.try_login(kind, fields, generated)
        return fields if self._backend.capabilities.json_fields else without_forms(fields), generated

    def next_record(self, credential: Credential, fields: Fields, wanted: DesiredCredential) -> Record:
        """Return the record of a new value of a stored credential. Keep the refreshed state and its expiry if it belongs to the new fields.

        Raises:
            Revoked, RotationInProgress: its state accepts no new value.
            Conflict: the state would be kept, and a refresh is under way.
        """
        now = self._clock()
        kept = _keep_refreshed(credential, fields)
        keeps_state = kept is not None
        metadata = _revive(credential, now)
        attributes = {name: value for name, value in metadata.attributes.items() if name not in _OF_THE_VERSION} if kept is None else kept
        kind = wanted.kind(credential.record.type, attributes)
        changes = dict(wanted.apply(metadata), attributes=wanted.attributes(kind, attributes))
        expires_at = metadata.expires_at if keeps_state else kind.expires_at(fields) or _still_ahead(credential, now)
        changes["expires_at"] = wanted.read_expiry(now) or expires_at
        metadata = date_version(replace(metadata, **changes), now, is_rotated=_has_another_secret(kind, credential.fields, fields))
        state = credential.record.state if keeps_state else {}
        return Record(credential.name, kind.name, fields, state, replace(metadata, scope=self.scope(wanted, metadata.scope)))

    def put(self, record: Record, replaced: Optional[Credential], wanted: DesiredCredential) -> Credential:
        """Store a new value, of what is wanted, over the credential that was read; with None, none was found, and none may be stored since.

        Raises:
            Conflict: another writer came first.
        """
        try:
            return self._answer(self._backend.put(record, replaced.record.etag if replaced else ABSENT, create=replaced is None))
        except Conflict as problem:
            # KV version 2 stores the metadata of a value later, and another run may change it before. Then the value is stored once more.
            current = self._reader.find(record.name) if problem.outcome_unknown else None
            if current is None or dict(current.fields) != dict(record.fields):
                raise
        return self.put(self.next_record(current, record.fields, wanted), current, wanted)

    def patch(self, credential: Credential, changes: Dict[str, Any]) -> Credential:
        """Change the metadata of the version that was read; the value stays.

        Raises:
            Conflict: another writer came first.
        """
        check_changeable(credential)
        record = credential.record.with_metadata(**dict(changes, updated_at=self._clock()))
        patched = self._backend.patch_metadata(record, credential.record.revision)
        return self._answer(replace(patched, fields=credential.fields, state=credential.record.state))

    def revoke(self, name: str, expected_version: Optional[str] = None, seen: Optional[Credential] = None) -> Tuple[Credential, bool]:
        """Revoke for good. Return the credential, and whether this call revoked it. `seen` is the credential if it was just read.

        Raises:
            NotFound: there is no such credential.
            Conflict: its version is not the expected one.
        """
        unchecked = [] if seen is None else [seen]

        def attempt() -> Tuple[Credential, bool]:
            credential = unchecked.pop() if unchecked else self._reader.inspect(name)
            check_expected(credential, expected_version)
            if credential.metadata.lifecycle == lifecycle.REVOKED:
                return credential, False
            revoked = lifecycle.advance(credential.metadata, "revoke", self._clock())
            return self.patch(credential, {"lifecycle": revoked.lifecycle, "history": revoked.history}), True

        return attempt() if expected_version else retry_conflicts(attempt)

    def accept(self, name: str, version: Optional[str] = None, *, check: bool = False) -> Credential:
        """Accept the stored value although newer ones were seen, or it was deleted: write it again as the newest version.

        Args:
            name: the credential.
            version: the version that must be stored, or None for any.
            check: return the stored value, and accept nothing.

        Raises:
            NotFound: nothing is stored.
            Conflict: the stored version is not `version`.
            EncryptionError: the stored value is not genuine.
        """
        recoverable = require_protocol(self._backend, Recoverable, check_name(name))
        return self._answer(recoverable.restore(name, version=version, check=check))

    def replace_unreadable(self, kept: Credential) -> Credential:
        """Replace a current value that cannot be opened any more by an older version.

        A value that cannot be opened cannot be replaced by a compare-and-swap. It can only be deleted, and its versions are
        deleted with it. So `kept` is stored in `previous` meanwhile: at every moment it is stored somewhere.

        Raises:
            RotationInProgress: there is a pending or previous value or a journal, which may hold a value that a target accepts.
        """
        self._refuse_other_stages(kept.name)
        now = self._clock()
        metadata = date_version(replace(kept.metadata, updated_at=now), now, is_rotated=True)
        record = Record(kept.name, kept.record.type, kept.fields, kept.record.state, metadata)
        spare = replace(record, stage=PREVIOUS).with_metadata(attributes=dict(metadata.attributes, **{SPARE: True}))
        self._backend.put(spare)
        self._backend.delete(kept.name)
        stored = self._backend.put(record, create=True)
        self._backend.delete(kept.name, stage=PREVIOUS)
        return self._answer(stored)

    def _refuse_other_stages(self, name: str) -> None:
        for stage in (PENDING, PREVIOUS, JOURNAL):
            try:
                found = self._backend.get(name, stage=stage)
            except NotFound:
                continue
            if not found.full_metadata.attributes.get(SPARE):
                what = "the current value cannot be opened, and there is another in stage '{0}'".format(stage)
                remedy = "Settle the rotation with credential_rotate; or read that stage, delete by force, and write the value again."
                raise RotationInProgress(what, name=name, remedy=remedy)

    def delete(
        self,
        name: str,
        expected_version: Optional[str] = None,
        force: bool = False,
        recoverable: bool = False,
        seen: Optional[Credential] = None,
    ) -> None:
        """Delete every value of a credential. Its audit trail stays.

        Args:
            name: the credential.
            expected_version: delete only if this is its version.
            force: delete even during a rotation, and even if it cannot be read.
            recoverable: keep what is needed to bring back the current value and the older ones (`accept`).
            seen: the credential, if it was just read; with `force` it is not used.

        Raises:
            InvalidInput: `recoverable` is given, and the backend cannot restore, or `force` is given too.
            NotFound: there is no such credential.
            RotationInProgress: it is rotating, or in its grace period.
            Conflict: its version is not the expected one.
        """
        if recoverable:
            check_recoverable(name, self.undeletes, force)
        # Imported here: nothing else needs it.
        from ansible_collections.nebula.credential.plugins.module_utils.store.stages import delete_stages, read_deletable

        expected = Etag(expected_version) if expected_version else None
        if force:
            delete_stages(self._backend, name)
        else:
            credential = read_deletable(self._reader, name, expected_version) if seen is None else seen
            check_expected(credential, expected_version)
            refuse_while_rotating(credential)
            expected = credential.record.etag
            with scope_checked(name):
                delete_stages(self._backend, name, credential.record)
        self._backend.delete(check_name(name), stage=CURRENT, expected=expected, recoverable=recoverable)

    def remove_version(self, name: str, version: str, recoverable: bool, check: bool) -> bool:
        """Remove one older version. Return False if there is none."""
        remover = require_protocol(self._backend, VersionRemover, check_name(name))
        try:
            remover.remove_version(name, version, recoverable=recoverable, check=check)
        except NotFound:
            return False
        return True

    def restore_version(self, name: str, version: str, check: bool) -> Credential:
        """Bring back an older version that was removed recoverably, and return it.

        Raises:
            NotFound: there is none.
        """
        return self._answer(require_protocol(self._backend, VersionRemover, check_name(name)).restore_version(name, version, check=check))

    def scope(self, wanted: DesiredCredential, stored: Scope) -> Scope:
        """Return the wanted scope, else the stored one, with the store's tenant."""
        return replace(wanted.scope or stored, tenant=self._tenant)

    def _first_metadata(self, wanted: DesiredCredential, kind: CredentialType, fields: Fields) -> Metadata:
        now = self._clock()
        blank = Metadata(now, now, lifecycle=lifecycle.UNINITIALIZED, attributes=wanted.attributes(kind, {}))
        metadata = replace(lifecycle.advance_all(blank, ("begin_direct", "auth_ok"), now), **wanted.apply(blank))
        expires_at = wanted.read_expiry(now) or kind.expires_at(fields)
        return replace(metadata, scope=self.scope(wanted, metadata.scope), expires_at=expires_at)

    def _find_created_before(self, wanted: DesiredCredential, conflict: Conflict) -> Credential:
        found = self._reader.find(wanted.name)
        if found is None:
            raise conflict
        check_created_by(found, wanted.idempotency_key)
        return found

    def _read_other(self, name: str) -> Record:
        return self._reader.get(name).record

    def _answer(self, record: Record) -> Credential:
        return Credential(record, self._clock())


def _revive(credential: Credential, now: datetime) -> Metadata:
    """Return the metadata after the lifecycle event of a new value.

    Raises:
        Revoked, RotationInProgress, Unusable: the state accepts no new value.
    """
    check_changeable(credential)
    refuse_while_rotating(credential)
    refuse_revoked(credential)
    metadata = credential.metadata
    if metadata.lifecycle == lifecycle.ACTIVE and lifecycle.is_expired(metadata, now):
        metadata = lifecycle.advance(metadata, "expire", now)
    if metadata.lifecycle in (lifecycle.ACTIVE, lifecycle.ROTATION_SCHEDULED, lifecycle.REFRESHING):
        return lifecycle.advance(metadata, "put", now)
    begun = "input" if metadata.lifecycle == lifecycle.PENDING_INTERACTION else "begin_direct"
    return lifecycle.advance_all(metadata, (begun, "auth_ok"), now)


def _has_another_secret(kind: CredentialType, before: Fields, after: Fields) -> bool:
    """Whether a secret field differs: only then is the value another one."""
    return any(before.get(field) != after.get(field) for field in {*before, *after} if kind.is_secret(field))


def _keep_refreshed(credential: Credential, fields: Fields) -> Optional[Dict[str, Any]]:
    if not is_refreshable(credential.record.type):
        return None
    # Loaded here: a session writes many credentials of which none is ever refreshed.
    from ansible_collections.nebula.credential.plugins.module_utils.store.refresh.kept_state import keep_attributes

    return keep_attributes(credential, fields)


def _still_ahead(credential: Credential, now: datetime) -> Optional[datetime]:
    # An expiry that has passed, or that the old value itself contained, belonged to the old value.
    metadata = credential.metadata
    is_of_old = lifecycle.is_expired(metadata, now) or metadata.expires_at == credential.own_expiry
    return None if is_of_old else metadata.expires_at
