# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that the service makes: listing what it holds, having one made, and finding one whose response was lost.

A value that was made is stored before the journal says so. If the response is lost, the value is looked for once the request
can no longer land. The value is deleted only if it is certain that the service made it for this rotation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, FrozenSet, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PENDING, PREVIOUS
from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal as phases
from ansible_collections.nebula.credential.plugins.module_utils.rotation import transitions as decisions
from ansible_collections.nebula.credential.plugins.module_utils.rotation.course import Course, Following
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import BACK, FORWARD, SECOND, SKEW_STAMP, Entry, Journal
from ansible_collections.nebula.credential.plugins.module_utils.rotation.request import Request, keep_as_made
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import Slots, identity_of, is_same_value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Held, Made, Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step

_STORED = (CURRENT, PENDING, PREVIOUS)


def listing(course: Course, entry: Entry, request: Optional[Request]) -> Following:
    """Return the step that lists the values that the service holds, in the run in which one is made."""
    if request is None:
        return course.write(entry, decisions.roll_back(entry.journal, course.now()))
    return course.sweep(entry)


def announce(course: Course, entry: Entry) -> Step:
    """Write that the service is to make a value, and return the step."""
    journal = entry.journal
    announced = replace(journal, phase=phases.MAKING, sending=course.now(), attempts=journal.attempts + 1, goal=FORWARD)
    return course.send(course.write(entry, announced), steps.MAKE, CURRENT)


def sweeping(course: Course, entry: Entry, _request: Optional[Request]) -> Following:
    """Look for a value whose response was lost, once the service can no longer make it."""
    journal, slots = entry.journal, course.slots(entry.name)
    # A value that was refused stays stored until the one that the service has is read: the refusal may have been wrong.
    if slots.find(PENDING) is not None and not (journal.readable and journal.refused):
        # The value was stored and the journal was not: a stored value is no stray.
        return course.write(entry, replace(decisions.verify_made(journal), goal=FORWARD))
    slots.move_state(("rolled_back",), (lifecycle.ROTATING,), course.clock())
    if journal.readable:
        return _read_again(course, entry) if journal.quiet(course.now()) else course.finish(entry, steps.PARKED)
    return course.sweep(entry) if journal.quiet(course.now()) else course.finish(entry, steps.ROLLED_BACK)


def _read_again(course: Course, entry: Entry) -> Following:
    """Return the step that reads the value that the service has. After as many runs as settle an outcome, park for a person."""
    journal = entry.journal
    if journal.settles >= decisions.MAX_ATTEMPTS:
        return course.write(entry, decisions.park(replace(journal, orphaned=True), journal.reason))
    return announce(course, replace(entry, journal=replace(journal, settles=journal.settles + 1)))


def receive(course: Course, entry: Entry, outcome: str, made: Optional[Made], request: Optional[Request]) -> Journal:
    """Store the value that the service made as pending. Return the journal after that.

    Raises:
        InvalidInput: the step make has no such outcome.
    """
    journal = entry.journal
    decisions.check_outcome(journal, outcome, steps.SEND_OUTCOMES)
    if journal.readable and outcome in (steps.UNAVAILABLE, steps.REFUSED):
        return _make_none(journal, outcome, course.now())
    if outcome == steps.UNAVAILABLE:
        unsent = replace(journal, sending=None)
        return replace(decisions.roll_back(unsent, course.now()), reason="the service could not be reached")
    if outcome != steps.APPLIED or made is None or made.value is None:
        # Also after a refusal: a library below may have sent the request twice.
        what = "the service refused to make a value" if outcome == steps.REFUSED else "it was not known whether the service made a value"
        return decisions.lose_answer(journal, what)
    value, complete = made.value, request.complete if request is not None else keep_as_made
    slots = course.slots(entry.name)
    base = slots.get(CURRENT)
    candidate = complete(base, value)
    found = slots.find(PENDING)
    if journal.refused and found is not None and not is_same_value(candidate.fields, candidate.identity, found):
        slots.drop(PENDING)
    slots.ensure_pending(lambda _base: candidate, base, course.clock())
    return replace(decisions.verify_made(journal), made_ticket=entry.version, refused=False)


