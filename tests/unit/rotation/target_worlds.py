# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The worlds in which the targets of `services` are rotated: a real store behind its manager, and what has to hold in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound, RotationInProgress
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, JOURNAL, PENDING, PREVIOUS, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.engine import RotationEngine
from ansible_collections.nebula.credential.plugins.module_utils.rotation.events import RecordEvent, ignore_event
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import JournalBook
from ansible_collections.nebula.credential.plugins.module_utils.rotation.request import Request
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import Candidate, identity_of
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import ID, Step
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.rotation.services import (
    LIFE,
    WORKS,
    FakeTarget,
    Fate,
    Hosts,
    HostsTarget,
    Keys,
    KeysTarget,
    PasswordsTarget,
    id_of,
    smooth,
    value_of,
)
from tests.unit.rotation.world import Clock, Crashing, OneCall

NAME = "key"
LONG_AFTER = LIFE + 1000
PLAIN = {"backend": "memory", "encrypt": False, "allow_plaintext": True}
STAGES = (CURRENT, PENDING, PREVIOUS)


class World:
    """One credential in a real store behind its manager, one service, and runs that rotate it."""

    service: Any
    target_class: type[FakeTarget]
    first: Mapping[str, Any]
    validates = False
    """Whether previous is tried in the grace period."""

    def __init__(self, config: Mapping[str, Any] | None = None, grace: int = 0, **traits: Any) -> None:
        self.clock, self.grace, self.traits, self.made = Clock(), timedelta(seconds=grace), traits, 0
        inner = open_store(dict(config or PLAIN, audit="off"), name="test").backend
        self.store = Crashing(inner, self.check)
        self.manager = CredentialManager(self.store, store="test", clock=self.clock)
        self.dead: set[str] = set()
        self.record: RecordEvent = ignore_event
        self.begin()
        CredentialManager(inner, store="test", clock=self.clock).create(DesiredCredential(NAME, type="basic", **self.first))

    def begin(self) -> None:
        """Set up the service with its first value."""
        raise NotImplementedError

    def check(self) -> None:
        """What holds after every write and before every step."""
        raise NotImplementedError

    def engine(self, holder: str = "a") -> Any:
        def build(backend: Backend) -> RotationEngine:
            return RotationEngine(backend, self.clock, holder, alive=lambda other: other not in self.dead, record=self.record)

        return OneCall(self.manager.backend, NAME, build)

    def target(self) -> FakeTarget:
        current = self.read(CURRENT)
        target = self.target_class(self.traits, Value(current.fields, identity_of(current)))
        target.service = self.service
        return target

    def make(self, base: Record) -> Candidate:
        self.made += 1
        return Candidate(dict(base.fields, password=Secret("value-{}".format(self.made))))

    def request(self, **changes: Any) -> Request:
        target = self.target()
        given = Request(NAME, target.kind, target.traits, self.make, grace=self.grace, places=target.places(), validates=self.validates)
        return replace(given, **changes)

    def read(self, stage: str) -> Record:
        with self.manager.acting():
            return self.store.inner.get(NAME, stage=stage)

    def find(self, stage: str) -> Record | None:
        try:
            return self.read(stage)
        except NotFound:
            return None

    def stored(self) -> dict[str, Record]:
        """The stored versions by stage."""
        found = {stage: self.find(stage) for stage in STAGES}
        return {stage: record for stage, record in found.items() if record is not None}

    def journal(self) -> Any:
        """The journal, or None."""
        with self.manager.acting():
            entry = JournalBook(self.store.inner).find(NAME)
        return entry.journal if entry is not None else None

    def drive(self, engine: RotationEngine, step: Step, request: Request | None, fate: Fate = smooth) -> Step:
        """Do the steps as a driver does until one is done."""
        taken: list[str] = []
        while step.kind != steps.DONE:
            taken.append(step.kind)
            assert len(taken) < 60, "a rotation must end: {}".format(taken)
            self.check()
            report = self.act(step, fate)
            self.check()
            step = engine.report(NAME, step.ticket, report.pop("outcome"), request, **report)
        return step

    def act(self, step: Step, fate: Fate) -> dict[str, Any]:
        """Do one step at the service: what is reported."""
        target, value = self.target(), Value(step.fields, step.identity)
        if step.kind in {steps.MAKE, steps.LIST}:
            target.fate = fate(step, "")
            if step.kind == steps.LIST:
                held = target.list_held(None)  # type: ignore[arg-type]
                return {"outcome": steps.UNAVAILABLE if held is None else steps.LISTED, "held": held}
            made = target.make(None, value, step.mark)  # type: ignore[arg-type]
            return {"outcome": made.outcome, "made": made}
        acts = {steps.APPLY: target.apply, steps.ASK: target.probe, steps.RETIRE: target.retire, steps.CHECK: target.probe}
        outcomes = {}
        for place in step.places:
            target.fate = fate(step, place) if step.kind != steps.CHECK else WORKS
            outcomes[place] = acts[step.kind](None, value, place)  # type: ignore[arg-type]
        return {"outcome": None, "places": outcomes}

    def begin_rotation(self, engine: RotationEngine, request: Request) -> Step:
        """The step after the check of the current value."""
        step = engine.prepare(request)
        if step.kind != steps.CHECK:
            return step
        report = self.act(step, smooth)
        return engine.report(NAME, step.ticket, report.pop("outcome"), request, **report)

    def rotate(self, fate: Fate = smooth, holder: str = "a") -> Step:
        """A whole run."""
        engine, request = self.engine(holder), self.request()
        return self.drive(engine, engine.prepare(request), request, fate)

    def settle(self, fate: Fate = smooth, holder: str = "a") -> Step:
        """A whole run that only finishes what is open."""
        engine = self.engine(holder)
        return self.drive(engine, engine.settle(NAME, self.request()), None, fate)

    def revert(self, fate: Fate = smooth, holder: str = "a") -> Step:
        """A whole run that goes back to the previous value."""
        engine, request = self.engine(holder), self.request()
        return self.drive(engine, engine.rollback(request), request, fate)

    def heal(self) -> None:
        """Runs with a working target bring every rotation to its end; then a new one works, and ends with one value."""
        self.finish("healer")
        self.at_rest()
        try:
            assert self.rotate(holder="last").outcome == steps.PROMOTED
        except RotationInProgress as error:
            raise AssertionError("nothing is open any more") from error
        self.finish("cleaner")
        self.at_rest()

    def finish(self, holder: str) -> None:
        """Settle until no journal is left."""
        for number in range(8):
            self.clock.forward(LONG_AFTER)
            self.check()
            if self.find(JOURNAL) is None:
                return
            self.settle(holder="{}-{}".format(holder, number))
        raise AssertionError("the rotation never ended: {}".format(self.journal()))

    def at_rest(self) -> None:
        """Nothing is open: one value, stored and taken."""
        assert set(self.stored()) == {CURRENT}
        assert self.read(CURRENT).full_metadata.lifecycle == "active"
        self.check()


