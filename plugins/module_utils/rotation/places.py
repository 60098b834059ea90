# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The places of a target that has several (hosts with the same key): which come next, and what their outcomes mean together.

Pure: nothing is read or written. A round (`walk`) deals with all places of a phase, a batch at a time, so that one step fits
the time limit. Invariant: a place leaves `behind` only after it was seen to accept the value of the rotation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.record import PENDING
from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal as phases
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import Journal
from ansible_collections.nebula.credential.plugins.module_utils.rotation.questions import question
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import (
    ACCEPTED,
    ACCEPTS_ANYTHING,
    APPLIED,
    ASK_OUTCOMES,
    ONE_PLACE,
    REFUSED,
    UNAVAILABLE,
    UNKNOWN,
)

SENDS = (phases.APPLYING, phases.REVERTING)
_FORWARD = "forward"
_BACK = "back"
_FORWARD_PHASES = (phases.PREPARED, phases.APPLYING, phases.VERIFYING)

# Which outcome counts for all places, the strongest first.
_ANY_REFUSAL = (REFUSED, ACCEPTS_ANYTHING, ACCEPTED, UNAVAILABLE)
_ANY_YES = (ACCEPTED, ACCEPTS_ANYTHING, REFUSED, UNAVAILABLE)
_ALL_YES = (REFUSED, ACCEPTS_ANYTHING, UNAVAILABLE, ACCEPTED)
_ALL_DROPPED = (REFUSED, UNKNOWN, UNAVAILABLE, APPLIED)
# An unknown send is settled by the probe that follows it.
_ANY_SENT_REFUSAL = (REFUSED, APPLIED, UNAVAILABLE)
_ANY_SENT = (APPLIED, REFUSED, UNAVAILABLE)

_ROUND_ANSWERS: Mapping[str, Tuple[str, ...]] = {
    phases.SETTLING: _ANY_YES,
    phases.CONFIRMING: _ANY_YES,
    phases.DISCARDING: _ANY_YES,
    phases.RETIRING: _ALL_YES,
    phases.GRACE: _ALL_YES,
    phases.WITHDRAWING: _ALL_DROPPED,
}


def start(journal: Journal, wanted: Tuple[str, ...], *, sent: bool) -> Journal:
    """Return the journal with the places that the target has now. Places to which a value may have been sent stay."""
    if wanted == ONE_PLACE:
        return journal
    kept = tuple(place for place in journal.places if sent and place not in wanted)
    has_value = set(journal.places) - set(journal.behind)
    places = (*wanted, *kept)
    return replace(journal, places=places, behind=tuple(place for place in places if place not in has_value))


def restart(journal: Journal) -> Journal:
    """Return the journal with no round under way, so that all places are tried again."""
    return replace(journal, walk="", done=(), answer=None)


def not_waited_for(name: str, unknown: Tuple[str, ...], known: Tuple[str, ...]) -> InvalidInput:
    """Return the error for places or ids that the rotation does not wait for."""
    what = "the rotation does not wait for: {}".format(", ".join(ascii(one) for one in unknown))
    return InvalidInput(what, name=name, option="forget", remedy="It waits for: {}.".format(", ".join(known) or "nothing"))


def leave_out(name: str, journal: Journal, gone: Tuple[str, ...]) -> Journal:
    """Return the journal of a credential without places that are gone; ids of values at the service count as held by others.

    Raises:
        InvalidInput: the rotation does not wait for one of them, or no place would be left.
    """
    known = (*journal.behind, *journal.strays)
    unknown = tuple(one for one in gone if one not in known)
    if unknown:
        raise not_waited_for(name, unknown, known)
    places = tuple(place for place in journal.places if place not in gone)
    if journal.places and not places:
        raise InvalidInput("at least one host takes the value", option="forget", remedy="Run phase 'rollback', or forget fewer.")
    return replace(
        restart(journal),
        places=places,
        behind=tuple(place for place in journal.behind if place not in gone),
        held=(*journal.held, *(one for one in journal.strays if one in gone)),
        strays=tuple(one for one in journal.strays if one not in gone),
    )


def remaining(journal: Journal) -> Tuple[str, ...]:
    """Return the places that this round has not dealt with yet."""
    journal = _in_round(journal)
    scope = journal.behind if journal.walk in (_FORWARD, _BACK) else journal.places
    return tuple(place for place in scope if place not in journal.done)


def is_first_batch(journal: Journal) -> bool:
    """Whether no place has been dealt with in this round. Always true of a target with one place."""
    return not _in_round(journal).done


def next_batch(journal: Journal, size: int) -> Tuple[str, ...]:
    """Return the places of the next step, at most `size` if the target has several."""
    if not journal.places:
        return ONE_PLACE
    return journal.at if _asks_what_was_reached(journal) else remaining(journal)[:size]


def is_everywhere_behind(journal: Journal) -> bool:
    """Whether no place is known to accept the value of the rotation."""
    return set(journal.behind) == set(journal.places)


