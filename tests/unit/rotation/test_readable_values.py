# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service that makes its one value and shows it: a response that was lost, and a crash at every write, end with the value it has.

What it has granted with an old value may outlast that value: then the old one is kept and retired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, RotationParked
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, JOURNAL, PENDING, PREVIOUS
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation import transitions as decisions
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Made, Modules, TargetTraits, Value
from tests.unit.rotation.services import DOWN, FATES, LATE, LIFE, LOST, REFUSES, WORKS, FakeTarget, Service, fates, value_of
from tests.unit.rotation.target_worlds import LONG_AFTER, World
from tests.unit.rotation.world import Clock, Crash

QUIET_AFTER = LIFE + 120


class Shown(Service):
    """Has one value, and changes it on request."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.number = 0

    @property
    def value(self) -> str:
        return "value-{}".format(self.number)

    def change(self) -> None:
        self.number += 1

    def opens(self, fields: Mapping[str, Secret], _place: str = "") -> bool:
        return value_of(fields) == self.value


class ShownTarget(FakeTarget):
    kind = "shown"
    the_traits = TargetTraits("none", "none", "reads", LIFE, maker="service", readable=True)
    service: Shown

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        raise AssertionError("a value that the service made is never sent")

    def make(self, modules: Modules, base: Value, mark: str) -> Made:
        self.service.land()
        if self.fate != DOWN and not self.service.opens(base.fields):
            return self.read(base)
        outcome = self.service.send(self.fate, self.service.change)
        return self.read(base) if outcome == steps.APPLIED else Made(outcome)

    def read(self, base: Value) -> Made:
        return Made(steps.APPLIED, Value({**base.fields, "password": Secret(self.service.value)}))


class ShownWorld(World):
    target_class = ShownTarget
    service: Shown

    def begin(self) -> None:
        self.service = Shown(self.clock)
        self.first = {"fields": {"username": Secret("app"), "password": Secret(self.service.value)}}

    def check(self) -> None:
        """A value that is not stored is one that an open rotation will read."""
        self.service.land()
        stored = [self.find(stage) for stage in (CURRENT, PENDING)]
        if stored[0] is not None and not any(record is not None and self.service.opens(record.fields) for record in stored):
            assert self.journal() is not None

    def at_rest(self) -> None:
        super().at_rest()
        assert self.service.opens(self.read(CURRENT).fields)


def test_a_value_is_made_and_stored_without_a_list_of_what_is_held_and_without_a_grace_period() -> None:
    world = ShownWorld()
    assert world.rotate().outcome == steps.PROMOTED
    world.at_rest()
    assert world.service.number == 1


@pytest.mark.parametrize("fate", FATES)
def test_whatever_happens_to_the_request_the_value_that_the_service_has_is_stored_in_the_end(fate: str) -> None:
    world = ShownWorld()
    done = world.rotate(fates(make=[fate]))
    ended = {WORKS: steps.PROMOTED, DOWN: steps.ROLLED_BACK, REFUSES: steps.ROLLED_BACK}
    assert done.outcome == ended.get(fate, steps.PARKED)
    world.heal()
    assert world.read(CURRENT).fields["username"].expose() == b"app"


@pytest.mark.parametrize("fate", [LATE, LOST])
def test_a_value_is_read_again_only_when_no_request_can_land_any_more(fate: str) -> None:
    world = ShownWorld()
    world.rotate(fates(make=[fate]))
    world.clock.forward(QUIET_AFTER - 1)
    assert world.settle().outcome == steps.PARKED
    assert world.service.number == (1 if fate == LATE else 0)
    world.clock.forward(1)
    assert world.settle().outcome == steps.PROMOTED
    world.at_rest()
    assert world.service.number == 1


@pytest.mark.parametrize("second", [DOWN, REFUSES, LOST, LATE])
def test_a_second_failure_after_a_lost_response_loses_nothing(second: str) -> None:
    world = ShownWorld()
    world.rotate(fates(make=[LOST]))
    world.clock.forward(QUIET_AFTER)
    world.settle(fates(make=[second]))
    world.heal()


def test_a_value_that_the_service_has_changed_by_itself_is_taken_over_and_none_is_made() -> None:
    world = ShownWorld()
    world.service.change()
    world.check = lambda: None  # type: ignore[method-assign]  # nobody knew of it
    assert world.rotate().outcome == steps.PROMOTED
    assert world.service.number == 1
    world.at_rest()


def test_a_value_that_is_replaced_before_it_is_verified_is_dropped_and_the_newer_one_is_read() -> None:
    world = ShownWorld()

    def meddle(step: Any, _place: str) -> str:
        if step.kind == steps.ASK and world.service.number == 1:
            world.service.change()
        return WORKS

    assert world.rotate(meddle).outcome == steps.PARKED
    world.clock.forward(LONG_AFTER)
    assert world.settle().outcome == steps.PROMOTED
    world.at_rest()
    assert world.service.number == 2


def test_a_value_that_could_not_be_verified_stays_stored_until_the_one_that_the_service_has_is_read() -> None:
    world = ShownWorld()
    assert world.rotate(fates(ask=[REFUSES])).outcome == steps.PARKED
    assert value_of(world.read(PENDING).fields) == world.service.value
    world.clock.forward(QUIET_AFTER)
    assert world.settle(fates(make=[DOWN])).outcome == steps.PARKED
    assert value_of(world.read(PENDING).fields) == world.service.value
    assert world.settle().outcome == steps.PROMOTED
    assert world.service.number == 1
    world.heal()


@pytest.mark.parametrize("fate", [DOWN, REFUSES])
def test_a_service_that_makes_no_value_is_requested_once_in_a_run(fate: str) -> None:
    world = ShownWorld()
    world.rotate(fates(make=[LOST]))
    world.clock.forward(QUIET_AFTER)
    requested: list[str] = []

    def refuse(step: Any, _place: str) -> str:
        if step.kind == steps.MAKE:
            requested.append(step.kind)
            assert len(requested) < 3
        return fate

    assert world.settle(refuse).outcome == steps.PARKED
    assert requested == [steps.MAKE]
    world.heal()


@pytest.mark.parametrize("answers", [{"make": [REFUSES]}, {"make": [DOWN]}, {"ask": [REFUSES]}])
def test_after_three_runs_that_could_not_read_the_value_none_tries_again_until_a_person_does(answers: Any) -> None:
    world = ShownWorld()
    world.rotate(fates(make=[LOST]))
    for _night in range(decisions.MAX_ATTEMPTS):
        world.clock.forward(LONG_AFTER)
        assert world.rotate(fates(**answers)).outcome == steps.PARKED
        assert not world.journal().orphaned
    world.clock.forward(LONG_AFTER)
    assert world.rotate(must_not_be_contacted).outcome == steps.PARKED
    assert world.journal().orphaned
    with pytest.raises(RotationParked, match="phase 'settle'"):
        world.rotate(must_not_be_contacted)
    assert world.settle().outcome == steps.PROMOTED
    world.at_rest()


def must_not_be_contacted(step: Any, _place: str) -> str:
    raise AssertionError("the service got the step {}".format(step.kind))


@pytest.mark.parametrize("fate", FATES)
def test_a_crash_before_or_after_every_write_ends_with_the_value_that_the_service_has(fate: str) -> None:
    countdown, crashed = 0, True
    while crashed:
        world, crashed = ShownWorld(), False
        world.store.countdown = countdown
        try:
            world.rotate(fates(make=[fate]))
        except Crash:
            crashed = True
        world.store.countdown = None
        world.dead.add("a")
        world.check()
        if crashed and world.find(JOURNAL) is None:
            assert world.service.opens(world.read(CURRENT).fields)
        world.heal()
        countdown += 1
    assert countdown > 3


GRACE = 600


class Granting(Shown):
    """Grants tickets with its value; those of an older value are valid until that is dropped."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.granting = {self.value}

    def change(self) -> None:
        super().change()
        self.granting.add(self.value)


