# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back, on request: before the promotion to the current value, in the grace period to the previous one.

The latter is a rotation whose new value is the previous one.
"""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PENDING, PREVIOUS, Record
from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal as phases
from ansible_collections.nebula.credential.plugins.module_utils.rotation import transitions as decisions
from ansible_collections.nebula.credential.plugins.module_utils.rotation.arrival import in_progress
from ansible_collections.nebula.credential.plugins.module_utils.rotation.course import Course
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import Entry
from ansible_collections.nebula.credential.plugins.module_utils.rotation.request import Request
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import ROTATION, Slots, candidate_of
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import SERVICE

_ON_REQUEST = "rolled back on request"


def needs_check(course: Course, entry: Entry, request: Request) -> bool:
    """Whether the current value has to be tried first. A value that the service made is never sent, so nothing is at risk.

    Raises:
        InvalidInput: the target refuses the previous value.
        RotationInProgress: the target may still drop the previous value.
    """
    if entry.journal.phase != phases.GRACE:
        return False
    _check_not_withdrawn(course, entry)
    return not request.is_checked and request.traits.maker != SERVICE


def begin(course: Course, entry: Entry, request: Request) -> Entry:
    """Begin the rotation back to the previous value. Return its entry.

    Raises:
        InvalidInput: the target refuses the previous value.
        RotationInProgress: the target may still drop the previous value.
        CredentialError: the store would not take the previous value.
    """
    _check_not_withdrawn(course, entry)
    slots = course.slots(entry.name)
    slots.check_writable()
    previous, current = slots.get(PREVIOUS), slots.get(CURRENT)
    slots.drop(PENDING)
    _store_pending(slots, previous, current)
    opening = course.opening(request, current)
    if opening.is_driven and not opening.withdraws:
        return course.write(entry, opening)
    # If it is rolled back, the target still accepts both values (or there is none), and the grace period continues.
    return course.write(entry, replace(opening, grace_of=current.version, retire_after=entry.journal.retire_after))


def give_up(course: Course, entry: Entry, *, sent: bool) -> Entry:
    """Give up a value on request before it is the current one. Return the entry of its rotation.

    Args:
        course: the rotations of the store.
        entry: the rotation, in a phase before the grace period.
        sent: by hand, whether the value may have reached the service.

    Raises:
        RotationInProgress: it is the current value already.
    """
    journal, now = entry.journal, course.now()
    promoting = journal.phase == phases.PROMOTING
    if promoting and course.slots(entry.name).get(CURRENT).full_metadata.attributes.get(ROTATION) == journal.rotation:
        remedy = "Run phase 'settle', which completes the promotion, then phase 'rollback'."
        raise in_progress(entry.name, "the new value is the current one already, and its promotion is not complete", remedy)
    if promoting and not journal.manual:
        return abandon_promotion(course, entry, _ON_REQUEST)
    if journal.manual:
        # A person may have sent the value until this moment, so it counts as sent now.
        journal = replace(journal, sent=now if sent else None)
    return course.write(entry, replace(decisions.give_up(journal, now, _ON_REQUEST), verified=None))


def abandon_promotion(course: Course, entry: Entry, reason: str) -> Entry:
    """Give up a verified value that is not the current one. Return the entry of its rotation."""
    course.slots(entry.name).release_previous(entry.journal)
    return course.write(entry, decisions.abandon_promotion(entry.journal, course.now(), reason))


def _store_pending(slots: Slots, previous: Record, current: Record) -> None:
    candidate = candidate_of(previous)
    slots.ensure_pending(lambda _: candidate, current, current.full_metadata.updated_at)


def _check_not_withdrawn(course: Course, entry: Entry) -> None:
    """Refuse to go back to a value that the target refuses, or may still drop.

    Raises:
        InvalidInput: the target refuses it.
        RotationInProgress: the target may still drop it.
    """
    if entry.journal.grants:
        what = "the target does not accept the previous value any more"
        raise InvalidInput(what, name=entry.name, option="phase", remedy="Rotate to a new value instead.")
    if not entry.journal.is_withdrawal_over(course.now()):
        raise in_progress(entry.name, "the target may still drop the previous value", "Rotate to a new value instead.")