def note(journal: Journal, batch: Tuple[str, ...], outcomes: Mapping[str, str]) -> Tuple[Journal, Optional[str]]:
    """Record the outcome of a step at each place.

    Returns:
        The journal, and the one outcome to decide upon. None instead of an outcome if the round continues in the same phase.

    Raises:
        InvalidInput: a place of the step is missing, or another one is named.
    """
    if set(outcomes) != set(batch):
        raise InvalidInput(
            "outcomes of a step name its places: {}".format(", ".join(batch)), option="places", remedy="Report one outcome for each."
        )
    journal = _in_round(journal)
    if journal.phase in SENDS:
        return _note_sends(journal, batch, outcomes)
    if _asks_what_was_reached(journal):
        return _move_up(replace(journal, at=()), outcomes), _strongest(_ANY_REFUSAL, outcomes)
    return _note_round(journal, batch, outcomes)


def combine_check(places: Tuple[str, ...], outcome: Optional[str], outcomes: Optional[Mapping[str, str]]) -> str:
    """Return the one outcome of the check of the current value: accepted if a place accepts it, as after a rollback.

    Raises:
        InvalidInput: the step has no such outcome, or other places.
    """
    found = dict.fromkeys(places, outcome) if outcome is not None else dict(outcomes or {})
    if set(found) != set(places) or not set(found.values()) <= set(ASK_OUTCOMES):
        raise InvalidInput("the outcomes of a check do not fit its places", option="outcome", remedy="Report one outcome for each.")
    return _strongest(_ANY_YES, {place: str(each) for place, each in found.items()})


def _note_sends(journal: Journal, batch: Tuple[str, ...], outcomes: Mapping[str, str]) -> Tuple[Journal, str]:
    sent = {place: APPLIED if outcome == UNKNOWN else outcome for place, outcome in outcomes.items()}
    reached = tuple(place for place in batch if sent[place] == APPLIED)
    answers = _ANY_SENT_REFUSAL if journal.phase == phases.APPLYING else _ANY_SENT
    return replace(journal, done=(*journal.done, *batch), at=reached), _strongest(answers, sent)


def _note_round(journal: Journal, batch: Tuple[str, ...], outcomes: Mapping[str, str]) -> Tuple[Journal, Optional[str]]:
    if _ends_at_each(journal):
        # A place that is gone for good would hold up the end for ever: what is behind can be forgotten.
        lacking = tuple(place for place in batch if outcomes[place] not in (ACCEPTED, APPLIED, ACCEPTS_ANYTHING))
        journal = replace(journal, behind=(*journal.behind, *(place for place in lacking if place not in journal.behind)))
    if journal.walk == _round_of(phases.SETTLING, PENDING):
        journal = _move_up(journal, outcomes)
    answers = _ROUND_ANSWERS[journal.phase]
    known: Dict[str, str] = {"": journal.answer} if journal.answer is not None else {}
    journal = replace(journal, done=(*journal.done, *batch), answer=_strongest(answers, dict(outcomes, **known)))
    return (journal, None) if remaining(journal) else (restart(journal), journal.answer)


def _ends_at_each(journal: Journal) -> bool:
    """Whether the rotation is over once each place has accepted current, or has dropped the value that was rolled back."""
    drops_pending = journal.phase == phases.WITHDRAWING and journal.after == phases.CLOSING and journal.withdrawing == PENDING
    return journal.phase == phases.RETIRING or drops_pending


def _move_up(journal: Journal, outcomes: Mapping[str, str]) -> Journal:
    """Return the journal without the places that accepted the value in `behind`."""
    return replace(journal, behind=tuple(place for place in journal.behind if outcomes.get(place) != ACCEPTED))


def _strongest(answers: Tuple[str, ...], outcomes: Mapping[str, str]) -> str:
    return min(outcomes.values(), key=answers.index)


def _asks_what_was_reached(journal: Journal) -> bool:
    return journal.phase == phases.VERIFYING or (journal.phase == phases.CONFIRMING and journal.promoted is not None)


def _in_round(journal: Journal) -> Journal:
    """Return the journal in the round of its phase; the notes of another round are dropped."""
    name = _name_of_round(journal)
    return journal if journal.walk == name else replace(journal, walk=name, done=(), answer=None)


def _name_of_round(journal: Journal) -> str:
    if journal.phase in _FORWARD_PHASES:
        return _FORWARD
    if journal.phase in (phases.TURNING_BACK, phases.REVERTING) or _asks_what_was_reached(journal):
        return _BACK
    if journal.phase == phases.SETTLING:
        return _round_of(phases.SETTLING, question(journal))
    return _round_of(journal.phase, journal.withdrawing if journal.phase == phases.WITHDRAWING else "")


def _round_of(phase: str, stage: str) -> str:
    return "{} {}".format(phase, stage).strip()
