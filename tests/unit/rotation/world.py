# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A target, a store that crashes and a driver, all simulated, for the tests of the rotation engine."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, List, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.layers.read_once import ReadOnce
from ansible_collections.nebula.credential.plugins.module_utils.model.lifecycle import ACTIVE
from ansible_collections.nebula.credential.plugins.module_utils.model.record import (
    CURRENT,
    JOURNAL,
    PENDING,
    PREVIOUS,
    Etag,
    Metadata,
    Record,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.engine import RotationEngine
from ansible_collections.nebula.credential.plugins.module_utils.rotation.request import Request
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import Candidate
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import TargetTraits
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step

NAME = "db_pass"
LIFE = 100
TRAITS = TargetTraits("none", "reapply", "asks", LIFE)
START = datetime(2026, 11, 22, tzinfo=timezone.utc)


class Crash(BaseException):
    """The controller died. Not an Exception, so nothing catches it on the way."""


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Crashing(Layer):
    """Dies before or after a chosen write, and calls `after` behind each write that was done. Promotes nothing if `refusal` is set."""

    def __init__(self, inner: Backend, after: Callable[[], None] = lambda: None) -> None:
        super().__init__(inner)
        self.after = after
        self.countdown: Optional[int] = None
        self.refusal: Optional[CredentialError] = None

    def _write(self, act: Callable[[], Any]) -> Any:
        if self.countdown == 0:
            raise Crash
        done = act()
        self.after()
        if self.countdown is not None:
            self.countdown -= 2
            if self.countdown < 0:
                raise Crash
        return done

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        assert create or None not in (expected, expected and expected.revision), "every write of a rotation is a compare-and-swap"
        if self.refusal is not None and expected is not None and record.stage == CURRENT:
            self._refuse_promotion(record, self.refusal)
        return self._write(lambda: self.inner.put(record, expected, create=create))

    def _refuse_promotion(self, record: Record, refusal: CredentialError) -> None:
        if dict(record.fields) != dict(self.inner.get(record.name).fields):
            raise refusal

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        return self._write(lambda: self.inner.patch_metadata(record, expected_revision))

    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        assert expected is not None
        assert expected.revision is not None
        self._write(lambda: self.inner.delete(name, stage=stage, expected=expected))


class OneCall:
    """An engine whose every call is an operation of its own: each reads the current value first, and every value once."""

    def __init__(self, store: Backend, name: str, build: Callable[[Backend], RotationEngine]) -> None:
        self._store, self._name, self._build = store, name, build

    def __getattr__(self, call: str) -> Any:
        store = ReadOnce(self._store, self._name)
        store.get(self._name)
        return getattr(self._build(store), call)


class Target:
    """Takes one value at a time. Requests may land late, but never after `LIFE` seconds."""

    def __init__(self, clock: Clock, value: bytes) -> None:
        self.clock = clock
        self.value = value
        self.flying: List[Tuple[datetime, bytes]] = []
        self.asked = 0
        self.refuses: Callable[[bytes], bool] = lambda _: False
        self.anything = False

    def land(self) -> None:
        """Let what is due take effect, in order."""
        for due, value in sorted(self.flying):
            if due <= self.clock.now:
                self.value = value
        self.flying = [(due, value) for due, value in self.flying if due > self.clock.now]

    def send(self, value: bytes, fate: str, delay: float = 0) -> str:
        """Take a request; `fate` is the outcome that the driver sees."""
        self.land()
        if fate == steps.UNAVAILABLE:
            return fate
        if self.refuses(value) or fate == steps.REFUSED:
            return steps.REFUSED
        if fate == steps.UNKNOWN:
            self.flying.append((self.clock.now + timedelta(seconds=delay), value))
            return fate
        self.value = value
        return steps.APPLIED

    def ask(self, value: bytes) -> str:
        """Answer whether the value opens it."""
        self.asked += 1
        return self.open(value)

    def open(self, value: bytes) -> str:
        """Answer the check before a rotation."""
        self.land()
        if self.anything:
            return steps.ACCEPTS_ANYTHING
        return steps.ACCEPTED if value == self.value else steps.REFUSED


class World:
    """One credential in a store, its target, and the means to rotate it."""

    def __init__(
        self, traits: TargetTraits = TRAITS, grace: timedelta = timedelta(0), store: Optional[Backend] = None, kind: str = "simulated"
    ) -> None:
        self.clock = Clock()
        self.memory = store or Memory({}, BackendContext("test"))
        self.memory.connect()
        self.store = Crashing(self.memory, self.check)
        self.target = Target(self.clock, b"value-0")
        self.kind, self.traits, self.grace, self.made = kind, traits, grace, 0
        metadata = Metadata(created_at=START, updated_at=START, lifecycle=ACTIVE)
        self.memory.put(Record(NAME, "basic", {"password": Secret(b"value-0")}, metadata=metadata), create=True)
        self.dead: set[str] = set()

    def engine(self, holder: str = "a") -> Any:
        def build(backend: Backend) -> RotationEngine:
            return RotationEngine(backend, self.clock, holder, alive=lambda other: other not in self.dead)

        return OneCall(self.store, NAME, build)

    def make(self, base: Record) -> Candidate:
        self.made += 1
        return Candidate({"password": Secret("value-{}".format(self.made))})

    def request(self, **changes: Any) -> Request:
        return replace(Request(NAME, self.kind, self.traits, self.make, grace=self.grace), **changes)

    def values(self) -> Dict[str, bytes]:
        """The stored values by stage."""
        found = {}
        for stage in (CURRENT, PENDING, PREVIOUS):
            try:
                found[stage] = self.memory.get(NAME, stage=stage).fields["password"].expose()
            except Exception:  # noqa: BLE001, S112  # there is none
                continue
        return found

    def state(self) -> str:
        return self.memory.get(NAME).full_metadata.lifecycle

    def check(self) -> None:
        """The invariant: what the target takes, or may come to take, is in the store."""
        self.target.land()
        stored = set(self.values().values())
        assert self.target.value in stored
        for _each, flying in self.target.flying:
            assert flying in stored

    def drive(self, engine: RotationEngine, step: Step, request: Optional[Request], fate: Callable[[Step], Tuple[str, float]]) -> Step:
        """Do the steps until one is done; `fate` chooses how each goes (an outcome, and the delay of a landing)."""
        taken = 0
        while step.kind != steps.DONE:
            taken += 1
            assert taken < 50, "a rotation must end"
            value = step.fields["password"].expose()
            if step.kind == steps.CHECK:
                step = engine.report(NAME, step.ticket, self.target.open(value), request)
                continue
            outcome, delay = fate(step)
            if step.kind == steps.APPLY:
                self.check()
                outcome = self.target.send(value, outcome, delay)
            elif outcome != steps.UNAVAILABLE:
                outcome = self.target.ask(value)
            self.check()
            step = engine.report(NAME, step.ticket, outcome, request)
        return step

    def begin_rotation(self, engine: RotationEngine, request: Optional[Request] = None) -> Step:
        """The step after the check of the current value."""
        request = request or self.request()
        step = engine.prepare(request)
        if step.kind == steps.CHECK:
            step = engine.report(NAME, step.ticket, self.target.open(step.fields["password"].expose()), request)
        return step

    def rotate(self, fate: Optional[Callable[[Step], Tuple[str, float]]] = None, holder: str = "a", **changes: Any) -> Step:
        """A whole run against the target."""
        engine, request = self.engine(holder), self.request(**changes)
        return self.drive(engine, engine.prepare(request), request, fate or smooth)

    def settle(self, holder: str = "a") -> Step:
        """A whole run that only finishes what is open."""
        engine = self.engine(holder)
        return self.drive(engine, engine.settle(NAME), None, smooth)


def smooth(step: Step) -> Tuple[str, float]:
    """Everything works."""
    return (steps.APPLIED if step.kind == steps.APPLY else steps.ACCEPTED, 0)


def script(*fates: Any) -> Callable[[Step], Tuple[str, float]]:
    """The given fates in order, then everything works. A fate is an outcome or (outcome, delay)."""
    left = list(fates)

    def fate(step: Step) -> Tuple[str, float]:
        if not left:
            return smooth(step)
        chosen = left.pop(0)
        return chosen if isinstance(chosen, tuple) else (chosen, 0)

    return fate


LONG_AFTER = LIFE + 1000


def stored(world: World, stage: str) -> Record:
    return world.memory.get(NAME, stage=stage)


def is_stored(world: World, stage: str) -> bool:
    try:
        stored(world, stage)
    except NotFound:
        return False
    return True


def heal(world: World) -> None:
    """Runs with a working target bring every rotation to its end, with the store and the target at one."""
    for number in range(8):
        world.clock.forward(LONG_AFTER)
        world.settle("healer-{}".format(number))
        if not is_stored(world, JOURNAL):
            break
    assert world.values() == {CURRENT: world.target.value}
    assert world.state() == "active"
    world.clock.forward(LONG_AFTER)
    assert world.rotate(holder="last").outcome == steps.PROMOTED
    assert world.values() == {CURRENT: world.target.value}
