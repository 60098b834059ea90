# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a new run continues a rotation that an earlier run left open."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional, Union

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, RotationInProgress, RotationLost, RotationParked
from ansible_collections.nebula.credential.plugins.module_utils.model.lifecycle import REVOKED
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PENDING
from ansible_collections.nebula.credential.plugins.module_utils.rotation import closing
from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal as phases
from ansible_collections.nebula.credential.plugins.module_utils.rotation import transitions as decisions
from ansible_collections.nebula.credential.plugins.module_utils.rotation.course import Course
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import Entry, Journal, as_time
from ansible_collections.nebula.credential.plugins.module_utils.rotation.request import Request
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step

_WHOSE = "Delete what nothing uses, or set 'sole_owner: true' if only this rotation makes values there, then run phase 'settle'."
_AT_THE_SERVICE = "The stored value is kept. Check why the service shows or makes none, then run phase 'settle'."
_BY_HAND = (phases.PREPARING, phases.PREPARED, phases.PROMOTING, phases.GRACE, phases.CLOSING, phases.DISCARDING)


def arrive(course: Course, entry: Entry, request: Optional[Request]) -> Union[Entry, Step]:
    """Return the entry, or the step, from which this run continues the open rotation.

    With a request, the run is to begin a new rotation after it.

    Raises:
        RotationInProgress: it is too early.
        RotationParked: a person must check the target.
        RotationLost: the target accepts neither value.
    """
    journal = entry.journal
    if journal.phase == phases.PARKED:
        return _unpark(course, entry, request)
    if journal.phase == phases.LOST:
        if request is not None:
            raise _loss_error(entry.name)
        return course.write(entry, decisions.settle(journal, journal.reason))
    if journal.phase == phases.SWEEPING:
        return _sweep(course, entry, request)
    if journal.phase == phases.DISCARDING:
        return _discard(course, entry, request)
    if journal.phase == phases.GRACE:
        return _retire(course, entry, request)
    if journal.phase in (phases.PREPARING, phases.PREPARED) and request is not None:
        adopted = course.adopt(journal, request)
        # The run that has the service make a value must also list what the service holds.
        return course.write(entry, replace(adopted, phase=phases.PREPARING) if adopted.is_made_by_service else adopted)
    return entry


def forgive(journal: Journal, request: Optional[Request]) -> Journal:
    """Return the journal with its attempts counted from zero, because a person requested another try. Previous is tried again, too."""
    owns = journal.sole_owner or (request is not None and request.traits.sole_owner)
    answer = None if request is not None and request.is_driven else journal.previous_answer
    return replace(journal, orphaned=False, settles=0, sole_owner=owns, previous_answer=answer)


def check_by_hand(entry: Entry, request: Request) -> None:
    """Refuse to continue by hand a rotation that a driver has to finish.

    Raises:
        RotationInProgress: the request has no driver, and the open rotation needs one.
    """
    journal = entry.journal
    kept_at_target = journal.withdraws and journal.phase not in (phases.PREPARING, phases.PREPARED, phases.PROMOTING)
    if not request.is_driven and (journal.phase not in _BY_HAND or kept_at_target):
        raise in_progress(entry.name, "a rotation against a target is open", "Finish it with phase 'auto' and that target.")


def check_target(entry: Entry, request: Request) -> None:
    """Refuse another target: a value that was sent to one server and is tried at another would end in `lost`.

    Raises:
        InvalidInput: a value was sent, and the request names another target.
    """
    journal = entry.journal
    named = dict(request.target, kind=request.kind)
    if journal.has_sent and not journal.manual and request.is_driven and named != dict(journal.target):
        began = ", ".join("{} {}".format(key, value) for key, value in sorted(journal.target.items()))
        raise InvalidInput(
            "the open rotation began with another target",
            name=entry.name,
            option="target",
            remedy="To finish it, name exactly that target: {}.".format(began),
        )


def in_progress(name: str, what: str, remedy: str) -> RotationInProgress:
    """Return the error for a run that came too early."""
    return RotationInProgress(what, name=name, remedy=remedy)


def _unpark(course: Course, entry: Entry, request: Optional[Request]) -> Entry:
    journal = entry.journal
    if journal.unanswered:
        return _look_again(course, entry, request)
    if journal.orphaned:
        raise RotationParked(
            "the outcome of the last rotation is still open after several attempts",
            name=entry.name,
            remedy="Both values are kept (stages current and pending). Check the target, then run phase 'settle'.",
        )
    return course.write(entry, decisions.settle(journal, journal.reason))


