# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The course of a rotation: for each phase of the journal, the next write or the step that the driver gets.

Every function of a phase takes the journal's entry and returns the entry after one compare-and-swap, or a `Step`. So a crash
between any two writes leaves a journal from which the same functions continue.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Callable, Mapping, Optional, Union

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidInput,
    ReadOnly,
    RotationFailed,
    StorageFull,
    TooLarge,
)
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PENDING, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.refresh_status import input_version
from ansible_collections.nebula.credential.plugins.module_utils.rotation import closing, going_back, places, service_made
from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal as phases
from ansible_collections.nebula.credential.plugins.module_utils.rotation import transitions as decisions
from ansible_collections.nebula.credential.plugins.module_utils.rotation.arrival import in_progress
from ansible_collections.nebula.credential.plugins.module_utils.rotation.course import Course, Following
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import SECOND, Entry, Journal, as_time
from ansible_collections.nebula.credential.plugins.module_utils.rotation.request import Request
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import ROTATION, Candidate, Slots, candidate_of
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import NO_TARGET
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step

_BEFORE_PROMOTION = frozenset(
    (
        phases.PREPARING,
        phases.LISTING,
        phases.PREPARED,
        phases.APPLYING,
        phases.MAKING,
        phases.VERIFYING,
        phases.SETTLING,
        phases.TURNING_BACK,
        phases.REVERTING,
        phases.CONFIRMING,
        phases.PROMOTING,
        phases.PARKED,
        phases.LOST,
        phases.DISCARDING,
        phases.SWEEPING,
        phases.WITHDRAWING,
    )
)
_HELD_BACK = (phases.DISCARDING, phases.SWEEPING, phases.WITHDRAWING)
"""Phases of a rotation that was given up already; what is left to do does not depend on which value is current."""

_BEGIN_BY_STATE = {
    lifecycle.ACTIVE: ("schedule", "begin"),
    lifecycle.EXPIRED: ("schedule", "begin"),
    lifecycle.ROTATION_SCHEDULED: ("begin",),
    lifecycle.ROTATING: (),
}
"""The events with which a rotation begins, by the state of the credential."""


_REFUSALS = (AccessDenied, InvalidInput, ReadOnly, StorageFull, TooLarge)
"""Errors of a store that carried out nothing and would refuse the same write again."""


def advance(course: Course, entry: Entry, request: Optional[Request]) -> Step:
    """Do the work that needs the store alone. Return the first step that needs the driver, or a step `done`."""
    while True:
        entry = rebase(course, entry)
        following = _COURSE[entry.journal.phase](course, entry, request)
        if isinstance(following, Step):
            return following
        entry = following


def rebase(course: Course, entry: Entry) -> Entry:
    """Return the entry, changed if another current value was stored: the rotation is settled against it, and never overwrites it."""
    journal = entry.journal
    if journal.phase not in _BEFORE_PROMOTION or journal.promoted is not None:
        return entry
    current = course.slots(entry.name).get(CURRENT)
    if current.full_metadata.lifecycle == lifecycle.REVOKED:
        return _close_revoked(course, entry)
    is_promoted = current.full_metadata.attributes.get(ROTATION) == journal.rotation
    if is_promoted and journal.phase == phases.PREPARING:
        return course.write(entry, replace(journal, phase=phases.PROMOTING))  # a crashed run of `_replace_current`
    if input_version(current) == journal.base or is_promoted:
        return entry
    journal = replace(decisions.lapse(journal), base=input_version(current), goal=phases.BACK, tested=False)
    if journal.phase in _HELD_BACK:
        return course.write(entry, journal)
    reason = "another value was stored while the rotation was under way"
    if journal.sent is None or journal.manual:
        # The value that was stored meanwhile was never tried.
        return course.write(entry, replace(decisions.roll_back(journal, course.now()), reason=reason, unverified=True))
    return course.write(entry, decisions.settle(replace(journal, settles=0, orphaned=False), reason))


def _close_revoked(course: Course, entry: Entry) -> Entry:
    """Return the entry of a revoked credential's rotation: both values go as soon as no request that carried them can land."""
    journal, now = decisions.lapse(entry.journal), course.now()
    if journal.unanswered or journal.phase == phases.WITHDRAWING:
        return entry
    phase = phases.CLOSING if journal.quiet(now) and journal.quiet_back(now) else phases.DISCARDING
    if phase == entry.journal.phase:
        return entry
    return course.write(entry, replace(journal, phase=phase, again=False, reason="the credential was revoked"))