class GrantingTarget(ShownTarget):
    kind = "granting"
    the_traits = replace(ShownTarget.the_traits, grants_last=GRACE)
    service: Granting

    def retire(self, modules: Modules, value: Value, place: str = "") -> str:
        return self.service.send(self.fate, lambda: self.service.granting.discard(value_of(value.fields)))


class GrantingWorld(ShownWorld):
    target_class = GrantingTarget
    service: Granting

    def begin(self) -> None:
        self.service = Granting(self.clock)
        self.first = {"fields": {"username": Secret("app"), "password": Secret(self.service.value)}}

    def check(self) -> None:
        super().check()
        assert self.service.value in self.service.granting
        if self.journal() is None:
            assert self.service.granting <= {value_of(record.fields) for record in self.stored().values()} or not self.stored()


def test_an_old_value_whose_grants_last_is_kept_for_the_grace_period_and_then_dropped_there_and_here() -> None:
    world = GrantingWorld(grace=GRACE)
    assert world.rotate().outcome == steps.PROMOTED
    assert value_of(world.read(PREVIOUS).fields) == "value-0"
    assert world.read(CURRENT).full_metadata.lifecycle == "grace_period"
    world.clock.forward(GRACE)
    world.settle(must_not_be_contacted)
    assert world.service.granting == {"value-0", "value-1"}
    world.clock.forward(120)
    assert world.settle().outcome == steps.PROMOTED
    assert world.service.granting == {"value-1"}
    world.at_rest()


@pytest.mark.parametrize("fate", [DOWN, REFUSES, LOST])
def test_an_old_value_that_is_not_dropped_there_stays_stored(fate: str) -> None:
    world = GrantingWorld(grace=GRACE)
    world.rotate()
    world.clock.forward(LONG_AFTER)
    world.settle(fates(retire=[fate]))
    assert value_of(world.read(PREVIOUS).fields) == "value-0"
    world.heal()


def test_no_rotation_goes_back_to_a_value_that_the_target_refuses() -> None:
    world = GrantingWorld(grace=GRACE)
    world.rotate()
    with pytest.raises(InvalidInput, match="does not accept the previous value any more"):
        world.revert(must_not_be_contacted)
    world.heal()


def test_a_crash_at_every_write_of_a_rotation_and_of_its_retirement_ends_with_one_value_there() -> None:
    countdown, crashed = 0, True
    while crashed:
        world, crashed = GrantingWorld(grace=GRACE), False
        world.store.countdown = countdown
        try:
            world.rotate()
            world.clock.forward(LONG_AFTER)
            world.settle()
        except Crash:
            crashed = True
        world.store.countdown = None
        world.dead.add("a")
        world.check()
        world.heal()
        assert world.service.granting == {world.service.value}
        countdown += 1
    assert countdown > 6
