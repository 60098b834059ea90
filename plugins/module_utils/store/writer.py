# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing through the manager. Every write is a compare-and-swap; what the lifecycle forbids is refused before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Callable, Dict, Optional, Tuple, TypeVar

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Recoverable, require_protocol
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    Duplicate,
    EncryptionError,
    InvalidInput,
    NotFound,
    Revoked,
    RotationInProgress,
)
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import (
    CURRENT,
    JOURNAL,
    PENDING,
    PREVIOUS,
    REFRESH,
    Fields,
    Metadata,
    Record,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import IDEMPOTENCY_KEY, Wanted
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import Clock, Reader, utc_now
from ansible_collections.nebula.credential.plugins.module_utils.store.refusals import (
    check_expected,
    refuse_importing,
    refuse_while_rotating,
    with_way_out,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import is_refreshable

ATTEMPTS = 5
"""How often a write that is safe to do again is tried when others write the same credential."""

SPARE = "spare"
"""The attribute of a value that lies in `previous` only until the current one has been replaced."""


_OF_THE_VERSION = ("orphaned", "identity", REFRESH)
"""Attributes that belong to one value and not to its successor."""

Answer = TypeVar("Answer")


def retry_conflicts(write: Callable[[], Answer]) -> Answer:
    """Call `write` until no other writer comes in between. Only for writes that read anew what they change.

    Raises:
        Conflict: it lost `ATTEMPTS` times.
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
        """Write to `backend`, for the store's tenant, at the time `clock` tells."""
        self._backend = backend
        self._tenant = tenant
        self._clock = clock
        self._reader = Reader(backend, clock)

    @property
    def undeletes(self) -> bool:
        """Whether `accept` brings back what was deleted."""
        return self._backend.capabilities.soft_delete

    def deleted(self, name: str) -> Optional[Credential]:
        """What was deleted so that `accept` can bring it back, without its fields; None where there is no such thing."""
        if not self.undeletes:
            return None
        try:
            return self.accept(name, check=True)
        except NotFound:
            return None

    def create(self, wanted: Wanted) -> Credential:
        """Store a credential that is not there yet.

        Raises:
            Duplicate: it is there, created without this idempotency key.
            InvalidInput, UnsupportedType: it cannot be stored so.
        """
        record, _generated = self.new_record(wanted)
        try:
            return self.put(record, None)
        except Conflict as conflict:
            return self._created_before(wanted, conflict)

    def new_record(self, wanted: Wanted) -> Tuple[Record, bool]:
        """The record that `create` stores, and whether its value was generated."""
        kind = wanted.kind()
        fields, generated = wanted.resolve(kind, {})
        return Record(check_name(wanted.name), kind.name, fields, metadata=self._first_metadata(wanted, kind, fields)), generated

    def next_record(self, credential: Credential, fields: Fields, wanted: Wanted) -> Record:
        """The record of a new value of a stored credential. Where the fields are the same, so is what a refresh made of them.

        Raises:
            Revoked, RotationInProgress: it takes no new value now.
            Conflict: the fields are the same, and are being refreshed.
        """
        now = self._clock()
        keeps_state = _keeps_state(credential, fields)
        metadata = _revived(credential, now)
        attributes = {name: value for name, value in metadata.attributes.items() if keeps_state or name not in _OF_THE_VERSION}
        kind = wanted.kind(credential.record.type, attributes)
        changes = dict(wanted.apply(metadata), created_at=now, attributes=wanted.attributes(kind, attributes))
        expires_at = metadata.expires_at if keeps_state else kind.expires_at(fields) or _still_ahead(metadata, now)
        changes["expires_at"] = _read_expiry(wanted, now) or expires_at
        metadata = replace(metadata, **changes)
        state = credential.record.state if keeps_state else {}
        return Record(credential.name, kind.name, fields, state, replace(metadata, scope=self.scope(wanted, metadata.scope)))

    def put(self, record: Record, expected_version: Optional[str]) -> Credential:
        """Store a new value over the version it was made from; without one, where nothing is stored yet.

        Raises:
            Conflict: another writer came first.
        """
        return self._answer(self._backend.put(record, expected_version, create=expected_version is None))

    def patch(self, credential: Credential, changes: Dict[str, Any]) -> Credential:
        """Change metadata of the version that was read; the value stays.

        Raises:
            Conflict: another writer came first.
        """
        refuse_importing(credential)
        record = credential.record.with_metadata(**dict(changes, updated_at=self._clock()))
        patched = self._backend.patch_metadata(record, credential.record.revision)
        return self._answer(replace(patched, fields=credential.fields, state=credential.record.state))

    def revoke(self, name: str, expected_version: Optional[str] = None) -> Tuple[Credential, bool]:
        """Revoke for good. Answers the credential, and whether this call did it.

        Raises:
            NotFound: there is none.
            Conflict: it is not the version expected.
        """

        def attempt() -> Tuple[Credential, bool]:
            credential = self._reader.inspect(name)
            check_expected(credential, expected_version)
            if credential.metadata.lifecycle == lifecycle.REVOKED:
                return credential, False
            revoked = lifecycle.advance(credential.metadata, "revoke", self._clock())
            return self.patch(credential, {"lifecycle": revoked.lifecycle, "history": revoked.history}), True

        return attempt() if expected_version else retry_conflicts(attempt)

    def accept(self, name: str, version: Optional[str] = None, *, check: bool = False) -> Credential:
        """Accept what is stored now although it is older than what was seen, or was deleted; it is written again as the newest version.

        Args:
            name: the credential.
            version: the version that has to be there, or None for any.
            check: answer what is there, and accept nothing.

        Raises:
            NotFound: nothing is stored.
            Conflict: it is not `version`.
            EncryptionError: what is stored is not genuine.
        """
        recoverable = require_protocol(self._backend, Recoverable, check_name(name))
        return self._answer(recoverable.restore(name, version=version, check=check))

    def replace_unreadable(self, kept: Credential) -> Credential:
        """Put a kept version where the current value cannot be opened any more.

        What cannot be opened cannot be replaced by a compare-and-swap, only deleted, and its versions go with it. So the value
        lies in `previous` meanwhile: at every moment it is stored somewhere.

        Raises:
            RotationInProgress: pending, previous or a journal are there, and may hold what a target takes.
        """
        self._refuse_other_stages(kept.name)
        now = self._clock()
        metadata = replace(kept.metadata, created_at=now, updated_at=now)
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
            if not found.known.attributes.get(SPARE):
                what = "the current value cannot be opened, and there is another in stage '{0}'".format(stage)
                remedy = "Settle the rotation with credential_rotate; or read that stage, delete by force, and write the value again."
                raise RotationInProgress(what, name=name, remedy=remedy)

    def delete(self, name: str, expected_version: Optional[str] = None, force: bool = False, recoverable: bool = False) -> None:
        """Remove every value of a credential. Its audit trail stays.

        Args:
            name: the credential.
            expected_version: delete only this version.
            force: also in the midst of a rotation, and also where it cannot be read.
            recoverable: leave what is needed to bring back the current value and those before it (`accept`).

        Raises:
            InvalidInput: the backend cannot bring back anything, or `force` is given too.
            NotFound: there is none.
            RotationInProgress: it is rotating, or in its grace period.
            Conflict: it is not the version expected.
        """
        if recoverable:
            self.check_recoverable(name, force)
        if not force:
            try:
                credential = self._reader.inspect(name)
            except EncryptionError as error:
                raise with_way_out(error, expected_version) from None
            check_expected(credential, expected_version)
            refuse_while_rotating(credential)
            expected_version = credential.version
        # The current value last: as long as it is there, a delete that was interrupted is done again.
        for stage in (PENDING, PREVIOUS, JOURNAL):
            try:
                self._backend.delete(check_name(name), stage=stage)
            except NotFound:
                continue
        self._backend.delete(check_name(name), stage=CURRENT, expected_version=expected_version, recoverable=recoverable)

    def check_recoverable(self, name: str, force: bool) -> None:
        """Refuse to delete recoverably where nothing could be recovered.

        Raises:
            InvalidInput: the backend cannot bring back anything, or `force` is given too.
        """
        if force:
            what, remedy = "what is removed by force cannot be brought back", "Leave out 'force' or 'recoverable'."
        elif not self.undeletes:
            what = "what is deleted from this store cannot be brought back"
            remedy = "Leave it out: what is deleted is then gone for good."
        else:
            return
        raise InvalidInput(what, name=name, option="recoverable", remedy=remedy)

    def scope(self, wanted: Wanted, stored: Scope) -> Scope:
        """The scope wanted, or the stored one; its tenant is the store's."""
        return replace(wanted.scope or stored, tenant=self._tenant)

    def _first_metadata(self, wanted: Wanted, kind: CredentialType, fields: Fields) -> Metadata:
        now = self._clock()
        blank = Metadata(now, now, lifecycle=lifecycle.UNINITIALIZED, attributes=wanted.attributes(kind, {}))
        metadata = replace(lifecycle.advance_all(blank, ("begin_direct", "auth_ok"), now), **wanted.apply(blank))
        expires_at = _read_expiry(wanted, now) or kind.expires_at(fields)
        return replace(metadata, scope=self.scope(wanted, metadata.scope), expires_at=expires_at)

    def _created_before(self, wanted: Wanted, conflict: Conflict) -> Credential:
        found = self._reader.find(wanted.name)
        if found is None:
            raise conflict
        key = wanted.idempotency_key
        if found is not None and key is not None and found.metadata.attributes.get(IDEMPOTENCY_KEY) == key:
            return found
        raise Duplicate("it exists already", name=wanted.name, remedy="Use 'ensure' (state: present) to change it.") from None

    def _answer(self, record: Record) -> Credential:
        return Credential(record, self._clock())


def _revived(credential: Credential, now: datetime) -> Metadata:
    """The metadata after the lifecycle has taken a new value."""
    refuse_importing(credential)
    refuse_while_rotating(credential)
    metadata = credential.metadata
    if metadata.lifecycle == lifecycle.REVOKED:
        raise Revoked("it was revoked, for good", name=credential.name, remedy="Delete it and create another.")
    if metadata.lifecycle == lifecycle.ACTIVE and lifecycle.is_expired(metadata, now):
        metadata = lifecycle.advance(metadata, "expire", now)
    dead = metadata.lifecycle not in (lifecycle.ACTIVE, lifecycle.ROTATION_SCHEDULED, lifecycle.REFRESHING)
    return lifecycle.advance_all(metadata, ("begin_direct", "auth_ok") if dead else ("put",), now)


def _keeps_state(credential: Credential, fields: Fields) -> bool:
    """Whether what refreshes made of the fields stays: they are the same, and a token in them that was used up must not be sent again.

    Raises:
        Conflict: they are being refreshed.
    """
    if not is_refreshable(credential.record.type) or dict(fields) != dict(credential.fields):
        return False
    if credential.metadata.lifecycle == lifecycle.REFRESHING:
        remedy = "Run it again in a moment. Where the process that refreshed it has died, a read of the credential ends the refresh."
        raise Conflict("it is being refreshed, and its answer would be lost", name=credential.name, remedy=remedy)
    return True


def _read_expiry(wanted: Wanted, now: datetime) -> Optional[datetime]:
    return now + wanted.ttl if wanted.ttl is not None else wanted.expires_at


def _still_ahead(metadata: Metadata, now: datetime) -> Optional[datetime]:
    # An expiry that has passed belonged to the old value.
    return None if lifecycle.is_expired(metadata, now) else metadata.expires_at
