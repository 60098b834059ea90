# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every phase of a rotation uses: the clock, the store, the journal's next write, and the steps for a driver."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Callable, Dict, Mapping, Tuple, Union

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, Revoked, RotationInProgress, Unusable
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.copies import refuse_copy
from ansible_collections.nebula.credential.plugins.module_utils.model.dates import value_since
from ansible_collections.nebula.credential.plugins.module_utils.model.importing import incomplete_import, is_importing
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.refresh_status import input_version
from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal as phases
from ansible_collections.nebula.credential.plugins.module_utils.rotation import places
from ansible_collections.nebula.credential.plugins.module_utils.rotation.events import BEGUN, RETIRED, RecordEvent, find_event, ignore_event
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import Entry, Journal, JournalBook, stamp
from ansible_collections.nebula.credential.plugins.module_utils.rotation.questions import question
from ansible_collections.nebula.credential.plugins.module_utils.rotation.request import Request
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import Slots, identity_of, refresh_in_progress_error
from ansible_collections.nebula.credential.plugins.module_utils.rotation.summary import summarize
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import DUAL, MULTI, SERVICE, TargetTraits
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import ONE_PLACE, Step

_STARTS_FROM = (lifecycle.ACTIVE, lifecycle.EXPIRED, lifecycle.ROTATION_SCHEDULED, lifecycle.ROTATING)

Following = Union[Entry, Step]
"""The result of a phase: the entry after one compare-and-swap, or a step for the driver."""


