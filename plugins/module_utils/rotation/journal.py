# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of a rotation: a record in the store, without a secret, from which any controller continues.

It is written by compare-and-swap, before the act that it announces. Times are microseconds since the epoch, UTC.
"""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, Damaged, NotFound, RotationInProgress
from ansible_collections.nebula.credential.plugins.module_utils.model.record import JOURNAL, Etag, Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import SKEW
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal_values import CHECKS
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    ALTERNATING,
    DUAL,
    MULTI,
    NO_TARGET,
    OURS,
    SERVICE,
)

ATTRIBUTE = "rotation"

PREPARING = "preparing"
LISTING = "listing"
PREPARED = "prepared"
APPLYING = "applying"
MAKING = "making"
VERIFYING = "verifying"
SETTLING = "settling"
TURNING_BACK = "turning_back"
REVERTING = "reverting"
CONFIRMING = "confirming"
PROMOTING = "promoting"
GRACE = "grace"
RETIRING = "retiring"
DISCARDING = "discarding"
SWEEPING = "sweeping"
WITHDRAWING = "withdrawing"
CLOSING = "closing"
PARKED = "parked"
LOST = "lost"

FORWARD, BACK = "forward", "back"

SECOND = 1000000
SKEW_STAMP = int(SKEW.total_seconds()) * SECOND


def stamp(moment: datetime) -> int:
    """Return a time as microseconds since the epoch."""
    return (moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)


def as_time(stamped: int) -> datetime:
    """Return the time that `stamp` wrote."""
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=stamped)


@dataclass(frozen=True)
class Journal:
    """The state of a rotation.

    Attributes:
        rotation: its own random id.
        phase: what is to be done next, one of the constants above.
        base: the version of current that it replaces.
        target: the target's description, without secrets, for the report.
        overlap, rollback, life, apply_limit, ask_limit: from the target's traits when the rotation began (seconds).
        grace: seconds for which previous is kept after the promotion.
        max_grace: seconds for which it is kept at most while a recorded file of a host holds it. Not more than `grace`: none is waited for.
        manual: a person runs the phases, so pending may be sent at any time.
        goal: forward (to pending) or back (to current).
        sending, resending: since when a request with pending, or with current, is under way.
        sent, resent: when pending, or current, was last sent in a request that may have reached the target.
        attempts, reverts, settles: how often pending was sent, current was sent back, and the outcome was settled.
        asked: the number of refused probes of the settling under way.
        pending_answer, current_answer: the outcome of the settling's probe with pending, and with current.
        asked_first: when the first of these outcomes came.
        refused: the target refused pending; it is not sent again.
        no_way_back: the target refused current (for example because of a password history): forward only.
        tested: a person reported that the target accepts pending and refuses a wrong value.
        opened, gap: since when readers of current may have been refused, and for how long they were (overlap none). `gap` is None
            until it is known: the target took pending, or refused current.
        verified: when the target was last seen to accept the surviving value.
        promoted: the version of current that pending became.
        retire_after: the earliest time at which previous goes.
        retire_by: until when a host that still holds previous is waited for.
        holders: the hosts that held previous when that was last looked at.
        orphaned: all attempts are used up and the outcome is not known; a person must check the target.
        reason: why it did not go forward, in words without a value.
        again: a new rotation is to begin once this one is closed.
        places: the hosts that each get the value; empty if there is only one place, without a name.
        behind: the places not known to accept the value of this rotation (pending, after the promotion current).
        walk, done, answer: the round through the places under way, the places it has dealt with, their combined outcome.
        at: the places that the last request reached, and that are probed next.
        readable: from the target's traits: the service shows the value that it made.
        grants: from the target's traits: what was granted with an old value outlasts it, so previous is kept and then retired.
        held: ids of the values that the service held before it was to make one.
        strays: ids of values that the service seems to have made for us, and whose response was lost.
        unanswered: the service was to make a value, and its response was lost.
        made_ticket: the ticket of the report that brought the value that the service made.
        withdrawing, after: the stage whose value the target is to drop ("" for strays), and the phase that follows.
        withdrawn: the stages whose values the target has dropped.
        dropping: since when a request to drop pending, or previous, is under way or may still land.
        unverified: the target is not known to have accepted current when the rotation began: forward only.
        grace_of: in a rotation back to previous, the version that was promoted before it.
        validates: previous is tried at the target in the grace period.
        previous_answer: the outcome of that probe; None before it.
        holder, until: the controller that holds the lease, and when the lease ends.
    """

    rotation: str
    base: Optional[str]
    overlap: str
    rollback: str
    life: int
    started: int
    phase: str = PREPARING
    apply_limit: int = 60
    ask_limit: int = 30
    grace: int = 0
    max_grace: int = 0
    target: Mapping[str, Any] = field(default_factory=dict)
    manual: bool = False
    goal: str = FORWARD
    sending: Optional[int] = None
    resending: Optional[int] = None
    sent: Optional[int] = None
    resent: Optional[int] = None
    attempts: int = 0
    reverts: int = 0
    settles: int = 0
    asked: int = 0
    pending_answer: Optional[str] = None
    current_answer: Optional[str] = None
    asked_first: Optional[int] = None
    refused: bool = False
    no_way_back: bool = False
    tested: bool = False
    opened: Optional[int] = None
    gap: Optional[int] = None
    verified: Optional[int] = None
    promoted: Optional[str] = None
    retire_after: Optional[int] = None
    retire_by: Optional[int] = None
    holders: Tuple[str, ...] = ()
    orphaned: bool = False
    reason: str = ""
    again: bool = False
    maker: str = OURS
    slots: int = 1
    marks: bool = False
    sole_owner: bool = False
    readable: bool = False
    grants: bool = False
    propagation: int = 0
    places: Tuple[str, ...] = ()
    behind: Tuple[str, ...] = ()
    walk: str = ""
    done: Tuple[str, ...] = ()
    answer: Optional[str] = None
    at: Tuple[str, ...] = ()
    held: Tuple[str, ...] = ()
    strays: Tuple[str, ...] = ()
    unanswered: bool = False
    made_ticket: Optional[str] = None
    withdrawing: str = ""
    after: str = ""
    withdrawn: Tuple[str, ...] = ()
    dropping: Optional[int] = None
    unverified: bool = False
    grace_of: Optional[str] = None
    validates: bool = False
    previous_answer: Optional[str] = None
    holder: Optional[str] = None
    until: Optional[int] = None

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Journal:
        """Return the journal that `write` wrote.

        Raises:
            Damaged: it has keys that no journal of this version has, lacks some, or has a value of another type.
        """
        read: Dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in written.items()}
        needed = {part.name for part in fields(cls) if part.default is MISSING and part.default_factory is MISSING}
        checks = {part.name: CHECKS[str(part.type)] for part in fields(cls)}
        if not needed <= set(read) or not all(key in checks and checks[key](value) for key, value in read.items()):
            raise Damaged("the journal of a rotation is not one that this version writes", remedy="Update the collection.")
        return cls(**read)

    def write(self) -> Mapping[str, Any]:
        """Return the journal as JSON-like data, without the attributes that have their defaults."""
        unset = {part.name: part.default for part in fields(self)}
        kept = {key: value for key, value in asdict(self).items() if value != unset[key]}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in kept.items()}

    def quiet(self, at: int) -> bool:
        """Whether, at that time, no request that carried pending can still land."""
        return self.sending is None and (self.sent is None or at - SKEW_STAMP >= self.quiet_from(self.sent))

    def quiet_back(self, at: int) -> bool:
        """Whether, at that time, no request that carried current (sent back) can still land."""
        return self.resending is None and (self.resent is None or at - SKEW_STAMP >= self.quiet_from(self.resent))

    def quiet_from(self, sent: int) -> int:
        """Return the time from which a request sent at `sent` can no longer land, by the clock that wrote `sent`."""
        return sent + self.life * SECOND

    def quiet_at(self) -> Optional[int]:
        """Return the time from which nothing that was sent can land, clock skew included. None if nothing was sent."""
        sends = [sent for sent in (self.sending, self.resending, self.sent, self.resent) if sent is not None]
        return self.quiet_from(max(sends)) + SKEW_STAMP if sends else None

    def free_for(self, holder: str, now: int) -> bool:
        """Whether `holder` may continue the rotation: it holds the lease, no controller does, or the lease is over by any clock."""
        return self.holder in (None, holder) or self.until is None or now - SKEW_STAMP >= self.until

    @property
    def interrupts(self) -> bool:
        """Whether readers of current are refused between apply and promote."""
        return self.overlap == "none"

    @property
    def alternating(self) -> bool:
        """Whether two users take turns."""
        return self.overlap == ALTERNATING

    @property
    def withdraws(self) -> bool:
        """Whether the target accepts a value until a driver has it dropped."""
        return self.is_driven and self.overlap in (DUAL, MULTI)

    @property
    def is_driven(self) -> bool:
        """Whether a driver sends to the target and probes it."""
        return not self.manual and self.target.get("kind") != NO_TARGET

    @property
    def has_sent(self) -> bool:
        """Whether a request with a value was sent, or is under way."""
        return any(time is not None for time in (self.sending, self.sent, self.resending, self.resent))

    @property
    def is_made_by_service(self) -> bool:
        """Whether the service makes the value."""
        return self.maker == SERVICE

    def is_withdrawal_over(self, at: int) -> bool:
        """Whether, at that time, no request to drop a value can still land."""
        return self.dropping is None or at - SKEW_STAMP >= self.quiet_from(self.dropping)


@dataclass(frozen=True)
class Entry:
    """A journal as stored, with the state that the next write has to replace; None for a new one."""

    name: str
    journal: Journal
    etag: Optional[Etag]
    scope: Scope

    @property
    def version(self) -> Optional[str]:
        """The version of the stored journal; None for a new one."""
        return None if self.etag is None else self.etag.version


def read_journal(record: Record) -> Journal:
    """Return the journal in a record of stage `journal`. Raises Damaged if it cannot be read."""
    written = record.full_metadata.attributes.get(ATTRIBUTE)
    if not isinstance(written, Mapping):
        raise Damaged("the journal of a rotation is empty", name=record.name)
    return Journal.read(written)


class JournalBook:
    """Reads and writes journals of one store."""

    def __init__(self, backend: Backend) -> None:
        """Set the store."""
        self._backend = backend

    def find(self, name: str) -> Optional[Entry]:
        """Return the journal of a credential, or None.

        Raises:
            Damaged: the stored journal cannot be read.
        """
        try:
            record = self._backend.get(name, stage=JOURNAL)
        except NotFound:
            return None
        return Entry(name, read_journal(record), record.etag, record.full_metadata.scope)

    def write(self, entry: Entry, journal: Journal, now: datetime) -> Entry:
        """Replace the journal in exactly the state of `entry`, or create it. Return the new entry.

        Raises:
            RotationInProgress: another controller wrote in between.
        """
        metadata = Metadata(created_at=now, updated_at=now, scope=entry.scope, attributes={ATTRIBUTE: journal.write()})
        record = Record(entry.name, metadata=metadata, stage=JOURNAL)
        try:
            stored = self._backend.put(record, entry.etag, create=entry.etag is None)
        except (Conflict, NotFound):
            raise overtaking_conflict(entry.name) from None
        return replace(entry, journal=journal, etag=stored.etag)

    def close(self, entry: Entry) -> None:
        """Remove the journal. Do nothing if it is gone already."""
        drop(self._backend, entry.name, JOURNAL, entry.etag)


def overtaking_conflict(name: str) -> RotationInProgress:
    """Return the error for a controller that was overtaken by another one."""
    return RotationInProgress(
        "another controller works on the rotation of this credential",
        name=name,
        remedy="This run changed nothing. Run it again when the other one has ended.",
    )


def drop(backend: Backend, name: str, stage: str, etag: Optional[Etag]) -> None:
    """Delete the value of a stage in exactly that state. Do nothing if it is gone already."""
    try:
        backend.delete(name, stage=stage, expected=etag)
    except NotFound:
        return
