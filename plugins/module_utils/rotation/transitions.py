# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transitions of a rotation: from a journal and an outcome to the next journal. Pure: nothing is read or written.

Invariant: the value that the target accepts stays in the store. So no function here drops a value from the store; each only
decides which probe or act comes next.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PENDING
from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal as phases
from ansible_collections.nebula.credential.plugins.module_utils.rotation import places
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import BACK, FORWARD, Journal
from ansible_collections.nebula.credential.plugins.module_utils.rotation.questions import question
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import NO_ROLLBACK
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import (
    ACCEPTED,
    ACCEPTS_ANYTHING,
    APPLIED,
    ASK_OUTCOMES,
    REFUSED,
    SEND_OUTCOMES,
    UNAVAILABLE,
)

_SENDING = (phases.APPLYING, phases.REVERTING, phases.WITHDRAWING)

MAX_NOTE = 300
"""The longest note of a target that a reason takes, in characters."""
_NOT_NOW = ", and no value can be tried at the target now"

MAX_ASKS = 2
"""How often the settling of an unknown outcome may be refused by the target: each refused login counts towards a lockout."""
MAX_ATTEMPTS = 3
"""How often a value is sent, and how often an outcome is settled, before a person must check the target."""


def decide(journal: Journal, outcome: str, now: int) -> Journal:
    """Return the journal after the step of its phase had that outcome.

    Raises:
        InvalidInput: that step has no such outcome.
    """
    check_outcome(journal, outcome, SEND_OUTCOMES if journal.phase in _SENDING else ASK_OUTCOMES)
    return _DECISIONS[journal.phase](journal, outcome, now)


def decide_places(journal: Journal, batch: Tuple[str, ...], outcomes: Mapping[str, str], now: int) -> Journal:
    """Return the journal after a step at several places.

    Raises:
        InvalidInput: that step has no such outcome, or other places.
    """
    for outcome in outcomes.values():
        check_outcome(journal, outcome, SEND_OUTCOMES if journal.phase in _SENDING else ASK_OUTCOMES)
    journal, together = places.note(journal, batch, outcomes)
    return journal if together is None else _DECISIONS[journal.phase](journal, together, now)


def check_outcome(journal: Journal, outcome: object, allowed: Tuple[str, ...]) -> None:
    """Check that an outcome is one that the step of the journal's phase can have.

    Raises:
        InvalidInput: the step has no such outcome.
    """
    if outcome not in allowed:
        raise InvalidInput("a step of a rotation in '{}' has no outcome {}".format(journal.phase, ascii(outcome)), option="outcome")


def settle(journal: Journal, reason: str) -> Journal:
    """Return the journal that finds out which value the target accepts. After `MAX_ATTEMPTS` settlings, park for a person."""
    settles = journal.settles + 1
    unasked = replace(journal, asked=0, asked_first=None, pending_answer=None, current_answer=None)
    journal = replace(unasked, phase=phases.SETTLING, settles=settles, reason=reason)
    return park(replace(journal, orphaned=True), reason) if settles > MAX_ATTEMPTS else journal


def turn_back(journal: Journal, reason: str) -> Journal:
    """Return the journal that gives up pending: it sends current again if the target allows it, else settles.

    A current value that was not verified before is never sent back.
    """
    journal = replace(journal, goal=BACK, reason=reason)
    if journal.readable:
        # The service has another value by now, which is read once nothing that was sent can land.
        return replace(journal, phase=phases.SWEEPING, unanswered=True, refused=True)
    if journal.alternating or journal.withdraws:
        return replace(journal, phase=phases.CONFIRMING)
    if journal.rollback == NO_ROLLBACK or journal.no_way_back or journal.unverified or journal.reverts >= MAX_ATTEMPTS:
        return settle(journal, reason)
    return replace(journal, phase=phases.TURNING_BACK)


def park(journal: Journal, reason: str) -> Journal:
    """Return the journal that stops with the outcome open. Both values stay."""
    return replace(journal, phase=phases.PARKED, reason=reason)


