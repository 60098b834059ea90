# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation engine with late landings, crashes at every write and two controllers."""

from __future__ import annotations

from typing import Any, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import TargetTraits
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step
from tests.unit.crypto.sealed_stores import a_memory_store
from tests.unit.rotation.world import LIFE, NAME, Crash, World, heal

APPLIED, REFUSED, UNKNOWN, UNAVAILABLE, ACCEPTED = (
    steps.APPLIED,
    steps.REFUSED,
    steps.UNKNOWN,
    steps.UNAVAILABLE,
    steps.ACCEPTED,
)


def test_a_second_rotation_is_refused_while_one_is_in_progress() -> None:
    world = World()
    world.begin_rotation(world.engine("a"))
    with pytest.raises(errors.RotationInProgress):
        world.engine("b").prepare(world.request())
    with pytest.raises(errors.RotationInProgress):
        world.engine("b").plan(world.request())


def test_a_lease_is_taken_over_when_it_is_over_or_its_holder_is_dead() -> None:
    world = World()
    world.begin_rotation(world.engine("a"))
    world.clock.forward(600 + 119)
    with pytest.raises(errors.RotationInProgress, match="run_once: true"):
        world.rotate(holder="b")
    world.clock.forward(1)
    assert world.rotate(holder="b").outcome in (steps.PROMOTED, steps.ROLLED_BACK)
    other = World()
    other.begin_rotation(other.engine("a"))
    other.dead.add("a")
    assert other.rotate(holder="b").kind == steps.DONE


def test_a_holder_that_wakes_up_late_changes_nothing() -> None:
    world = World()
    sleeper = world.engine("a")
    step = world.begin_rotation(sleeper)
    world.dead.add("a")
    world.rotate(holder="b")
    before = world.values()
    with pytest.raises(errors.RotationInProgress):
        sleeper.report(NAME, step.ticket, APPLIED, world.request())
    assert world.values() == before


def test_apply_may_take_less_time_than_the_lease_has_left() -> None:
    world = World()
    step = world.begin_rotation(world.engine())
    assert step.kind == steps.APPLY
    assert step.limit * 2 <= 600


@pytest.mark.parametrize("encrypted", [False, True])
def test_every_write_can_be_the_last_one_before_a_crash(encrypted: bool) -> None:
    """Crash before and after each write of a smooth rotation: the next run ends it, and no value is lost."""
    for point in range(60):
        world = World(store=a_memory_store() if encrypted else None)
        world.store.countdown = point
        try:
            world.rotate(holder="a")
            crashed = False
        except Crash:
            crashed = True
        world.store.countdown = None
        world.dead.add("a")
        heal(world)
        if not crashed:
            return
    pytest.fail("the rotation never came to its end")


FATES = st.sampled_from([APPLIED, REFUSED, UNKNOWN, UNAVAILABLE])


@given(st.data())
def test_whatever_happens_the_value_that_the_target_takes_is_in_the_store(data: Any) -> None:
    """Runs of several controllers with late landings, refusals, outages, clocks that move, and crashes at any write."""
    world = World(TargetTraits("none", data.draw(st.sampled_from(["reapply", "none"])), "asks", LIFE))

    def fate(step: Step) -> Tuple[str, float]:
        world.clock.forward(data.draw(st.integers(0, 30)))
        if step.kind == steps.APPLY:
            return data.draw(FATES), data.draw(st.integers(0, LIFE))
        return data.draw(st.sampled_from([ACCEPTED, ACCEPTED, UNAVAILABLE])), 0

    for number in range(data.draw(st.integers(1, 5))):
        holder = "controller-{}".format(number)
        world.store.countdown = data.draw(st.none() | st.integers(0, 40))
        engine, request = world.engine(holder), world.request()
        try:
            first = engine.prepare(request) if data.draw(st.booleans()) else engine.settle(NAME)
            done = world.drive(engine, first, request, fate)
            assert done.outcome != steps.LOST
        except (Crash, errors.RotationInProgress, errors.RotationParked):
            pass
        world.store.countdown = None
        world.check()
        if data.draw(st.booleans()):
            world.dead.add(holder)
        world.clock.forward(data.draw(st.integers(0, 900)))
        world.check()
    world.dead.update("controller-{}".format(number) for number in range(5))
    heal(world)


@given(st.data())
def test_two_controllers_at_the_same_time_never_part_the_store_from_the_target(data: Any) -> None:
    """Two runs whose steps interleave in any order: one ends, the other is told, and no value is lost."""
    world = World()
    request = world.request()
    engines = {"a": world.engine("a"), "b": world.engine("b")}
    standing: dict[str, Any] = {"a": (None, 0), "b": (None, 0)}
    for _each in range(data.draw(st.integers(2, 14))):
        name = data.draw(st.sampled_from(["a", "b"]))
        if data.draw(st.integers(0, 5)) == 0:
            world.clock.forward(800)
        try:
            standing[name] = (_next(world, engines[name], *standing[name], request), world.clock())
        except (errors.RotationInProgress, errors.RotationParked):
            standing[name] = (None, 0)
        world.check()
    world.dead.update("ab")
    heal(world)


def _next(world: World, engine: Any, step: Any, given: Any, request: Any) -> Any:
    """One act of one controller. Like the real driver it sends nothing once the step's time limit is over."""
    if step is None or step.kind == steps.DONE:
        return engine.prepare(request)
    value = step.fields["password"].expose()
    if step.kind in (steps.CHECK, steps.ASK):
        outcome = world.target.ask(value)
    elif (world.clock() - given).total_seconds() > step.limit:
        outcome = UNAVAILABLE
    else:
        outcome = world.target.send(value, APPLIED)
    return engine.report(NAME, step.ticket, outcome, request)