def _preparing(course: Course, entry: Entry, request: Optional[Request]) -> Following:
    if request is None:
        # Nothing was sent: pending is stored before the phase in which it may be sent.
        return course.write(entry, decisions.roll_back(entry.journal, course.now()))
    slots = course.slots(entry.name)
    if _is_direct(slots, entry.journal):
        return _replace_current(course, entry, request)
    slots.begin(course.clock())
    if entry.journal.is_made_by_service:
        # A value that the service made, in this rotation or an earlier one, is at the service already.
        stored = slots.find(PENDING) is not None
        listing = phases.PREPARED if entry.journal.readable else phases.LISTING
        following = decisions.verify_made(entry.journal) if stored else replace(entry.journal, phase=listing)
        return course.write(entry, following)
    slots.ensure_pending(request.make, slots.get(CURRENT), course.clock())
    return course.write(entry, replace(entry.journal, phase=phases.PREPARED))


def _is_direct(slots: Slots, journal: Journal) -> bool:
    """Whether the new value becomes the current one at once: no target gets it, and no pending value is left of an earlier run."""
    if journal.is_driven or journal.manual or journal.has_sent:
        return False
    return slots.get(CURRENT).full_metadata.lifecycle in _BEGIN_BY_STATE and slots.find(PENDING) is None


def _replace_current(course: Course, entry: Entry, request: Request) -> Following:
    """Make a value and store it as the current one, in one compare-and-swap.

    The current value was read before the journal was last written. So a controller that paused, and lost the lease, fails here:
    `closing.discarding` changes the metadata of the current value before another controller closes the journal.
    """
    slots, journal = course.slots(entry.name), entry.journal
    base = slots.get(CURRENT)
    value = request.make(base)
    promoted = _promote_or_give_up(course, entry, lambda: _promote_new(slots, journal, base, value, course.clock()))
    if isinstance(promoted, Entry):
        return promoted
    ended = _promote(journal, promoted, course.now())
    if journal.grace or journal.max_grace:
        return course.write(entry, ended)
    course.record(steps.PROMOTED, entry.name, journal.target)
    return closing.closing(course, replace(entry, journal=ended), request)


def _promote_new(slots: Slots, journal: Journal, base: Record, value: Candidate, now: datetime) -> Optional[Record]:
    """Make a new value the current one. Return it; None if another process wrote. Without a grace period, that ends in the same write."""
    events = (*_BEGIN_BY_STATE[base.full_metadata.lifecycle], "promoted")
    if journal.grace or journal.max_grace:
        slots.keep_previous(base)
        return slots.promote(base, value, journal.rotation, events, now)
    return slots.promote(base, value, journal.rotation, (*events, "grace_end"), now)


def _prepare(course: Course, entry: Entry, request: Optional[Request]) -> Following:
    journal, now = entry.journal, course.now()
    if journal.manual:
        return course.finish(entry, steps.PREPARED)
    if request is None:
        return course.write(entry, decisions.give_up(journal, now, journal.reason))
    if request.kind == NO_TARGET:
        return course.write(entry, replace(journal, phase=phases.PROMOTING))
    if journal.is_made_by_service:
        return service_made.announce(course, entry)
    first = places.is_first_batch(journal)
    if first and journal.attempts >= decisions.MAX_ATTEMPTS:
        reason = "the new value was sent {} times in vain".format(journal.attempts)
        return course.write(entry, replace(decisions.give_up(journal, now, reason), refused=True, orphaned=True))
    # The announcement checks the lease: a controller that lost the lease loses this compare-and-swap and sends nothing.
    attempts = journal.attempts + 1 if first else journal.attempts
    announced = replace(journal, phase=phases.APPLYING, sending=now, attempts=attempts, goal=phases.FORWARD)
    return course.send(course.write(entry, announced), steps.APPLY, PENDING)


def _turning_back(course: Course, entry: Entry, _request: Optional[Request]) -> Following:
    journal = entry.journal
    # Places that could not be reached do not count as a failed attempt.
    reverts = journal.reverts if journal.behind else journal.reverts + 1
    announced = replace(journal, phase=phases.REVERTING, resending=course.now(), reverts=reverts)
    return course.send(course.write(entry, announced), steps.APPLY, CURRENT)


def _asking(course: Course, entry: Entry, _request: Optional[Request]) -> Following:
    return course.ask(entry)


def _promoting(course: Course, entry: Entry, _request: Optional[Request]) -> Following:
    promoted = _promote_or_give_up(course, entry, lambda: _promote_pending(course, entry))
    return promoted if isinstance(promoted, Entry) else course.write(entry, _promote(entry.journal, promoted, course.now()))