def abandon_promotion(journal: Journal, now: int, reason: str) -> Journal:
    """Return the journal that gives up a value that the target accepts and that cannot become the current one.

    Where current cannot be sent back, both values wait for a store that takes the new one.
    """
    journal = replace(journal, again=False)
    if journal.sent is None:
        return replace(roll_back(journal, now), reason=reason)
    back = turn_back(journal, reason)
    return park(journal, reason) if back.phase in (phases.SETTLING, phases.PARKED) else back


def give_up(journal: Journal, now: int, reason: str) -> Journal:
    """Return the journal that ends a rotation whose pending value was not sent, or must not be sent again."""
    if journal.withdraws and journal.sent is not None:
        return turn_back(journal, reason)
    return replace(roll_back(journal, now), reason=reason)


def roll_back(journal: Journal, now: int) -> Journal:
    """Return the journal of a rotation whose target accepts current. Pending stays until no request that carried it can land.

    A target that may accept pending as well drops it first, and current is confirmed after that.
    """
    if journal.withdraws and journal.sent is not None and PENDING not in journal.withdrawn:
        return withdraw(replace(journal, goal=BACK), PENDING, phases.CONFIRMING)
    gap = _measure_gap(journal, now) if journal.gap is not None else None
    return replace(journal, phase=phases.DISCARDING, goal=BACK, verified=now, opened=None, gap=gap, withdrawn=())


def _measure_gap(journal: Journal, now: int) -> Optional[int]:
    """Return for how long readers of current have been refused, once that is known: the target took pending, or refused current."""
    return now - journal.opened if journal.opened is not None else journal.gap


def withdraw(journal: Journal, stage: str, after: str) -> Journal:
    """Return the journal that has the target drop the value of a stage, then continues with the phase `after`."""
    return replace(journal, phase=phases.WITHDRAWING, withdrawing=stage, after=after)


def lapse(journal: Journal) -> Journal:
    """Return the journal after its controller died: a value that it was sending may have been sent."""
    if journal.phase == phases.APPLYING:
        return settle(_note_sent(journal), "the controller stopped while the new value was being sent")
    if journal.phase == phases.MAKING:
        return lose_answer(journal, "the controller stopped while the service made the new value")
    if journal.phase == phases.REVERTING and journal.promoted is not None:
        return _not_retired(_resent(journal))
    if journal.phase == phases.REVERTING:
        return settle(_resent(journal), "the controller stopped while the old value was being sent back")
    return journal


def explain(before: Journal, decided: Journal, note: str) -> Journal:
    """Return the journal with what the target says about the outcome added to a reason that is new."""
    if not note or not decided.reason or decided.reason == before.reason:
        return decided
    return replace(decided, reason="{} ({})".format(decided.reason, note[:MAX_NOTE]))


def lose_answer(journal: Journal, reason: str) -> Journal:
    """Return the journal after a lost response: the service may have made a value, or may make it while the request can land."""
    return replace(_note_sent(journal), phase=phases.SWEEPING, goal=BACK, unanswered=True, reason=reason)


def verify_made(journal: Journal) -> Journal:
    """Return the journal that verifies the value that the service made, which is stored as pending."""
    return replace(_note_sent(journal) if journal.sending is not None else journal, phase=phases.VERIFYING, unanswered=False)


def _note_sent(journal: Journal) -> Journal:
    opened = journal.opened if journal.opened is not None else journal.sending
    return replace(journal, sent=journal.sending, sending=None, opened=opened if journal.interrupts else None)


def _resent(journal: Journal) -> Journal:
    return replace(journal, resent=journal.resending, resending=None)


def _applying(journal: Journal, outcome: str, now: int) -> Journal:
    if outcome == UNAVAILABLE:
        # Nothing left the controller in this attempt; an earlier one may have.
        journal = replace(journal, sending=None)
        if journal.places:
            return _next_places(journal, now)
        reason = "the target could not be reached"
        return settle(journal, reason) if journal.sent is not None else replace(roll_back(journal, now), reason=reason)
    opened, journal = journal.opened, _note_sent(journal)
    if outcome == APPLIED:
        return replace(journal, phase=phases.VERIFYING, gap=_measure_gap(journal, now))
    if outcome == REFUSED:
        # What was refused interrupts no reader; an earlier attempt may have.
        refused = replace(journal, opened=opened, refused=True)
        return replace(refused, phase=phases.CONFIRMING, goal=BACK, reason="the target refused the new value")
    return settle(journal, "it was not known whether the target made the change")


