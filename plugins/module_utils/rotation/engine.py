# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation engine: journal → lock → pending → apply → verify → promote → grace → retire, one compare-and-swap at a time.

The engine decides and never contacts a target. It returns a `Step`; the driver performs the step and reports the outcome,
until a step is `done`. After a crash, any controller continues from the journal. docs/how-to/rotation.md describes all of it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Union

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.rotation import current_check, going_back, service_made
from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal as phases
from ansible_collections.nebula.credential.plugins.module_utils.rotation import transitions as decisions
from ansible_collections.nebula.credential.plugins.module_utils.rotation.arrival import (
    arrive,
    check_by_hand,
    check_target,
    forgive,
    in_progress,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.closing import look_for_holders
from ansible_collections.nebula.credential.plugins.module_utils.rotation.course import Course
from ansible_collections.nebula.credential.plugins.module_utils.rotation.events import RecordEvent, ignore_event
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import (
    Entry,
    Journal,
    JournalBook,
    as_time,
    overtaking_conflict,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.phases import advance, phase_error, rebase
from ansible_collections.nebula.credential.plugins.module_utils.rotation.places import leave_out, not_waited_for, restart
from ansible_collections.nebula.credential.plugins.module_utils.rotation.request import Request
from ansible_collections.nebula.credential.plugins.module_utils.rotation.summary import plan, summarize
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Held, Made
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import ONE_PLACE, Step

LEASE = timedelta(seconds=600)
"""How long a controller may be silent before another one takes over, plus 120 s for clocks that differ."""

_BUSY = (
    "Wait for it to end; its lease ends at {}. If this task runs on several hosts, write 'run_once: true': a credential is rotated once."
)


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
        record: RecordEvent = ignore_event,
    ) -> None:
        """Set the store, the clock and the id of this controller.

        Args:
            backend: the store, encryption included.
            clock: returns the time now (aware, UTC).
            holder: the id of this controller: the same for every call of one run, another for every other run.
            alive: returns whether another holder may still be running; the lease of a dead one does not count. Default: it may.
            lease: how long this controller may be silent.
            record: records what happens to a rotation. Default: nothing does.

        Raises:
            InvalidConfiguration: the store has neither compare-and-swap nor stages, so two rotations could race.
        """
        if not (backend.capabilities.native_cas and backend.capabilities.stages):
            raise InvalidConfiguration(
                "this backend can neither compare and swap nor lock, so two rotations could race",
                option="store",
                remedy="Keep credentials that are rotated in a store of another backend (for example local).",
            )
        self._backend = backend
        self._book = JournalBook(backend)
        self._course = Course(backend, clock, holder, lease, record)
        self._holder = holder
        self._alive = alive

    def prepare(self, request: Request) -> Step:
        """Begin a rotation, or continue the open one. Return its next step.

        Raises:
            RotationInProgress: another controller holds the lease, or the grace period of the last rotation is not over.
            RotationParked: the outcome of the open rotation is not known, and its attempts are used up.
            RotationLost: the target accepts neither value.
            Unusable: the credential has no value that a rotation could start from.
            InvalidInput: the open rotation began with another target.
        """
        found = self._find_free(request.name)
        if found is None:
            return self._resume(current_check.start(self._course, request), request)
        if current_check.needs_check(found, request):
            return current_check.build_check(self._course, request)
        entry = self._acquire(found)
        check_by_hand(entry, request)
        check_target(entry, request)
        return self._resume(arrive(self._course, entry, request), request)

    def settle(self, name: str, request: Optional[Request] = None, *, anew: bool = True) -> Step:
        """Finish the open rotation (parked, lost, to be discarded, to be retired) and begin none. Return its next step.

        Args:
            name: the credential.
            request: names the target that is probed; it must be the one that the rotation began with.
            anew: a person requested this, so attempts are counted from zero.

        Raises:
            RotationInProgress: another controller holds the lease.
            InvalidInput: the target is another one.
            RotationParked: the attempts are used up, and `anew` is false.
        """
        found = self._find_free(name)
        if found is None:
            return Step(steps.DONE, outcome=steps.IDLE, summary={"phase": None})
        entry = self._acquire(found)
        if request is not None:
            check_target(entry, request)
        if anew:
            entry = self._course.write(entry, forgive(entry.journal, request))
        return self._resume(arrive(self._course, entry, None), None)

    def report(
        self,
        name: str,
        ticket: Optional[str],
        outcome: Optional[str],
        request: Optional[Request] = None,
        *,
        made: Optional[Made] = None,
        held: Optional[Mapping[str, Held]] = None,
        places: Optional[Mapping[str, str]] = None,
        note: str = "",
    ) -> Step:
        """Record the outcome of a step and return the next step.

        A driver that got no response repeats the report with the same ticket: a value that the service made is stored once.

        Args:
            name: the credential.
            ticket: the ticket of the step.
            outcome: the outcome of the step; None if `places` has the outcomes.
            request: the rotation that was requested; None if nothing is to be begun.
            made: what the service made (step make).
            held: what the service holds, by id (step list).
            places: the outcome at each place of the step, if the step names several.
            note: what the target says about the outcome, in words without a value, for the reason in the summary.

        Returns:
            The next step. For a made value that is reported too late and is stored nowhere: a step that retires it.

        Raises:
            RotationInProgress: another controller has continued the rotation; the report changes nothing.
            InvalidInput: the step has no such outcome.
        """
        if request is not None and ticket is not None and current_check.is_check(ticket):
            return self._end_check(ticket, current_check.end_check(self._course, request, ticket, outcome, places, note))
        entry = self._book.find(name)
        ours = entry is not None and entry.journal.holder == self._holder
        if ours and entry is not None and ticket is not None and entry.journal.made_ticket == ticket:
            return self._go_on(entry, request)
        if not ours or entry is None or entry.version != ticket:
            return self._retire_late(name, ticket, made)
        if entry.journal.phase == phases.MAKING:
            decided = service_made.receive(self._course, entry, str(outcome), made, request)
        elif entry.journal.phase in (phases.LISTING, phases.SWEEPING):
            slots = self._course.slots(name)
            decided = service_made.note_held(slots, entry.journal, str(outcome), held, self._course.now())
        else:
            decided = self._decide(entry.journal, outcome, places)
        return self._go_on(self._course.write(entry, decisions.explain(entry.journal, decided, note)), request)

    def _end_check(self, ticket: str, checked: Union[Request, Step]) -> Step:
        if isinstance(checked, Step):
            return checked
        return self.rollback(checked) if current_check.goes_back(ticket) else self.prepare(checked)

    def _decide(self, journal: Journal, outcome: Optional[str], places: Optional[Mapping[str, str]]) -> Journal:
        if journal.places:
            return decisions.decide_places(journal, self._course.batch(journal), places or {}, self._course.now())
        alone = (places or {}).get(ONE_PLACE[0]) if outcome is None else outcome
        return decisions.decide(journal, str(alone), self._course.now())

    def _retire_late(self, name: str, ticket: Optional[str], made: Optional[Made]) -> Step:
        """Return a step that retires a value reported after the lease was lost: no other run knows of it, unless it is stored.

        Raises:
            RotationInProgress: the service made no value, or the value is stored.
        """
        value = made.value if made is not None else None
        if value is None or service_made.is_stored(self._course.slots(name), value):
            raise overtaking_conflict(name)
        return Step(steps.RETIRE, ticket, steps.STRAY, value.fields, identity=value.identity, limit=int(LEASE.total_seconds()) // 2)

    def forget(self, name: str, forgotten: Iterable[str]) -> Dict[str, Any]:
        """Remove hosts that are gone, or values at the service that are not ours, from the open rotation.

        Args:
            name: the credential.
            forgotten: hosts that lack the value (`behind`), or ids of values that the service may have made for the rotation (`strays`).

        Returns:
            The state of the rotation, as `status` returns it.

        Raises:
            InvalidInput: one of them is neither, or no host would be left.
            RotationInProgress: another controller holds the lease.
        """
        found = self._find_free(name)
        entry = self._acquire(found) if found is not None else None
        if entry is None:
            raise not_waited_for(name, tuple(forgotten), ())
        left = leave_out(name, entry.journal, tuple(forgotten))
        return dict(self._course.finish(replace(entry, journal=left), steps.IDLE).summary)

    def test(self, name: str, *, accepted: bool, wrong_refused: bool) -> Step:
        """Record what a person saw: whether the target accepts the new value, and whether it refuses a random wrong one.

        Raises:
            InvalidInput: no rotation is prepared.
        """
        entry = self._by_hand(name)
        passed = accepted and wrong_refused
        reason = "" if passed else "the test was reported as failed"
        tested = replace(entry.journal, tested=passed, verified=self._course.now() if passed else None, reason=reason)
        return self._go_on(self._course.write(entry, tested), None)

    def commit(self, name: str, grace: Optional[timedelta] = None) -> Step:
        """Promote a prepared value whose test was reported as passed.

        Args:
            name: the credential.
            grace: how long previous is kept. Default: what phase `prepare` got.

        Raises:
            InvalidInput: the value was not prepared, or not tested.
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
        kept = entry.journal.grace if grace is None else int(grace.total_seconds())
        return self._go_on(self._course.write(entry, replace(entry.journal, phase=phases.PROMOTING, grace=kept)), None)

    def rollback(self, request: Request, *, sent: bool = True) -> Step:
        """Give up a value that is not the current one yet; in the grace period, begin to rotate back to the previous one.

        Going back begins with a check of the current value, unless that sends nothing.

        Args:
            request: the credential, and the target or the manual traits.
            sent: whether the prepared value may have reached a target. If not, it is deleted at once.

        Raises:
            InvalidInput: there is nothing to roll back, or the target refuses the previous value.
            RotationInProgress: another controller holds the lease, or the value became current and the journal does not say so yet.
        """
        found = self._find_free(request.name)
        if found is not None and going_back.needs_check(self._course, found, request):
            return current_check.build_check(self._course, request, back=True)
        entry = self._acquire(found) if found is not None else None
        if entry is not None and entry.journal.phase == phases.GRACE:
            return self._go_on(going_back.begin(self._course, entry, request), request)
        if entry is None or entry.journal.phase not in (phases.PREPARING, phases.PREPARED, phases.PROMOTING):
            raise InvalidInput(
                "there is no prepared rotation to roll back", name=request.name, option="phase", remedy="See phase 'status'."
            )
        return self._go_on(going_back.give_up(self._course, entry, sent=sent), None)

    def status(self, name: str, request: Optional[Request] = None, *, looks: bool = False) -> Dict[str, Any]:
        """Return the state of the credential's rotation, without a secret. Change nothing. If `looks`, look for hosts that hold previous.

        Raises:
            InvalidInput: `request` is given, and the open rotation began with another target.
        """
        entry = self._book.find(name)
        if entry is not None and request is not None:
            check_target(entry, request)
        if entry is not None and looks and entry.journal.phase == phases.GRACE:
            entry = look_for_holders(self._course, entry)
        return summarize(entry.journal, self._course.now()) if entry is not None else {"phase": None}

    def plan(self, request: Request) -> Dict[str, Any]:
        """Return what `prepare` would do. Change nothing.

        Raises:
            RotationInProgress: `prepare` would be refused.
        """
        entry = self._find_free(request.name)
        return plan(request.kind, request.traits, entry.journal if entry is not None else None)

    def _find_free(self, name: str) -> Optional[Entry]:
        """Return the entry of the open journal, or None if no rotation is open.

        Raises:
            RotationInProgress: another controller holds the lease.
        """
        entry = self._book.find(name)
        if entry is not None:
            self._check_free(entry)
        return entry

    def _acquire(self, entry: Entry) -> Entry:
        """Take the lease of an open journal and return its entry.

        Raises:
            RotationInProgress: another controller wrote in between.
        """
        return rebase(self._course, self._course.write(entry, restart(decisions.lapse(entry.journal))))

    def _check_free(self, entry: Entry) -> None:
        journal = entry.journal
        if not journal.free_for(self._holder, self._course.now()) and self._alive(str(journal.holder)):
            until = as_time(journal.until or 0).isoformat(timespec="seconds")
            raise in_progress(entry.name, "a rotation is in progress", _BUSY.format(until))

    def _go_on(self, entry: Entry, request: Optional[Request]) -> Step:
        return advance(self._course, entry, request)

    def _resume(self, found: Union[Entry, Step], request: Optional[Request]) -> Step:
        return found if isinstance(found, Step) else self._go_on(found, request)

    def _by_hand(self, name: str) -> Entry:
        found = self._find_free(name)
        if found is None or not found.journal.manual:
            raise InvalidInput("no rotation is prepared", name=name, option="phase", remedy="Run phase 'prepare' first.")
        entry = self._acquire(found)
        if entry.journal.phase != phases.PREPARED:
            raise phase_error(entry)
        return entry