class Course:
    """The rotations of one store on behalf of one controller."""

    def __init__(
        self, backend: Backend, clock: Callable[[], datetime], holder: str, lease: timedelta, record: RecordEvent = ignore_event
    ) -> None:
        """Set the store, a clock (aware, UTC), the id of this controller, how long it may be silent, and what records events."""
        self._record = record
        self._backend = backend
        self._book = JournalBook(backend)
        self._holder = holder
        self._lease = lease
        self.clock = clock

    def now(self) -> int:
        """Return the time in microseconds since the epoch, as the journal writes it."""
        return stamp(self.clock())

    def slots(self, name: str) -> Slots:
        """Return the stages of a credential."""
        return Slots(self._backend, name)

    def write(self, entry: Entry, journal: Journal) -> Entry:
        """Write the journal and renew the lease in the same compare-and-swap. Return the new entry.

        Raises:
            RotationInProgress: another controller wrote in between.
        """
        now = self.clock()
        written = self._book.write(entry, replace(journal, holder=self._holder, until=stamp(now + self._lease)), now)
        event = BEGUN if entry.version is None else find_event(entry.journal, journal)
        if event is not None:
            self.record(event, entry.name, journal.target)
        return written

    def record(self, event: str, name: str, target: Mapping[str, Any]) -> None:
        """Record an event of a rotation."""
        self._record(event, name, target)

    def begin(self, request: Request) -> Entry:
        """Write the journal of a new rotation. Return its entry. Raises as `check_startable`."""
        current = self.check_startable(request)
        journal = self.opening(request, current)
        return self.write(Entry(request.name, journal, None, current.full_metadata.scope), journal)

    def check_startable(self, request: Request) -> Record:
        """Check that a rotation can begin, and return the current value.

        Raises:
            ReadOnly: it is a copy.
            Revoked: the credential is revoked.
            Unusable: the credential is in another state from which no rotation starts.
            RotationInProgress: the target refuses a change so soon after the last one.
            InvalidInput: the target's traits contradict each other.
            CredentialError: the store would not take the new value.
        """
        current = self.slots(request.name).get(CURRENT)
        refuse_copy(current)
        if is_importing(current.full_metadata):
            raise incomplete_import(request.name)
        if current.full_metadata.lifecycle == lifecycle.REVOKED:
            raise Revoked("a revoked credential cannot be rotated", name=request.name, remedy="Create another one.")
        if current.full_metadata.lifecycle == lifecycle.REFRESHING:
            raise refresh_in_progress_error(request.name)
        if current.full_metadata.lifecycle not in _STARTS_FROM:
            raise Unusable(
                "a credential that is {} cannot be rotated".format(current.full_metadata.lifecycle),
                name=request.name,
                remedy="Store a working value first.",
            )
        _check_traits(request)
        _check_interval(request, current, self.clock())
        self.slots(request.name).check_writable()
        return current

    def opening(self, request: Request, current: Record) -> Journal:
        """Return the first journal of a rotation of `current`."""
        traits = request.traits
        journal = Journal(
            secrets.token_hex(8),
            input_version(current),
            traits.overlap,
            traits.rollback,
            0,
            started=self.now(),
            # By hand, only the person who runs the phases can say that the service accepts current.
            unverified=request.manual,
        )
        return self.adopt(journal, request)

    def adopt(self, journal: Journal, request: Request) -> Journal:
        """Return the journal with the traits, the places and the grace period of the run that continues it."""
        traits = request.traits
        life = _life(traits)
        adopted = replace(
            journal,
            overlap=traits.overlap,
            rollback=traits.rollback,
            life=max(journal.life, life) if journal.sent is not None else life,
            apply_limit=traits.apply_limit,
            ask_limit=traits.ask_limit,
            maker=traits.maker,
            # The number of slots matters only if the service makes the values; other journals keep the default.
            slots=traits.slots if traits.maker == SERVICE else 1,
            marks=traits.marks,
            sole_owner=traits.sole_owner,
            readable=traits.readable,
            grants=bool(traits.grants_last),
            propagation=traits.propagation,
            grace=int(request.grace.total_seconds()),
            max_grace=int(request.max_grace.total_seconds()),
            target=dict(request.target, kind=request.kind),
            manual=request.manual,
            unverified=_is_unverified(journal, request),
            validates=request.validates,
            # A person who runs the phases may send pending at any time from now on.
            sent=self.now() if request.manual else journal.sent,
        )
        return places.start(adopted, request.places, sent=journal.sent is not None)

    def finish(self, entry: Entry, outcome: str) -> Step:
        """Release the lease and return the last step."""
        released = replace(entry.journal, holder=None, until=None)
        entry = self._book.write(entry, released, self.clock())
        return Step(steps.DONE, entry.version, outcome=outcome, summary=self.summary(entry))

    def close(self, entry: Entry) -> None:
        """Remove the journal."""
        self._book.close(entry)
        if entry.journal.promoted is not None:
            self.record(RETIRED, entry.name, entry.journal.target)

    def summary(self, entry: Entry) -> Dict[str, Any]:
        """Return the rotation as people read it."""
        return summarize(entry.journal, self.now())

    def batch(self, journal: Journal) -> Tuple[str, ...]:
        """Return the places of the next step: as many as fit half of the lease."""
        each = journal.apply_limit if journal.phase in (*places.SENDS, phases.WITHDRAWING) else journal.ask_limit
        return places.next_batch(journal, max(1, self._half_lease() // max(each, 1)))

    def send(self, entry: Entry, kind: str, stage: str) -> Step:
        """Return the step that sends, makes or drops a value."""
        return self._step(entry, kind, stage, entry.journal.apply_limit)

    def ask(self, entry: Entry) -> Step:
        """Return the step that probes the target in this phase."""
        # After a change, the target may need a moment. Settling probes once, because refused logins lead to lockouts.
        polls = entry.journal.phase in (phases.VERIFYING, phases.CONFIRMING)
        step = self._step(entry, steps.ASK, question(entry.journal), entry.journal.ask_limit if polls else 0)
        return replace(step, wait=entry.journal.propagation if polls else 0)

    def sweep(self, entry: Entry) -> Step:
        """Return the step that lists what the service holds."""
        return Step(steps.LIST, entry.version, limit=self._limit(entry.journal.apply_limit), summary=self.summary(entry))

    def drop_stray(self, entry: Entry, stray: str) -> Step:
        """Return the step that drops a value of which only the id is known."""
        limit = self._limit(entry.journal.apply_limit)
        named = {steps.ID: stray}
        return Step(steps.RETIRE, entry.version, steps.STRAY, identity=named, limit=limit, summary=self.summary(entry))

    def _step(self, entry: Entry, kind: str, stage: str, each: int) -> Step:
        record = self.slots(entry.name).get(stage)
        batch = self.batch(entry.journal) if kind != steps.MAKE else ONE_PLACE
        return Step(
            kind,
            entry.version,
            stage,
            record.fields,
            identity=identity_of(record),
            places=batch,
            mark=entry.journal.rotation if kind == steps.MAKE else "",
            limit=self._limit(each * len(batch)),
            summary=self.summary(entry),
        )

    def _limit(self, seconds: int) -> int:
        # At most half of the lease, which was renewed a moment ago.
        return min(seconds, self._half_lease())

    def _half_lease(self) -> int:
        return int(self._lease.total_seconds()) // 2


def _is_unverified(journal: Journal, request: Request) -> bool:
    if request.current_verified is None:
        return journal.unverified or request.traits.readable
    return not request.current_verified


def _life(traits: TargetTraits) -> int:
    """Return the seconds until a request can no longer land and the target no longer responds as it did before it."""
    seen_late = traits.propagation if traits.maker == SERVICE else 0
    return traits.max_request_life + seen_late + traits.old_accepted_for


def _check_traits(request: Request) -> None:
    """Check that several places, or a value that the service makes, come with a target that accepts two values at once.

    Raises:
        InvalidInput: the target accepts one value at a time.
    """
    makes_alone = request.traits.maker == SERVICE and not request.traits.readable
    if request.traits.overlap in (DUAL, MULTI) or (not makes_alone and request.places == ONE_PLACE):
        return
    raise InvalidInput(
        "several places, or a value that the service makes, need a target that accepts the old and the new value at once",
        name=request.name,
        option="target",
        remedy="Use a target whose overlap is dual or multi, or a credential for each place.",
    )


def _check_interval(request: Request, current: Record, now: datetime) -> None:
    earliest = value_since(current.full_metadata) + timedelta(seconds=request.traits.min_interval)
    if request.traits.min_interval and now < earliest:
        raise RotationInProgress(
            "the target refuses another change so soon after the last one",
            name=request.name,
            remedy="Nothing was sent. Run it again after {}.".format(earliest.isoformat(timespec="seconds")),
        )
