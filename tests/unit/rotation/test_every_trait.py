# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random sequences of runs against targets with every combination of traits: one value, two users in turn, several values, several
hosts, and values that the service makes.

Requests are refused, lost, done without an answer or done late; controllers die at any write of the store, are silent past their
lease, or go back. After every write the world's invariant holds, and in the end every rotation comes to rest. The profile `long`
tries 10,000 sequences.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InvalidInput,
    RotationInProgress,
    RotationParked,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, JOURNAL, PREVIOUS, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import Candidate
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Modules, TargetTraits, Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step
from tests.conftest import PROFILE
from tests.unit.rotation.services import (
    DOWN,
    LANDS,
    LATE,
    LIFE,
    LOST,
    REFUSES,
    WORKS,
    FakeTarget,
    PasswordsTarget,
    Service,
    id_of,
    value_of,
)
from tests.unit.rotation.target_worlds import LONG_AFTER, NAME, HostsWorld, KeysWorld, PasswordsWorld, World
from tests.unit.rotation.world import Clock, Crash

SEQUENCES = 10_000 if PROFILE == "long" else 60
CONTROLLERS = 5
OPEN = (RotationInProgress, RotationParked, InvalidInput)
SENT = (WORKS, DOWN, REFUSES, LANDS, LATE, LOST)
"""What may become of a request that changes something."""
READ = (WORKS, DOWN, LOST)
"""What may become of a request that reads. A target that says no to a value that it accepts is not among them."""


class SingleTarget(PasswordsTarget):
    """One user with one password."""

    kind = "single"
    the_traits = TargetTraits("none", "reapply", "logs in", LIFE)

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        def replace() -> None:
            self.service.taken[place] = {value_of(value.fields)}

        return self._send(place, replace)


class SingleWorld(PasswordsWorld):
    """What the target accepts is stored."""

    target_class = SingleTarget

    def check(self) -> None:
        self.service.land()
        if self.find(CURRENT) is not None:
            assert self.service.taken[""] <= {value_of(record.fields) for record in self.stored().values()}


class Users(Service):
    """Two users with a password each."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.passwords = {"a": "value-0", "b": ""}

    def opens(self, fields: Mapping[str, Secret], place: str = "") -> bool:
        return self.passwords[id_of(fields)] == value_of(fields)


class TurnsTarget(FakeTarget):
    """Two users that take turns."""

    kind = "turns"
    the_traits = TargetTraits("alternating", "reapply", "logs in", LIFE, slots=2)
    service: Users
    others: ClassVar[Mapping[str, str]] = {"a": "b", "b": "a"}

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        return self.service.send(self.fate, lambda: self.service.passwords.update({id_of(value.fields): value_of(value.fields)}))


class TurnsWorld(World):
    """Current opens the target, and what the other user has is stored."""

    target_class = TurnsTarget
    service: Users

    def begin(self) -> None:
        self.service = Users(self.clock)
        self.first = {"fields": {"username": Secret("a"), "password": Secret("value-0")}}

    def make(self, base: Record) -> Candidate:
        other = TurnsTarget.others[id_of(base.fields)]
        return Candidate(dict(super().make(base).fields, username=Secret(other)))

    def check(self) -> None:
        self.service.land()
        if self.find(CURRENT) is None:
            return
        stored = self.stored().values()
        assert self.service.opens(self.read(CURRENT).fields)
        known = {(id_of(record.fields), value_of(record.fields)) for record in stored}
        assert {(user, value) for user, value in self.service.passwords.items() if value} <= known

    def finish(self, holder: str) -> None:
        """A new value that was given up and that its user has is kept until the next rotation, which promotes it."""
        for number in range(8):
            self.clock.forward(LONG_AFTER)
            if self.find(JOURNAL) is None:
                return
            done = self.settle(holder="{}-{}".format(holder, number))
            if done.outcome == steps.ROLLED_BACK and self.find(JOURNAL) is not None:
                self.rotate(holder="{}-{}".format(holder, number))
        raise AssertionError("the rotation never ended: {}".format(self.journal()))

    def at_rest(self) -> None:
        assert set(self.stored()) - {PREVIOUS} == {CURRENT}
        self.check()


class UnmarkedWorld(KeysWorld):
    """Keys without a mark, beside those of others: a person removes a key whose answer was lost, and says so."""

    def finish(self, holder: str) -> None:
        for _number in range(8):
            self.clock.forward(LONG_AFTER)
            if self.find(JOURNAL) is None:
                return
            try:
                self.settle(holder=holder)
            except RotationParked:
                pass
            journal = self.journal()
            for stray in journal.strays if journal is not None else ():
                self.service.keys.pop(stray, None)
                self.engine(holder).forget(NAME, (stray,))
        raise AssertionError("the rotation never ended: {}".format(self.journal()))


def draw_world(data: Any) -> World:
    """Return a world of any kind, with any traits that its target can have."""
    draw = data.draw
    grace = draw(st.sampled_from([0, 600]))
    kind = draw(st.sampled_from([SingleWorld, TurnsWorld, PasswordsWorld, HostsWorld, KeysWorld, UnmarkedWorld]))
    traits: dict[str, Any] = {"propagation": draw(st.sampled_from([0, 10]))}
    if kind is SingleWorld:
        grace, traits["rollback"] = 0, draw(st.sampled_from(["reapply", "none"]))
    if issubclass(kind, KeysWorld):
        traits["slots"] = draw(st.sampled_from([2, 3]))
    if kind is KeysWorld:
        traits["marks"] = draw(st.booleans())
        traits["sole_owner"] = not traits["marks"] or draw(st.booleans())
    if kind is UnmarkedWorld:
        traits.update(marks=False, sole_owner=False)
    world = kind(grace=grace, **traits)
    world.validates = kind is not SingleWorld and draw(st.booleans())
    return world


def draw_fate(data: Any, world: World) -> Callable[[Step, str], str]:
    """Return what becomes of each request, after some time."""

    def fate(step: Step, _place: str) -> str:
        world.clock.forward(data.draw(st.integers(0, 30)))
        return data.draw(st.sampled_from(SENT if step.kind in (steps.APPLY, steps.MAKE, steps.RETIRE) else READ))

    return fate


@settings(max_examples=SEQUENCES)
@given(st.data())
def test_whatever_happens_no_value_is_lost_and_every_rotation_comes_to_rest(data: Any) -> None:
    world = draw_world(data)
    for number in range(data.draw(st.integers(1, CONTROLLERS))):
        holder = "controller-{}".format(number)
        world.store.countdown = data.draw(st.none() | st.integers(0, 40))
        run = data.draw(st.sampled_from([world.rotate, world.rotate, world.settle, world.revert]))
        try:
            assert run(draw_fate(data, world), holder).outcome != steps.LOST
        except (Crash, *OPEN):
            pass
        world.store.countdown = None
        world.check()
        if data.draw(st.booleans()):
            world.dead.add(holder)
        world.clock.forward(data.draw(st.integers(0, 900)))
        world.check()
    world.dead.update("controller-{}".format(number) for number in range(CONTROLLERS))
    world.heal()