def _promote_or_give_up(course: Course, entry: Entry, promote: Callable[[], Optional[Record]]) -> Union[Record, Entry]:
    """Return the value that `promote` made the current one. If it is not, return the entry from which the rotation continues."""
    try:
        current = promote()
    except _REFUSALS as refusal:
        if refusal.outcome_unknown:
            raise
        return _give_up_promotion(course, entry, refusal)
    if current is not None:
        return current
    # Another process wrote: this renews the lease, and the rotation is settled against what was stored before that.
    course.slots(entry.name).get(CURRENT)
    return course.write(entry, entry.journal)


def _promote_pending(course: Course, entry: Entry) -> Optional[Record]:
    """Make pending the current value, unless that is done already. Return it; None if another current value was stored."""
    slots, journal, now = course.slots(entry.name), entry.journal, course.clock()
    current = slots.get(CURRENT)
    if current.full_metadata.attributes.get(ROTATION) == journal.rotation:
        return current
    slots.begin(now)
    base = slots.get(CURRENT)
    if input_version(base) != journal.base:
        return None
    slots.keep_previous(base)
    return slots.promote(base, candidate_of(slots.get(PENDING)), journal.rotation, ("promoted",), now)


def _give_up_promotion(course: Course, entry: Entry, refusal: CredentialError) -> Entry:
    """Return the entry of a rotation whose value the store does not take. By hand, the value stays prepared for another commit.

    Raises:
        CredentialError: the refusal, in a rotation by hand.
    """
    reason = "the store refused the new value: {}".format(refusal.what)
    if not entry.journal.manual:
        return going_back.abandon_promotion(course, entry, reason)
    course.finish(replace(entry, journal=replace(entry.journal, phase=phases.PREPARED, reason=reason)), steps.PREPARED)
    raise refusal


def _promote(journal: Journal, current: Record, now: int) -> Journal:
    # A target that accepts one value has refused the old one since apply: a grace period would help no reader, unless it has granted more.
    has_grace = journal.manual or journal.grants or not journal.interrupts
    grace, longest = (journal.grace, journal.max_grace) if has_grace else (0, 0)
    return replace(
        journal,
        phase=phases.GRACE,
        promoted=current.version,
        gap=now - journal.opened if journal.opened is not None else journal.gap,
        opened=None,
        retire_after=now + grace * SECOND if grace else None,
        retire_by=now + longest * SECOND if longest > grace else None,
        holders=(),
        reason=decisions.lacking(journal),
        orphaned=False,
        again=False,
        withdrawn=(),
        grace_of=None,
    )


def _park(course: Course, entry: Entry, _request: Optional[Request]) -> Following:
    slots = course.slots(entry.name)
    slots.move_state(("parked",), (lifecycle.ROTATING,), course.clock())
    if entry.journal.orphaned:
        slots.flag(PENDING, course.clock())
    return course.finish(entry, steps.PARKED)


def _lose(course: Course, entry: Entry, _request: Optional[Request]) -> Following:
    slots, now = course.slots(entry.name), course.clock()
    slots.move_state(("schedule", "begin", "lost"), (lifecycle.ACTIVE, lifecycle.EXPIRED), now)
    slots.move_state(("lost",), (lifecycle.ROTATING,), now)
    return course.finish(entry, steps.LOST)


def phase_error(entry: Entry) -> CredentialError:
    """Return the error for a test or a commit of a rotation by hand that is in another phase than `prepared`."""
    journal = entry.journal
    if journal.promoted is not None:
        over = as_time(journal.retire_after).isoformat(timespec="seconds") if journal.retire_after is not None else "now"
        return in_progress(
            entry.name,
            "the prepared value is the current one already; its grace period ends: {}".format(over),
            "Run phase 'settle' after that, which drops the previous value, or phase 'rollback', which goes back to it.",
        )
    if journal.phase == phases.PROMOTING:
        return in_progress(entry.name, "the promotion was begun and is not complete", "Run phase 'settle', which completes it.")
    return RotationFailed(
        journal.reason or "the prepared value was given up",
        name=entry.name,
        remedy="The prepared value is kept. Check which value the target takes, then run phase 'prepare' again.",
    )


_COURSE: Mapping[str, Callable[[Course, Entry, Optional[Request]], Following]] = {
    phases.PREPARING: _preparing,
    phases.LISTING: service_made.listing,
    phases.PREPARED: _prepare,
    phases.VERIFYING: _asking,
    phases.SETTLING: _asking,
    phases.TURNING_BACK: _turning_back,
    phases.CONFIRMING: _asking,
    phases.PROMOTING: _promoting,
    phases.GRACE: closing.grace,
    phases.RETIRING: closing.retiring,
    phases.DISCARDING: closing.discarding,
    phases.SWEEPING: service_made.sweeping,
    phases.WITHDRAWING: closing.withdrawing,
    phases.PARKED: _park,
    phases.LOST: _lose,
    phases.CLOSING: closing.closing,
}
