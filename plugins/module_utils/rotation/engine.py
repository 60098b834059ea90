# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation engine: journal → lock → pending → apply → verify → promote → grace → retire, one compare-and-swap at a time.

It decides; it reaches no target. It hands out a `Step`, the driver does it and reports what it saw, until a step is `done`.
Whoever comes after a crash goes on from the journal. docs/rotation.md tells the whole story.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Callable, Dict, Optional, Union

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InvalidConfiguration,
    InvalidInput,
    RotationInProgress,
    RotationLost,
    RotationParked,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.lifecycle import REVOKED
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PENDING, PREVIOUS, Record
from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal as phases
from ansible_collections.nebula.credential.plugins.module_utils.rotation import transitions as decisions
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import Entry, JournalBook, as_time, overtaken
from ansible_collections.nebula.credential.plugins.module_utils.rotation.phases import Course, failed_to_commit, verified_since
from ansible_collections.nebula.credential.plugins.module_utils.rotation.request import Request
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import Candidate, Slots
from ansible_collections.nebula.credential.plugins.module_utils.rotation.summary import plan, summarize
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step

LEASE = timedelta(seconds=600)
"""How long a controller may be silent before another one takes over, beside 120 s for clocks that differ."""

_BY_HAND = (phases.PREPARING, phases.PREPARED, phases.PROMOTING, phases.GRACE, phases.CLOSING, phases.DISCARDING)


