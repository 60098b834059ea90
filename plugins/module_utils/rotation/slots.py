# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rotation writes into the store as well as its journal: pending, current, previous and the credential's state.

Each function does one or more compare-and-swaps and can be repeated after a crash at any point: it keeps what is written
already.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import WriteChecker, check_takes_writes, find_protocol
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import scope_checked
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, NotFound, Unusable
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.dates import DATES, date_version
from ansible_collections.nebula.credential.plugins.module_utils.model.deployments import find_holders, read_deployed
from ansible_collections.nebula.credential.plugins.module_utils.model.record import (
    CURRENT,
    DEPLOYED,
    PENDING,
    PREVIOUS,
    REFRESH,
    Fields,
    Metadata,
    Record,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import Journal, drop, overtaking_conflict

ROTATION = "rotation"
SOURCE = "source_version"
ORPHANED = "orphaned"
IDENTITY = "identity"

_PATCHES = 5
"""How often a change of state is tried when another process changes the metadata at the same time."""


@dataclass(frozen=True)
class Candidate:
    """A new value before it is stored.

    Attributes:
        fields: all fields of the version.
        expires_at: when it expires, or None.
        state: the state fields that are stored with the version.
        identity: identifies the value at the service (key id, fingerprint). No secret. It belongs to this version alone.
    """

    fields: Fields = field(repr=False)
    expires_at: Optional[datetime] = None
    state: Fields = field(default_factory=dict, repr=False)
    identity: Mapping[str, str] = field(default_factory=dict)


MakeCandidate = Callable[[Record], Candidate]


def identity_of(record: Record) -> Dict[str, str]:
    """Return what identifies a stored value at the service. Empty if nothing is known."""
    return dict(record.full_metadata.attributes.get(IDENTITY) or {})


def candidate_of(record: Record) -> Candidate:
    """Return a stored value as one that is to be stored in another stage."""
    return Candidate(record.fields, record.full_metadata.expires_at, record.state, identity_of(record))


def is_same_value(fields: Fields, identity: Mapping[str, str], other: Record) -> bool:
    """Whether a stored version holds that value, by its fields or by its identity at the service."""
    return dict(fields) == dict(other.fields) or bool(identity and dict(identity) == identity_of(other))


def _inherit(base: Record) -> Dict[str, Any]:
    """Return the attributes that a version inherits from its base (for example the fields that a custom type declares)."""
    kept = {name: value for name, value in base.full_metadata.attributes.items() if name not in (ROTATION, ORPHANED, REFRESH)}
    return dict(kept, **{SOURCE: base.version})


def _with_identity(attributes: Mapping[str, Any], identity: Mapping[str, str]) -> Dict[str, Any]:
    """Return the attributes with this identity in place of the one that they have."""
    others = {name: value for name, value in attributes.items() if name != IDENTITY}
    return dict(others, **{IDENTITY: dict(identity)}) if identity else others


def _promote_metadata(base: Record, value: Candidate, rotation: str, events: Iterable[str], now: datetime) -> Metadata:
    """Return the metadata of a value that replaces `base`. The state after the grace period depends on its expiry."""
    kept = {name: part for name, part in base.full_metadata.attributes.items() if name != REFRESH}
    attributes = _with_identity(dict(kept, **{ROTATION: rotation}), value.identity)
    metadata = lifecycle.advance_all(replace(base.full_metadata, expires_at=value.expires_at, attributes=attributes), events, now)
    return date_version(metadata, now, is_rotated=True)


def _as_previous(record: Record) -> Record:
    """Return the record as a new version of stage `previous`."""
    return replace(record, stage=PREVIOUS, version=None, serial=None, record_id=None, revision=0, envelope=None)


class Slots:
    """The stages of one credential in one store."""

    def __init__(self, backend: Backend, name: str) -> None:
        """Set the store and the credential's name."""
        self._backend = backend
        self._name = name

    def get(self, stage: str) -> Record:
        """Return the value of a stage.

        Raises:
            NotFound: there is none.
        """
        return self._backend.get(self._name, stage=stage)

    def find(self, stage: str) -> Optional[Record]:
        """Return the value of a stage, or None."""
        try:
            return self.get(stage)
        except NotFound:
            return None

    def find_holders(self, version: Optional[str]) -> Tuple[str, ...]:
        """Return the hosts with a recorded file that holds a version of the credential.

        Raises:
            Damaged: the record cannot be read.
        """
        with scope_checked(self._name):
            found = self.find(DEPLOYED)
        return () if found is None else find_holders(read_deployed(found), version)

    def check_writable(self) -> None:
        """Check that the store would take another current value, as far as it can say so. Raises what the store refuses it with."""
        check_takes_writes(self._backend, self._name)
        checker = find_protocol(self._backend, WriteChecker)
        if checker is not None:
            checker.check_writable(self._name)

    def move_state(self, events: Iterable[str], states: Iterable[str], now: datetime) -> str:
        """Advance the credential's state by `events` if it is one of `states`; else the events were written already or do not apply.

        Returns:
            The state after that.

        Raises:
            RotationInProgress: another process changed the metadata each time.
        """
        allowed = tuple(states)
        for _each in range(_PATCHES):
            current = self.get(CURRENT)
            if current.full_metadata.lifecycle not in allowed:
                return current.full_metadata.lifecycle
            moved = replace(current, metadata=lifecycle.advance_all(current.full_metadata, events, now))
            if self._patch(moved, current.revision):
                return moved.full_metadata.lifecycle
        raise overtaking_conflict(self._name)

    def _patch(self, record: Record, revision: int) -> bool:
        try:
            self._backend.patch_metadata(record, revision)
        except Conflict:
            return False
        return True

    def begin(self, now: datetime) -> None:
        """Write `schedule` and `begin` (in the grace period `revert`), as far as they are not written yet.

        Raises:
            Unusable: the credential is being refreshed, so the value that the rotation would replace is changing now.
        """
        self.revive(now)
        self.move_state(("revert",), (lifecycle.GRACE_PERIOD,), now)
        self.move_state(("schedule", "begin"), (lifecycle.ACTIVE, lifecycle.EXPIRED), now)
        if self.move_state(("begin",), (lifecycle.ROTATION_SCHEDULED,), now) != lifecycle.ROTATING:
            raise refresh_in_progress_error(self._name)

    def revive(self, now: datetime) -> None:
        """Make a failed credential active again: the target accepts the value after all."""
        self.move_state(("begin_direct", "auth_ok"), (lifecycle.FAILED,), now)

    def ensure_pending(self, make: MakeCandidate, base: Record, now: datetime) -> Record:
        """Return the pending value. Store a new one only if there is none, because a stored one may have been sent."""
        found = self.find(PENDING)
        if found is not None:
            return found
        candidate = make(base)
        inherited = {name: value for name, value in _inherit(base).items() if name != DATES}
        attributes = _with_identity(inherited, candidate.identity)
        metadata = Metadata(
            created_at=now, updated_at=now, expires_at=candidate.expires_at, scope=base.full_metadata.scope, attributes=attributes
        )
        record = Record(self._name, base.type, candidate.fields, candidate.state, metadata, stage=PENDING)
        try:
            return self._backend.put(record, create=True)
        except Conflict:
            return self.get(PENDING)

    def keep_previous(self, base: Record) -> None:
        """Copy the current value into `previous`, before it is replaced.

        Raises:
            RotationInProgress: another process wrote `previous` in between.
        """
        found = self.find(PREVIOUS)
        if found is not None and found.full_metadata.attributes.get(SOURCE) == base.version:
            return
        self._replace(_as_previous(base.with_metadata(attributes=_inherit(base), history=(), policy={})), found)

    def release_previous(self, journal: Journal) -> None:
        """Undo `keep_previous` for a promotion that is given up: `previous` holds again what it held before.

        On the way back that is the value of pending. Two users: pending replaced it at the target, so the copy may stay.
        """
        found = self.find(PREVIOUS)
        if found is None or journal.alternating or found.full_metadata.attributes.get(SOURCE) != self.get(CURRENT).version:
            return
        if journal.grace_of is None:
            drop(self._backend, self._name, PREVIOUS, found.etag)
            return
        pending = self.get(PENDING)
        # Without a source: the next promotion copies current again.
        attributes = {name: value for name, value in pending.full_metadata.attributes.items() if name != SOURCE}
        self._replace(_as_previous(pending.with_metadata(attributes=attributes)), found)

    def promote(self, base: Record, value: Candidate, rotation: str, events: Iterable[str], now: datetime) -> Optional[Record]:
        """Make a value the current one, and return it; None if current is no longer `base`, in its version or in its metadata.

        Args:
            base: the value that it replaces.
            value: the new value.
            rotation: the id of the rotation, by which a later run sees that this was done.
            events: what happens to the credential's state in the same write.
            now: the time of it.
        """
        metadata = _promote_metadata(base, value, rotation, events, now)
        record = Record(self._name, base.type, value.fields, value.state, metadata)
        try:
            return self._backend.put(record, base.etag)
        except Conflict as problem:
            if not problem.outcome_unknown:
                return None
        return self._finish_promotion(base, value, rotation, events, now)

    def _finish_promotion(self, base: Record, value: Candidate, rotation: str, events: Iterable[str], now: datetime) -> Optional[Record]:
        """Write the metadata of a value that was stored while another process changed the metadata (KV version 2 stores them one by one).

        Return it, or None if that value is not the current one.
        """
        for _each in range(_PATCHES):
            current = self.get(CURRENT)
            is_ours = current.version != base.version and (dict(current.fields), dict(current.state)) == (
                dict(value.fields),
                dict(value.state),
            )
            if not is_ours or current.full_metadata.lifecycle != base.full_metadata.lifecycle:
                return None
            described = replace(current, metadata=_promote_metadata(current, value, rotation, events, now))
            try:
                return self._backend.patch_metadata(described, current.revision)
            except Conflict:
                continue
        return None

    def flag(self, stage: str, now: datetime) -> None:
        """Mark a version as `orphaned`, for people to see. If another process writes at the same time, skip it."""
        found = self.find(stage)
        if found is not None and not found.full_metadata.attributes.get(ORPHANED):
            attributes = dict(found.full_metadata.attributes, **{ORPHANED: True})
            self._patch(found.with_metadata(attributes=attributes, updated_at=now), found.revision)

    def drop(self, stage: str) -> None:
        """Delete the value of a stage, only in the state that was just read."""
        found = self.find(stage)
        if found is not None:
            drop(self._backend, self._name, stage, found.etag)

    def _replace(self, record: Record, found: Optional[Record]) -> None:
        try:
            if found is None:
                self._backend.put(record, create=True)
            else:
                self._backend.put(record, found.etag)
        except Conflict:
            raise overtaking_conflict(self._name) from None


def refresh_in_progress_error(name: str) -> Unusable:
    """Return the error for a rotation that would begin during a refresh."""
    remedy = "Run it again in a moment. If the process that refreshed it has died, a read of the credential ends the refresh."
    return Unusable("it is being refreshed", name=name, remedy=remedy)
