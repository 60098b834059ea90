# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The course of a rotation: for each phase of the journal, what is written next or which step the driver is given.

Every method takes the journal's entry and gives the entry after one compare-and-swap, or a `Step`. So a crash between any
two writes leaves a journal from which the same methods go on.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Callable, Dict, Mapping, Optional, Union

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.errors import Revoked, RotationFailed, Unusable
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PENDING, PREVIOUS, Record
from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal as phases
from ansible_collections.nebula.credential.plugins.module_utils.rotation import transitions as decisions
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import (
    SECOND,
    SKEW_STAMP,
    Entry,
    Journal,
    JournalBook,
    stamp,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.request import Request
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import ROTATION, Slots
from ansible_collections.nebula.credential.plugins.module_utils.rotation.summary import overdue, summarize
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import NO_TARGET
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step

_STARTS_FROM = (lifecycle.ACTIVE, lifecycle.EXPIRED, lifecycle.ROTATION_SCHEDULED, lifecycle.ROTATING)
_BEFORE_PROMOTION = frozenset(
    (
        phases.PREPARING,
        phases.PREPARED,
        phases.APPLYING,
        phases.VERIFYING,
        phases.SETTLING,
        phases.TURNING_BACK,
        phases.REVERTING,
        phases.CONFIRMING,
        phases.PROMOTING,
        phases.PARKED,
        phases.LOST,
        phases.DISCARDING,
    )
)


Following = Union[Entry, Step]


class Course:
    """Takes rotations of one store from phase to phase on behalf of one controller."""

    def __init__(self, backend: Backend, clock: Callable[[], datetime], holder: str, lease: timedelta) -> None:
        """Take the store, a clock (aware, UTC), who this controller is, and how long it may be silent."""
        self._backend = backend
        self._book = JournalBook(backend)
        self._clock = clock
        self._holder = holder
        self._lease = lease

    def now(self) -> int:
        """The time, as the journal writes it."""
        return stamp(self._clock())

    def write(self, entry: Entry, journal: Journal) -> Entry:
        """Write the journal and with it the lease: the lock is a part of what is compared and swapped."""
        now = self._clock()
        return self._book.write(entry, replace(journal, holder=self._holder, until=stamp(now + self._lease)), now)

    def begin(self, request: Request) -> Entry:
        """Write the journal of a new rotation.

        Raises:
            Revoked: nothing starts any more.
            Unusable: the credential is in another state from which none starts.
        """
        current = self._slots(request.name).get(CURRENT)
        if current.known.lifecycle == lifecycle.REVOKED:
            raise Revoked("a revoked credential cannot be rotated", name=request.name, remedy="Create another one.")
        if current.known.lifecycle not in _STARTS_FROM:
            raise Unusable(
                "a credential that is {} cannot be rotated".format(current.known.lifecycle),
                name=request.name,
                remedy="Store a working value first.",
            )
        journal = self.opening(request, current)
        return self.write(Entry(request.name, journal, None, current.known.scope), journal)

    def opening(self, request: Request, current: Record) -> Journal:
        """The first journal of a rotation of `current`."""
        now = self.now()
        journal = Journal(secrets.token_hex(8), current.version, request.traits.overlap, request.traits.rollback, 0, started=now)
        return self.adopt(journal, request)

    def adopt(self, journal: Journal, request: Request) -> Journal:
        """The journal with the traits, the target and the grace period of the run that goes on with it."""
        traits = request.traits
        return replace(
            journal,
            overlap=traits.overlap,
            rollback=traits.rollback,
            life=max(journal.life, traits.max_request_life) if journal.sent is not None else traits.max_request_life,
            apply_limit=traits.apply_limit,
            ask_limit=traits.ask_limit,
            grace=int(request.grace.total_seconds()),
            target=dict(request.target, kind=request.kind),
            manual=request.manual,
            # Whoever drives by hand may send pending at any time from now on.
            sent=self.now() if request.manual else journal.sent,
        )

    def go_on(self, entry: Entry, request: Optional[Request]) -> Step:
        """Do what the store alone needs, until the driver has something to do or nothing is left."""
        while True:
            entry = self.rebase(entry)
            following = _COURSE[entry.journal.phase](self, entry, request)
            if isinstance(following, Step):
                return following
            entry = following

    def rebase(self, entry: Entry) -> Entry:
        """Notice that somebody stored another current value: then the rotation is settled against that one, never discarded."""
        journal = entry.journal
        if journal.phase not in _BEFORE_PROMOTION or journal.promoted is not None:
            return entry
        current = self._slots(entry.name).get(CURRENT)
        if current.known.lifecycle == lifecycle.REVOKED:
            return self._revoked(entry)
        if current.version == journal.base or current.known.attributes.get(ROTATION) == journal.rotation:
            return entry
        journal = replace(decisions.lapse(journal), base=current.version, goal=phases.BACK, tested=False)
        if journal.phase == phases.DISCARDING:
            return self.write(entry, journal)
        reason = "another value was stored while the rotation was under way"
        if journal.sent is None or journal.manual:
            return self.write(entry, replace(decisions.rolled_back(journal, self.now()), reason=reason))
        return self.write(entry, decisions.settle(replace(journal, settles=0, orphaned=False), reason))

    def _revoked(self, entry: Entry) -> Entry:
        """Nobody needs either value any more: they go as soon as nothing that carried them can land."""
        journal = decisions.lapse(entry.journal)
        phase = phases.CLOSING if journal.quiet(self.now()) and journal.quiet_back(self.now()) else phases.DISCARDING
        if phase == entry.journal.phase:
            return entry
        return self.write(entry, replace(journal, phase=phase, again=False, reason="the credential was revoked"))

    def done(self, entry: Entry, outcome: str) -> Step:
        """Let go of the lease and say how it ended."""
        released = replace(entry.journal, holder=None, until=None)
        entry = self._book.write(entry, released, self._clock())
        return Step(steps.DONE, entry.version, outcome=outcome, summary=self._summary(entry))

    def _slots(self, name: str) -> Slots:
        return Slots(self._backend, name)

    def _summary(self, entry: Entry) -> Dict[str, Any]:
        return summarize(entry.journal, self.now())

    def _step(self, entry: Entry, kind: str, stage: str, limit: int) -> Step:
        record = self._slots(entry.name).get(stage)
        return Step(kind, entry.version, stage, record.fields, limit, summary=self._summary(entry))

    def _send(self, entry: Entry, stage: str) -> Step:
        # Shorter than half of what the lease has left, which was renewed a moment ago.
        limit = min(entry.journal.apply_limit, int(self._lease.total_seconds()) // 2)
        return self._step(entry, steps.APPLY, stage, limit)

    def _preparing(self, entry: Entry, request: Optional[Request]) -> Following:
        if request is None:
            # Nothing was sent: pending is stored before the phase in which it may be.
            return self.write(entry, decisions.rolled_back(entry.journal, self.now()))
        slots = self._slots(entry.name)
        slots.begin(self._clock())
        slots.ensure_pending(request.make, slots.get(CURRENT), self._clock())
        return self.write(entry, replace(entry.journal, phase=phases.PREPARED))

    def _prepared(self, entry: Entry, request: Optional[Request]) -> Following:
        journal = entry.journal
        if journal.manual:
            return self.done(entry, steps.PREPARED)
        if request is None:
            return self.write(entry, decisions.rolled_back(journal, self.now()))
        if request.kind == NO_TARGET:
            return self.write(entry, replace(journal, phase=phases.PROMOTING))
        if journal.attempts >= decisions.MAX_ATTEMPTS:
            reason = "the new value was sent {} times in vain".format(journal.attempts)
            return self.write(entry, replace(decisions.rolled_back(journal, self.now()), refused=True, orphaned=True, reason=reason))
        # The announcement is the check of the lease: who has lost it loses this compare-and-swap, and sends nothing.
        announced = replace(journal, phase=phases.APPLYING, sending=self.now(), attempts=journal.attempts + 1, goal=phases.FORWARD)
        return self._send(self.write(entry, announced), PENDING)

    def _turning_back(self, entry: Entry, request: Optional[Request]) -> Following:
        journal = entry.journal
        announced = replace(journal, phase=phases.REVERTING, resending=self.now(), reverts=journal.reverts + 1)
        return self._send(self.write(entry, announced), CURRENT)

    def asking(self, entry: Entry, request: Optional[Request]) -> Step:
        """The question that the phase asks the target."""
        # After a change the answer may take a moment; settling asks once, because refused logins lead to lockouts.
        polls = entry.journal.phase in (phases.VERIFYING, phases.CONFIRMING)
        return self._step(entry, steps.ASK, decisions.question(entry.journal), entry.journal.ask_limit if polls else 0)

    def _promoting(self, entry: Entry, request: Optional[Request]) -> Following:
        slots, journal, now = self._slots(entry.name), entry.journal, self._clock()
        current = slots.get(CURRENT)
        if current.known.attributes.get(ROTATION) != journal.rotation:
            slots.begin(now)
            base = slots.get(CURRENT)
            if base.version != journal.base:
                return entry
            slots.keep_previous(base)
            current = slots.promote(base, journal, now)
        return self.write(entry, self._promoted(journal, current))

    def _promoted(self, journal: Journal, current: Record) -> Journal:
        now = self.now()
        # A target of one value has refused the old one since apply: there is no grace that would help anybody.
        grace = 0 if journal.interrupts and not journal.manual else journal.grace
        return replace(
            journal,
            phase=phases.GRACE,
            promoted=current.version,
            gap=now - journal.opened if journal.opened is not None else journal.gap,
            opened=None,
            retire_after=now + grace * SECOND if grace else None,
            reason="",
            orphaned=False,
            again=False,
        )

    def _grace(self, entry: Entry, request: Optional[Request]) -> Following:
        self._slots(entry.name).drop(PENDING)
        journal = entry.journal
        if self.may_retire(journal) and verified_since(journal):
            return self.write(entry, replace(journal, phase=phases.CLOSING))
        if overdue(journal, self.now()):
            self._slots(entry.name).flag(PREVIOUS, self._clock())
            self._slots(entry.name).move_state(("parked",), (lifecycle.GRACE_PERIOD,), self._clock())
        # A run that was to begin a new rotation could not retire the last one's value.
        return self.done(entry, steps.PARKED if journal.again else steps.PROMOTED)

    def may_retire(self, journal: Journal) -> bool:
        """Whether the grace period is over, by a clock that may be 120 s ahead, and nothing can bring the old value back."""
        now = self.now()
        over = journal.retire_after is None or now - SKEW_STAMP >= journal.retire_after
        return over and journal.quiet_back(now)

    def _retiring(self, entry: Entry, request: Optional[Request]) -> Following:
        if verified_since(entry.journal):
            return self.write(entry, replace(entry.journal, phase=phases.CLOSING))
        return self.asking(entry, request)

    def _discarding(self, entry: Entry, request: Optional[Request]) -> Following:
        journal, slots = entry.journal, self._slots(entry.name)
        slots.move_state(("rolled_back",), (lifecycle.ROTATING,), self._clock())
        slots.revive(self._clock())
        if journal.orphaned:
            slots.flag(PENDING, self._clock())
        if journal.sent is None:
            return self.write(entry, replace(journal, phase=phases.CLOSING))
        return self.done(entry, steps.ROLLED_BACK)

    def _parked(self, entry: Entry, request: Optional[Request]) -> Following:
        slots = self._slots(entry.name)
        slots.move_state(("parked",), (lifecycle.ROTATING,), self._clock())
        if entry.journal.orphaned:
            slots.flag(PENDING, self._clock())
        return self.done(entry, steps.PARKED)

    def _lost(self, entry: Entry, request: Optional[Request]) -> Following:
        slots, now = self._slots(entry.name), self._clock()
        slots.move_state(("schedule", "begin", "lost"), (lifecycle.ACTIVE, lifecycle.EXPIRED), now)
        slots.move_state(("lost",), (lifecycle.ROTATING,), now)
        return self.done(entry, steps.LOST)

    def _closing(self, entry: Entry, request: Optional[Request]) -> Following:
        """Drop what nobody can need any more; the journal goes last, so a crash leaves it to be done again."""
        journal, slots, now = entry.journal, self._slots(entry.name), self._clock()
        slots.move_state(("rolled_back",), (lifecycle.ROTATING,), now)
        slots.move_state(("grace_end",), (lifecycle.GRACE_PERIOD,), now)
        slots.drop(PENDING)
        # Two users: the target takes the previous value until its user's turn comes again, so it stays.
        if journal.promoted is not None and not journal.alternating:
            slots.drop(PREVIOUS)
        self._book.close(entry)
        if journal.again and request is not None:
            return self.begin(request)
        outcome = steps.PROMOTED if journal.promoted is not None else steps.ROLLED_BACK
        return Step(steps.DONE, outcome=outcome, summary=dict(self._summary(entry), phase="closed"))


def verified_since(journal: Journal) -> bool:
    """Whether the new value was seen to work when nothing that carried the old one could land any more."""
    if journal.alternating or (journal.sent is None and journal.resent is None):
        return True
    return journal.verified is not None and journal.quiet_back(journal.verified)


def failed_to_commit(name: str) -> RotationFailed:
    """The error of a commit whose base is gone."""
    return RotationFailed(
        "another value was stored since the rotation was prepared",
        name=name,
        remedy="The prepared value is kept. Check which value the target takes, then run phase 'rollback' or prepare again.",
    )


_COURSE: Mapping[str, Callable[[Course, Entry, Optional[Request]], Following]] = {
    phases.PREPARING: Course._preparing,
    phases.PREPARED: Course._prepared,
    phases.VERIFYING: Course.asking,
    phases.SETTLING: Course.asking,
    phases.TURNING_BACK: Course._turning_back,
    phases.CONFIRMING: Course.asking,
    phases.PROMOTING: Course._promoting,
    phases.GRACE: Course._grace,
    phases.RETIRING: Course._retiring,
    phases.DISCARDING: Course._discarding,
    phases.PARKED: Course._parked,
    phases.LOST: Course._lost,
    phases.CLOSING: Course._closing,
}