def _next_places(journal: Journal, now: int) -> Journal:
    """Continue with the places that have not been tried. After the last one, promote a value that a place accepts and none refuses."""
    if places.remaining(journal):
        return replace(journal, phase=phases.PREPARED)
    journal = places.restart(journal)
    if not places.is_everywhere_behind(journal):
        return replace(journal, phase=phases.PROMOTING, verified=now)
    reason = "no host of the target could be reached"
    return park(journal, reason) if journal.sent is not None else replace(roll_back(journal, now), reason=reason)


def _verifying(journal: Journal, outcome: str, now: int) -> Journal:
    if journal.places and outcome in (ACCEPTED, UNAVAILABLE):
        return _next_places(journal, now)
    if outcome == ACCEPTED:
        return replace(journal, phase=phases.PROMOTING, verified=now)
    if outcome == UNAVAILABLE:
        return park(journal, "the new value could not be tried at the target")
    if outcome == ACCEPTS_ANYTHING:
        return turn_back(journal, "the target also accepts a random wrong value, so the new one cannot be verified")
    return turn_back(journal, "the target does not accept the new value")


def _reverting(journal: Journal, outcome: str, _now: int) -> Journal:
    if outcome == UNAVAILABLE:
        unsent = replace(journal, resending=None)
        if journal.places:
            return _next_behind(unsent)
        return _not_retired(unsent) if journal.promoted else park(unsent, "the target could not be reached to send the old value back")
    journal = _resent(journal)
    if outcome == APPLIED:
        return replace(journal, phase=phases.CONFIRMING)
    if journal.promoted is not None:
        return _not_retired(journal)
    if outcome == REFUSED:
        return settle(replace(journal, no_way_back=True, goal=FORWARD), "the target refused to take the old value back")
    return settle(journal, "the target did not respond when the old value was sent back")


def _next_behind(journal: Journal) -> Journal:
    """Continue with the places that lack the current value. After the last one, wait for the next run."""
    if places.remaining(journal):
        return replace(journal, phase=phases.TURNING_BACK)
    return replace(places.restart(journal), phase=phases.GRACE, reason=lacking(journal))


def lacking(journal: Journal) -> str:
    """Return why previous cannot be retired yet, in words. Empty if no place is behind."""
    if not journal.behind:
        return ""
    return "these hosts lack the current value, so the previous one is kept: {}".format(", ".join(journal.behind))


def _confirming(journal: Journal, outcome: str, now: int) -> Journal:
    if journal.promoted is not None and journal.places:
        return _next_behind(journal)
    if journal.promoted is not None:
        again = _not_retired(journal)
        return replace(again, verified=now, reason="") if outcome == ACCEPTED else again
    if outcome == ACCEPTED:
        return roll_back(journal, now)
    if outcome == REFUSED:
        return _note_refused(settle(journal, journal.reason), CURRENT, now)
    return park(journal, _open_question(outcome, journal.reason))


def _settling(journal: Journal, outcome: str, now: int) -> Journal:
    if outcome in (UNAVAILABLE, ACCEPTS_ANYTHING):
        return park(journal, _open_question(outcome, journal.reason))
    stage = question(journal)
    if outcome == ACCEPTED:
        return roll_back(journal, now) if stage == CURRENT else _pending_is_taken(journal, now)
    journal = _note_refused(journal, stage, now)
    if journal.pending_answer is None or journal.current_answer is None:
        return journal if journal.asked < MAX_ASKS else park(journal, "the target was tried as often as is allowed")
    if journal.unverified:
        return park(journal, "the target does not accept the new value, and the current one was not verified before")
    # A request that lands between the two probes would make both outcomes refused, so none may have been able to land since the first.
    since = journal.asked_first or now
    if journal.quiet(since) and journal.quiet_back(since):
        return replace(journal, phase=phases.LOST, reason="the target accepts neither the current nor the new value")
    return park(journal, "the target accepts neither value, and a request that was sent may still land")


