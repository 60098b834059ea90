# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a rotation ends: grace, the last verification, dropping values at the target, and dropping them in the store.

One rule holds for every slot that is dropped: with overlap, the target drops the value first, and a value that another slot
keeps is not dropped there. The rule holds for a rollback, after a crash and at the end of the grace period alike.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PENDING, PREVIOUS
from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal as phases
from ansible_collections.nebula.credential.plugins.module_utils.rotation import places
from ansible_collections.nebula.credential.plugins.module_utils.rotation import transitions as decisions
from ansible_collections.nebula.credential.plugins.module_utils.rotation.course import Course, Following
from ansible_collections.nebula.credential.plugins.module_utils.rotation.current_check import start
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import FORWARD, SKEW_STAMP, Entry, Journal
from ansible_collections.nebula.credential.plugins.module_utils.rotation.request import Request
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import Slots, identity_of, is_same_value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.summary import overdue
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step


def grace(course: Course, entry: Entry, _request: Optional[Request]) -> Following:
    """Keep previous until the grace period is over. Have it tried at the target once, if that was requested."""
    slots = course.slots(entry.name)
    slots.drop(PENDING)
    entry = look_for_holders(course, entry)
    journal = entry.journal
    if may_retire(journal, course.now()) and is_verified_since(journal):
        return course.write(entry, replace(journal, phase=phases.CLOSING))
    if journal.validates and journal.previous_answer is None and slots.find(PREVIOUS) is not None:
        return course.ask(entry)
    if overdue(journal, course.now()):
        slots.flag(PREVIOUS, course.clock())
        slots.move_state(("parked",), (lifecycle.GRACE_PERIOD,), course.clock())
    # `again`: this run was to begin a new rotation, and could not retire the value of the last one.
    return course.finish(entry, steps.PARKED if journal.again else steps.PROMOTED)


def look_for_holders(course: Course, entry: Entry) -> Entry:
    """Return the entry with the hosts whose recorded files hold the previous value, as long as they are waited for.

    Later on nothing is read: a record that cannot be read must not keep the previous value for ever.
    """
    journal = entry.journal
    if not _may_wait(journal, course.now()):
        return entry
    return replace(entry, journal=replace(journal, holders=course.slots(entry.name).find_holders(journal.base)))


def _may_wait(journal: Journal, now: int) -> bool:
    """Whether hosts that hold the previous value may still prolong the grace period."""
    return journal.retire_by is not None and now - SKEW_STAMP < journal.retire_by


def may_retire(journal: Journal, now: int) -> bool:
    """Whether previous may go: no place and no host that is waited for needs it, its grace period is over, and no send can land.

    It is over by a clock that may be 120 s ahead.
    """
    over = journal.retire_after is None or now - SKEW_STAMP >= journal.retire_after
    quiet = journal.quiet_back(now) and (journal.quiet(now) or not journal.withdraws)
    waits = bool(journal.holders) and _may_wait(journal, now)
    return over and not waits and quiet and not journal.behind


def is_verified_since(journal: Journal) -> bool:
    """Whether the target accepted the new value at a time when nothing that was sent could land any more."""
    if journal.alternating or (journal.sent is None and journal.resent is None):
        return True
    if journal.verified is None or not journal.quiet_back(journal.verified):
        return False
    return journal.quiet(journal.verified) or not journal.withdraws


def retiring(course: Course, entry: Entry, _request: Optional[Request]) -> Following:
    """Verify the new value once more, before the old one goes."""
    if is_verified_since(entry.journal):
        return course.write(entry, replace(entry.journal, phase=phases.CLOSING))
    return course.ask(entry)