class KeysWorld(World):
    """A service that makes keys, with or without marks, with or without keys of somebody else."""

    target_class = KeysTarget
    service: Keys

    def __init__(self, config: Mapping[str, Any] | None = None, grace: int = 0, **traits: Any) -> None:
        self.foreign: set[str] = set()
        super().__init__(config, grace, **dict({"sole_owner": True}, **traits))

    def begin(self) -> None:
        self.service = Keys(self.clock, self.traits.get("slots", 2))
        self.first = {"fields": self.service.fields(self.service.make() or "")}

    def make_foreign(self) -> str:
        """Somebody else makes a key."""
        self.service.land()
        name = self.service.make() or ""
        self.foreign.add(name)
        return name

    def check(self) -> None:
        """Current opens, a slot is never overrun, nobody else's key is deleted, and no key of ours is forgotten."""
        self.service.land()
        if self.find(CURRENT) is None:
            return
        assert self.service.opens(self.read(CURRENT).fields)
        assert len(self.service.keys) <= self.service.slots
        assert not self.foreign & set(self.service.deleted)
        journal = self.journal()
        if set(self.service.keys) - self.foreign - {id_of(record.fields) for record in self.stored().values()}:
            assert journal is not None
            assert journal.sending is not None or journal.unanswered

    def at_rest(self) -> None:
        super().at_rest()
        assert set(self.service.keys) - self.foreign == {id_of(self.read(CURRENT).fields)}
        assert self.read(CURRENT).full_metadata.attributes.get("identity", {}).get(ID) in {None, id_of(self.read(CURRENT).fields)}


class HostsWorld(World):
    """Hosts that take several values each; one without a name is a user with several passwords."""

    target_class = HostsTarget
    names: tuple[str, ...] = ("h1", "h2", "h3")
    service: Hosts

    def begin(self) -> None:
        self.service = Hosts(self.clock, self.names)
        for taken in self.service.taken.values():
            taken.add("value-0")
        self.first = {"fields": {"username": Secret("app"), "password": Secret("value-0")}}

    def check(self) -> None:
        """Current opens every host but those that lack it, which a stored value opens; no host takes what is not stored."""
        self.service.land()
        if self.find(CURRENT) is None:
            return
        values = {stage: value_of(record.fields) for stage, record in self.stored().items()}
        journal = self.journal()
        # On the way back to previous, current is given up: which hosts lack it is not noted.
        lacking = journal.behind if journal is not None and journal.promoted is not None else ()
        if journal is not None and journal.grace_of is not None:
            lacking = journal.places
        for name, taken in self.service.taken.items():
            assert taken <= set(values.values())
            assert len(taken) <= 2
            assert taken & set(values.values())
            assert name in lacking or values[CURRENT] in taken or self.is_promoting()

    def is_promoting(self) -> bool:
        """Current was replaced, and the journal is about to say so: the hosts that lack it are in it already."""
        journal = self.journal()
        return journal is not None and journal.phase == "promoting"

    def at_rest(self) -> None:
        super().at_rest()
        current = value_of(self.read(CURRENT).fields)
        assert self.service.taken == {name: {current} for name in self.names}


class PasswordsWorld(HostsWorld):
    """One user who may have several passwords."""

    target_class = PasswordsTarget
    names = ("",)