def _note_refused(journal: Journal, stage: str, now: int) -> Journal:
    """Return the journal after the target refused the value of that stage."""
    first = journal.asked_first if journal.asked_first is not None else now
    asked = replace(journal, asked=journal.asked + 1, asked_first=first)
    return (
        replace(asked, pending_answer=REFUSED)
        if stage == PENDING
        else replace(asked, current_answer=REFUSED, gap=_measure_gap(journal, now))
    )


def _pending_is_taken(journal: Journal, now: int) -> Journal:
    if not journal.is_withdrawal_over(now):
        return park(journal, "the target may still drop the new value")
    forward = replace(journal, phase=phases.PROMOTING, verified=now)
    if journal.goal == FORWARD and journal.behind:
        return replace(journal, phase=phases.PREPARED)
    if journal.goal == FORWARD or journal.alternating:
        return forward
    back = turn_back(journal, journal.reason)
    return back if back.phase == phases.TURNING_BACK else forward


def _discarding(journal: Journal, outcome: str, now: int) -> Journal:
    if not journal.quiet(now):
        return journal
    if journal.alternating:
        if outcome == ACCEPTED and journal.again:
            return replace(journal, phase=phases.PROMOTING, verified=now)
        return replace(journal, phase=phases.CLOSING) if outcome == REFUSED else journal
    if outcome == ACCEPTED:
        return replace(journal, phase=phases.CLOSING, verified=now)
    return settle(journal, "the old value stopped working after the rollback") if outcome == REFUSED else journal


def _check_previous(journal: Journal, outcome: str, _now: int) -> Journal:
    return replace(journal, previous_answer=outcome)


def _retiring(journal: Journal, outcome: str, now: int) -> Journal:
    if outcome == ACCEPTED:
        return replace(journal, verified=now, reason="")
    if journal.behind:
        return replace(journal, phase=phases.TURNING_BACK)
    if outcome == REFUSED and journal.rollback != NO_ROLLBACK and journal.reverts < MAX_ATTEMPTS:
        # The old value, sent back earlier, landed after the promotion: current is sent once more.
        return replace(journal, phase=phases.TURNING_BACK)
    return _not_retired(journal)


def _not_retired(journal: Journal) -> Journal:
    """Return the journal in which previous stays until the next run tries again."""
    return replace(journal, phase=phases.GRACE, reason="the new value could not be verified again, so the old one is kept")


def _withdrawing(journal: Journal, outcome: str, _now: int) -> Journal:
    if not journal.withdrawing:
        return _end_sweep(journal, outcome)
    if outcome == APPLIED or journal.after != phases.CLOSING:
        # The drop is repeated before the end of a rotation: a request in flight may have brought the value back.
        return replace(journal, phase=journal.after, withdrawn=(*journal.withdrawn, journal.withdrawing))
    reason = "the target did not drop the value that is no longer used"
    # Without a verification the phase is not tried twice in one run.
    waiting = phases.GRACE if journal.promoted is not None else phases.DISCARDING
    return replace(journal, phase=waiting, verified=None, withdrawn=(), reason=reason)


def _end_sweep(journal: Journal, outcome: str) -> Journal:
    if outcome != APPLIED:
        return park(journal, "the service did not delete a value whose response was lost: {}".format(", ".join(journal.strays)))
    left = journal.strays[1:]
    return replace(journal, strays=left, phase=phases.WITHDRAWING if left else phases.CLOSING, unanswered=bool(left))


def _open_question(outcome: str, reason: str) -> str:
    if outcome == ACCEPTS_ANYTHING:
        return "the target also accepts a random wrong value, so no value can be verified"
    return "{}{}".format((reason or "the outcome is open").replace(_NOT_NOW, ""), _NOT_NOW)


_DECISIONS: Mapping[str, Callable[[Journal, str, int], Journal]] = {
    phases.APPLYING: _applying,
    phases.VERIFYING: _verifying,
    phases.REVERTING: _reverting,
    phases.CONFIRMING: _confirming,
    phases.SETTLING: _settling,
    phases.DISCARDING: _discarding,
    phases.GRACE: _check_previous,
    phases.RETIRING: _retiring,
    phases.WITHDRAWING: _withdrawing,
}