def discarding(course: Course, entry: Entry, _request: Optional[Request]) -> Following:
    """Keep a value that was sent and rolled back."""
    journal, slots = entry.journal, course.slots(entry.name)
    if not places.is_first_batch(journal):
        return course.ask(entry)
    if not journal.is_driven and not journal.manual:
        # A controller that paused may be about to replace the current value: its compare-and-swap fails after this.
        slots.move_state(("schedule", "begin"), (lifecycle.ACTIVE, lifecycle.EXPIRED), course.clock())
        slots.move_state(("begin",), (lifecycle.ROTATION_SCHEDULED,), course.clock())
    if not journal.is_driven:
        slots.release_previous(journal)  # A driven rotation that copied current before it was given up has done so already.
    slots.move_state(("rolled_back",), (lifecycle.ROTATING,), course.clock())
    slots.revive(course.clock())
    if journal.orphaned:
        slots.flag(PENDING, course.clock())
    if journal.sent is None:
        return course.write(entry, replace(journal, phase=phases.CLOSING))
    return course.finish(entry, steps.ROLLED_BACK)


def withdrawing(course: Course, entry: Entry, _request: Optional[Request]) -> Following:
    """Have the target drop a value that is no longer used."""
    journal, stage = entry.journal, entry.journal.withdrawing
    if not stage:
        return course.drop_stray(_announce(course, entry), journal.strays[0])
    if not _is_only_here(course.slots(entry.name), stage):
        return course.write(entry, replace(journal, phase=journal.after, withdrawn=(*journal.withdrawn, stage)))
    return course.send(_announce(course, entry), steps.RETIRE, stage)


def _announce(course: Course, entry: Entry) -> Entry:
    # The announcement checks the lease, as before a send.
    return course.write(entry, replace(entry.journal, dropping=course.now()))


def _is_only_here(slots: Slots, stage: str) -> bool:
    """Whether no other stage keeps that value: the target never drops the current value, nor one that previous still holds."""
    found = slots.find(stage)
    if found is None:
        return False
    others = [slots.find(other) for other in (CURRENT, PREVIOUS) if other != stage]
    return not any(other is not None and is_same_value(found.fields, identity_of(found), other) for other in others)


def closing(course: Course, entry: Entry, request: Optional[Request]) -> Following:
    """Drop the values that are no longer needed. The journal goes last, so that a run after a crash repeats this."""
    journal, slots, now = entry.journal, course.slots(entry.name), course.clock()
    owed = [stage for stage in _stages_to_drop(journal) if _is_owed(journal, stage)]
    if owed:
        return course.write(entry, decisions.withdraw(journal, owed[0], phases.CLOSING))
    slots.move_state(("rolled_back",), (lifecycle.ROTATING,), now)
    if journal.promoted is None and journal.grace_of is not None:
        return _resume_grace(course, entry)
    slots.move_state(("grace_end",), (lifecycle.GRACE_PERIOD,), now)
    for stage in _stages_to_drop(journal):
        slots.drop(stage)
    course.close(entry)
    if journal.again and request is not None:
        return start(course, request)
    outcome = steps.PROMOTED if journal.promoted is not None else steps.ROLLED_BACK
    return Step(steps.DONE, outcome=outcome, summary=dict(course.summary(entry), phase="closed"))


def _stages_to_drop(journal: Journal) -> Tuple[str, ...]:
    # Two users: the target accepts the previous value until its user's turn comes again, so it stays.
    return (PENDING, PREVIOUS) if journal.promoted is not None and not journal.alternating else (PENDING,)


def _is_owed(journal: Journal, stage: str) -> bool:
    """Whether the target has to drop the value before the store drops the stage."""
    is_kept_there = journal.withdraws or journal.grants if stage == PREVIOUS else journal.withdraws and journal.sent is not None
    return is_kept_there and stage not in journal.withdrawn


def _resume_grace(course: Course, entry: Entry) -> Step:
    """Continue the grace period that a rotation back to previous interrupted, after that rotation was rolled back."""
    course.slots(entry.name).drop(PENDING)
    journal = entry.journal
    resumed = replace(journal, phase=phases.GRACE, goal=FORWARD, promoted=journal.grace_of, verified=None, withdrawn=(), dropping=None)
    # The journal no longer says which hosts had the current value, so all hosts get it again.
    return course.finish(
        replace(entry, journal=replace(resumed, grace_of=None, unverified=False, behind=journal.places)), steps.ROLLED_BACK
    )