def _look_again(course: Course, entry: Entry, request: Optional[Request]) -> Entry:
    """Write that the next step looks again for a value that the service may hold and that was not found, or not deleted.

    Raises:
        RotationParked: a person must decide whose value it is.
    """
    journal = entry.journal
    owns = journal.sole_owner or (request is not None and request.traits.sole_owner)
    if journal.orphaned and (journal.readable or not owns):
        raise RotationParked(journal.reason, name=entry.name, remedy=_AT_THE_SERVICE if journal.readable else _WHOSE)
    again = replace(journal, phase=phases.SWEEPING, sole_owner=owns, orphaned=False, again=request is not None)
    return course.write(entry, again)


def _sweep(course: Course, entry: Entry, request: Optional[Request]) -> Entry:
    """Write whether a new rotation follows the search for a value whose response was lost.

    Raises:
        RotationInProgress: the service may still make that value.
    """
    journal, now = entry.journal, course.now()
    if request is not None and not journal.quiet(now) and course.slots(entry.name).find(PENDING) is None:
        when = as_time(journal.quiet_at() or now).isoformat(timespec="seconds")
        raise in_progress(entry.name, "the service may still make a value whose response was lost", "Run it again after {}.".format(when))
    return course.write(entry, replace(journal, again=request is not None))


def _discard(course: Course, entry: Entry, request: Optional[Request]) -> Union[Entry, Step]:
    """Continue with a value that was sent and rolled back: send it again, or probe the target so that it can be deleted.

    Raises:
        RotationInProgress: the value may not be sent again, and an earlier request may still land.
    """
    journal, now = entry.journal, course.now()
    by_hand = journal.manual or (request is not None and not request.is_driven)
    if journal.quiet(now) and not by_hand:
        return course.ask(course.write(entry, replace(journal, again=request is not None)))
    if request is None:
        return entry
    if journal.refused or journal.withdraws or journal.attempts >= decisions.MAX_ATTEMPTS:
        when = as_time(journal.quiet_at() or now).isoformat(timespec="seconds")
        what = "a value that was rolled back may still land" if journal.withdraws else "a value that the target refused may still land"
        raise in_progress(entry.name, what, "Run it again after {}.".format(when))
    again = replace(course.adopt(journal, request), phase=phases.PREPARING, goal=phases.FORWARD, tested=False, reason="")
    return course.write(entry, again)


def _retire(course: Course, entry: Entry, request: Optional[Request]) -> Union[Entry, Step]:
    """Continue in the grace period: wait, or verify once more and retire.

    Raises:
        RotationInProgress: a new rotation would begin before the previous value can go.
    """
    entry = closing.look_for_holders(course, entry)
    journal = replace(entry.journal, again=request is not None)
    if journal.behind:
        return course.write(entry, replace(journal, phase=phases.TURNING_BACK))
    if not closing.may_retire(journal, course.now()):
        if request is None:
            return entry
        when = as_time(max(journal.retire_after or 0, journal.quiet_at() or 0)).isoformat(timespec="seconds")
        holders = " and these hosts hold the previous value: {}".format(", ".join(journal.holders)) if journal.holders else ""
        raise in_progress(
            entry.name,
            "the grace period of the last rotation is not over" + holders,
            "Run it again after {}; phase 'rollback' goes back to the previous value.".format(when),
        )
    closes = closing.is_verified_since(journal) or journal.manual or _is_revoked(course, entry.name)
    if not closes and request is not None and not request.is_driven:
        raise in_progress(entry.name, "the last rotation is to be verified once more", "Run phase 'settle' with its target.")
    return course.write(entry, replace(journal, phase=phases.CLOSING if closes else phases.RETIRING))


def _is_revoked(course: Course, name: str) -> bool:
    return course.slots(name).get(CURRENT).full_metadata.lifecycle == REVOKED


def _loss_error(name: str) -> RotationLost:
    return RotationLost(
        "the target accepts neither the current nor the pending value",
        name=name,
        remedy="Both values are kept. Set one of them at the target and run phase 'settle', or store the value that the target accepts.",
    )