class RotationEngine:
    """Rotates credentials of one store on behalf of one controller."""

    def __init__(
        self,
        backend: Backend,
        clock: Callable[[], datetime],
        holder: str,
        *,
        alive: Callable[[str], bool] = bool,
        lease: timedelta = LEASE,
    ) -> None:
        """Take the store, a clock (aware, UTC) and who this controller is.

        Args:
            backend: the store, encryption included.
            clock: the time now.
            holder: the same for every call of one run, another for every other run.
            alive: tells whether another holder may still be at work; a dead one's lease does not count. Default: it may.
            lease: how long this controller may be silent.

        Raises:
            InvalidConfiguration: the store has neither compare-and-swap nor stages, so two rotations could race.
        """
        if not (backend.capabilities.native_cas and backend.capabilities.stages):
            raise InvalidConfiguration(
                "this backend can neither compare and swap nor lock, so two rotations could race",
                option="store",
                remedy="Keep credentials that are rotated in a store of another backend (local, for one).",
            )
        self._backend = backend
        self._book = JournalBook(backend)
        self._course = Course(backend, clock, holder, lease)
        self._holder = holder
        self._alive = alive

    def prepare(self, request: Request) -> Step:
        """Begin a rotation, or go on with the one that is open: the first step.

        Raises:
            RotationInProgress: another controller is at it, or the grace period of the last one is not over.
            RotationParked: its outcome is open and the attempts are used up.
            RotationLost: the target takes neither value.
            Unusable: the credential has no value that a rotation could start from.
            InvalidInput: the open rotation began with another target.
        """
        entry = self._taken(request.name)
        if entry is None:
            return self._course.go_on(self._course.begin(request), request)
        if not request.driven and entry.journal.phase not in _BY_HAND:
            raise _in_progress(entry.name, "a rotation against a target is open", "Finish it with phase 'auto' and that target.")
        _check_target(entry, request)
        return self._resumed(self._arrived(entry, request), request)

    def settle(self, name: str, request: Optional[Request] = None, *, anew: bool = True) -> Step:
        """Finish what is open (parked, lost, to be discarded, to be retired) and begin nothing.

        Args:
            name: the credential.
            request: names the target that will be asked; it has to be the one that the rotation began with.
            anew: a person asked, so attempts count from the beginning.

        Raises:
            RotationInProgress: another controller is at it.
            InvalidInput: the target is another one.
            RotationParked: the attempts are used up, and nobody asked anew.
        """
        entry = self._taken(name)
        if entry is None:
            return Step(steps.DONE, outcome=steps.IDLE, summary={"phase": None})
        if request is not None:
            _check_target(entry, request)
        if anew:
            entry = self._course.write(entry, replace(entry.journal, orphaned=False, settles=0))
        return self._resumed(self._arrived(entry, None), None)

    def report(self, name: str, ticket: Optional[str], outcome: str, request: Optional[Request] = None) -> Step:
        """Say how a step went: the next one.

        Raises:
            RotationInProgress: another controller went on meanwhile; the report changes nothing.
            InvalidInput: the step has no such outcome.
        """
        entry = self._book.find(name)
        if entry is None or entry.version != ticket or entry.journal.holder != self._holder:
            raise overtaken(name)
        decided = decisions.decide(entry.journal, outcome, self._course.now())
        return self._course.go_on(self._course.write(entry, decided), request)

    def test(self, name: str, *, accepted: bool, wrong_refused: bool) -> Step:
        """Take down what a person saw: whether the new value opens the target, and whether a random wrong one does not.

        Raises:
            InvalidInput: no rotation is prepared.
        """
        entry = self._by_hand(name)
        passed = accepted and wrong_refused
        reason = "" if passed else "the test was reported as failed"
        tested = replace(entry.journal, tested=passed, verified=self._course.now() if passed else None, reason=reason)
        return self._course.go_on(self._course.write(entry, tested), None)

    def commit(self, name: str) -> Step:
        """Promote a prepared value whose test was reported as passed.

        Raises:
            InvalidInput: it was not prepared, or not tested.
            RotationFailed: another value was stored meanwhile.
        """
        entry = self._by_hand(name)
        if not entry.journal.tested:
            raise InvalidInput(
                "the prepared value has not passed a test",
                name=name,
                option="phase",
                remedy="Run phase 'test' with 'accepted: true' and 'wrong_refused: true' once both hold, or phase 'rollback'.",
            )
        return self._course.go_on(self._course.write(entry, replace(entry.journal, phase=phases.PROMOTING)), None)

    def rollback(self, request: Request, *, sent: bool = True) -> Step:
        """Give up a prepared value; in the grace period, begin to rotate back to the previous one.

        Args:
            request: the credential, and the target or the manual traits.
            sent: whether the prepared value may have reached a target. Where not, it is deleted at once.

        Raises:
            InvalidInput: there is nothing to roll back.
        """
        entry = self._taken(request.name)
        if entry is not None and entry.journal.phase == phases.GRACE:
            return self._course.go_on(self._reverted(entry, request), request)
        if entry is None or entry.journal.phase not in (phases.PREPARING, phases.PREPARED):
            raise InvalidInput(
                "there is no prepared rotation to roll back", name=request.name, option="phase", remedy="See phase 'status'."
            )
        journal, now = entry.journal, self._course.now()
        if journal.manual:
            # A person may have sent it until this moment, so it counts as sent now.
            journal = replace(journal, sent=now if sent else None)
        given_up = replace(decisions.rolled_back(journal, now), verified=None, reason="rolled back on request")
        return self._course.go_on(self._course.write(entry, given_up), None)

    def status(self, name: str) -> Dict[str, Any]:
        """Where the credential's rotation stands, without a secret; changes nothing."""
        entry = self._book.find(name)
        return summarize(entry.journal, self._course.now()) if entry is not None else {"phase": None}

    def plan(self, request: Request) -> Dict[str, Any]:
        """What `prepare` would do; changes nothing.

        Raises:
            RotationInProgress: it would be refused.
        """
        entry = self._book.find(request.name)
        if entry is not None:
            self._check_free(entry)
        return plan(request.kind, request.traits, entry.journal if entry is not None else None)

    def _taken(self, name: str) -> Optional[Entry]:
        """The open journal, in our hands."""
        entry = self._book.find(name)
        if entry is None:
            return None
        self._check_free(entry)
        return self._course.rebase(self._course.write(entry, decisions.lapse(entry.journal)))

    def _check_free(self, entry: Entry) -> None:
        journal = entry.journal
        if not journal.free_for(self._holder, self._course.now()) and self._alive(str(journal.holder)):
            until = as_time(journal.until or 0).isoformat(timespec="seconds")
            raise _in_progress(entry.name, "a rotation is in progress", "Wait for it to end; its lease ends at {}.".format(until))

    def _resumed(self, found: Union[Entry, Step], request: Optional[Request]) -> Step:
        return found if isinstance(found, Step) else self._course.go_on(found, request)

    def _arrived(self, entry: Entry, request: Optional[Request]) -> Union[Entry, Step]:
        """What a new run does with what an earlier one left."""
        journal = entry.journal
        if journal.phase == phases.PARKED:
            return self._unparked(entry)
        if journal.phase == phases.LOST:
            if request is not None:
                raise _lost(entry.name)
            return self._course.write(entry, decisions.settle(journal, journal.reason))
        if journal.phase == phases.DISCARDING:
            return self._discarded(entry, request)
        if journal.phase == phases.GRACE:
            return self._retired(entry, request)
        if journal.phase in (phases.PREPARING, phases.PREPARED) and request is not None:
            return self._course.write(entry, self._course.adopt(journal, request))
        return entry

    def _unparked(self, entry: Entry) -> Entry:
        if entry.journal.orphaned:
            raise RotationParked(
                "the outcome of the last rotation is still open after several attempts",
                name=entry.name,
                remedy="Both values are kept (stages current and pending). Check the target, then run phase 'settle'.",
            )
        return self._course.write(entry, decisions.settle(entry.journal, entry.journal.reason))

    def _discarded(self, entry: Entry, request: Optional[Request]) -> Union[Entry, Step]:
        """A value was sent and rolled back: use it again, or see that it can go."""
        journal, now = entry.journal, self._course.now()
        by_hand = journal.manual or (request is not None and not request.driven)
        if journal.quiet(now) and not by_hand:
            return self._course.asking(self._course.write(entry, replace(journal, again=request is not None)), request)
        if request is None:
            return entry
        if journal.refused or journal.attempts >= decisions.MAX_ATTEMPTS:
            when = as_time(journal.quiet_at() or now).isoformat(timespec="seconds")
            raise _in_progress(entry.name, "a value that the target refused may still land", "Run it again after {}.".format(when))
        again = replace(self._course.adopt(journal, request), phase=phases.PREPARING, goal=phases.FORWARD, tested=False, reason="")
        return self._course.write(entry, again)

    def _retired(self, entry: Entry, request: Optional[Request]) -> Union[Entry, Step]:
        """The grace period: wait, or verify once more and retire."""
        journal = replace(entry.journal, again=request is not None)
        if not self._course.may_retire(journal):
            if request is None:
                return entry
            when = as_time(max(journal.retire_after or 0, journal.quiet_at() or 0)).isoformat(timespec="seconds")
            raise _in_progress(
                entry.name,
                "the grace period of the last rotation is not over",
                "Run it again after {}; phase 'rollback' goes back to the previous value.".format(when),
            )
        closes = verified_since(journal) or journal.manual or self._is_revoked(entry.name)
        if not closes and request is not None and not request.driven:
            raise _in_progress(entry.name, "the last rotation is to be verified once more", "Run phase 'settle' with its target.")
        return self._course.write(entry, replace(journal, phase=phases.CLOSING if closes else phases.RETIRING))

    def _is_revoked(self, name: str) -> bool:
        return Slots(self._backend, name).get(CURRENT).known.lifecycle == REVOKED

    def _reverted(self, entry: Entry, request: Request) -> Entry:
        """A rotation whose new value is the previous one."""
        slots = Slots(self._backend, entry.name)
        previous, current = slots.get(PREVIOUS), slots.get(CURRENT)
        slots.drop(PENDING)
        self._store_pending(slots, previous, current)
        return self._course.write(entry, self._course.opening(request, current))

    def _store_pending(self, slots: Slots, previous: Record, current: Record) -> None:
        slots.ensure_pending(lambda _: Candidate(previous.fields, previous.known.expires_at), current, current.known.updated_at)

    def _by_hand(self, name: str) -> Entry:
        entry = self._taken(name)
        if entry is None or not entry.journal.manual:
            raise InvalidInput("no rotation is prepared", name=name, option="phase", remedy="Run phase 'prepare' first.")
        if entry.journal.phase != phases.PREPARED:
            raise failed_to_commit(name)
        return entry


def _in_progress(name: str, what: str, remedy: str) -> RotationInProgress:
    return RotationInProgress(what, name=name, remedy=remedy)


def _check_target(entry: Entry, request: Request) -> None:
    """A value that was sent to one server is not asked about at another: that would end in `lost`."""
    journal = entry.journal
    named = dict(request.target, kind=request.kind)
    sent = any(time is not None for time in (journal.sending, journal.sent, journal.resending, journal.resent))
    if sent and not journal.manual and request.driven and named != dict(journal.target):
        began = ", ".join("{} {}".format(key, value) for key, value in sorted(journal.target.items()))
        raise InvalidInput(
            "the open rotation began with another target",
            name=entry.name,
            option="target",
            remedy="Name that one, word for word, to finish it: {}.".format(began),
        )


def _lost(name: str) -> RotationLost:
    return RotationLost(
        "the target takes neither the current nor the pending value",
        name=name,
        remedy="Both values are kept. Set one of them at the target and run phase 'settle', or store what the target takes.",
    )