def _make_none(journal: Journal, outcome: str, now: int) -> Journal:
    """Return the journal after a service that shows its value made none. A request before it may have been carried out."""
    reason = "the service refused to make a value" if outcome == steps.REFUSED else "the service could not be reached"
    unsent = replace(journal, sending=None)
    if journal.sent is None:
        return replace(decisions.roll_back(unsent, now), reason=reason)
    # The next run looks again; in this one the response would be the same.
    return decisions.park(replace(unsent, goal=BACK, unanswered=True), reason)


def is_stored(slots: Slots, value: Value) -> bool:
    """Whether a stage holds that value."""
    found = [slots.find(stage) for stage in _STORED]
    return any(record is not None and is_same_value(value.fields, value.identity, record) for record in found)


def note_held(slots: Slots, journal: Journal, outcome: str, held: Optional[Mapping[str, Held]], now: int) -> Journal:
    """Return the journal after the step that lists the values that the service holds.

    Raises:
        InvalidInput: the step list has no such outcome, or the list is missing.
    """
    decisions.check_outcome(journal, outcome, steps.LIST_OUTCOMES)
    if outcome == steps.LISTED and held is None:
        raise InvalidInput("the outcome 'listed' comes with the list", option="held")
    known: Mapping[str, Held] = held or {}
    if journal.phase == phases.SWEEPING:
        return _find_strays(journal, outcome, known, _read_stored_ids(slots), now)
    if outcome == steps.UNAVAILABLE:
        return _refuse(journal, now, "the service did not list the values that it holds")
    if len(known) >= journal.slots:
        named = ", ".join(sorted(known))
        what = "the service holds {} values and accepts at most {}, so none was made: {}. Delete one that is not used"
        return _refuse(journal, now, what.format(len(known), journal.slots, named))
    return replace(journal, phase=phases.PREPARED, held=tuple(sorted(known)))


def _refuse(journal: Journal, now: int, reason: str) -> Journal:
    """Return the journal of a rotation that ends before the service made a value."""
    return replace(decisions.roll_back(journal, now), reason=reason)


def _read_stored_ids(slots: Slots) -> FrozenSet[str]:
    records = [slots.find(stage) for stage in _STORED]
    return frozenset(identifier for record in records if record is not None for identifier in identity_of(record).values())


def _find_strays(journal: Journal, outcome: str, held: Mapping[str, Held], stored: FrozenSet[str], now: int) -> Journal:
    if outcome == steps.UNAVAILABLE:
        return decisions.park(journal, "the service did not list its values, and may hold one whose response was lost")
    fresh: Dict[str, Held] = {key: value for key, value in held.items() if key not in journal.held and key not in stored}
    strays: Tuple[str, ...] = tuple(sorted(key for key, value in fresh.items() if _may_be_ours(journal, value)))
    if not strays:
        return replace(journal, phase=phases.CLOSING, strays=(), unanswered=False, verified=now)
    if journal.marks or journal.sole_owner:
        return replace(decisions.withdraw(journal, "", phases.CLOSING), strays=strays, orphaned=False)
    reason = "the service holds values that this rotation may have had made: {}".format(", ".join(strays))
    return replace(decisions.park(journal, reason), strays=strays, orphaned=True)


def _may_be_ours(journal: Journal, value: Held) -> bool:
    """Whether the value carries our mark; if the service has no marks, whether it was made while our request could land."""
    if journal.marks:
        return value.mark == journal.rotation
    if value.created is None or journal.sent is None:
        return True
    created = value.created * SECOND
    return journal.sent - SKEW_STAMP <= created + SECOND and created <= journal.quiet_from(journal.sent) + SKEW_STAMP
