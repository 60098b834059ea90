# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store that refuses the new value after the target accepted it: the target gets the old one back, or both values wait."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PENDING, PREVIOUS
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    MANUAL,
    MANUAL_TRAITS,
    NO_ROLLBACK,
    NO_TARGET,
    NO_TARGET_TRAITS,
)
from tests.unit.rotation.world import LONG_AFTER, NAME, TRAITS, Crash, World, heal, script

REFUSALS = [errors.AccessDenied, errors.InvalidInput, errors.ReadOnly, errors.StorageFull, errors.TooLarge]
REASON = "the store refused the new value: it is locked"


def refuse(world: World, kind: Callable[[str], errors.CredentialError] = errors.AccessDenied) -> None:
    world.store.refusal = kind("it is locked")


@pytest.mark.parametrize("kind", REFUSALS)
def test_the_target_gets_the_current_value_back(kind: Callable[[str], errors.CredentialError]) -> None:
    world = World()
    refuse(world, kind)
    done = world.rotate()
    assert (done.outcome, done.summary["reason"]) == (steps.ROLLED_BACK, REASON)
    assert world.target.value == world.values()[CURRENT] == b"value-0"
    assert world.state() == "active"
    world.store.refusal = None
    heal(world)


def test_a_refused_promotion_is_tried_again_by_the_next_run_alone() -> None:
    world = World()
    refuse(world)
    world.rotate()
    world.clock.forward(10)
    assert world.rotate().outcome == steps.ROLLED_BACK
    world.store.refusal = None
    world.clock.forward(10)
    assert world.rotate().outcome == steps.PROMOTED
    assert world.values()[CURRENT] == world.target.value == b"value-1"


def test_without_a_target_nothing_is_left() -> None:
    world = World(NO_TARGET_TRAITS, kind=NO_TARGET)
    world.store.after = lambda: None
    refuse(world)
    done = world.engine().prepare(world.request())
    assert (done.outcome, done.summary["reason"]) == (steps.ROLLED_BACK, REASON)
    assert world.values() == {CURRENT: b"value-0"}
    assert world.engine().status(NAME) == {"phase": None}


def test_where_there_is_no_way_back_both_values_wait_until_the_store_takes_the_new_one() -> None:
    world = World(replace(TRAITS, rollback=NO_ROLLBACK))
    refuse(world)
    done = world.rotate()
    assert (done.outcome, done.summary["reason"]) == (steps.PARKED, REASON)
    assert world.values()[PENDING] == world.target.value == b"value-1"
    assert world.rotate().outcome == steps.PARKED
    world.store.refusal = None
    assert world.settle().outcome == steps.PROMOTED
    heal(world)


def test_a_target_that_refuses_the_old_value_back_waits_for_the_store_too() -> None:
    world = World()
    refuse(world)
    done = world.rotate(script(steps.APPLIED, steps.ACCEPTED, steps.REFUSED))
    assert (done.outcome, world.target.value) == (steps.PARKED, b"value-1")
    world.store.refusal = None
    assert world.settle().outcome == steps.PROMOTED


def lost() -> errors.CredentialError:
    return errors.AccessDenied("it is locked").annotate(outcome_unknown=True)


@pytest.mark.parametrize("refusal", [lost(), errors.Unavailable("it is down"), errors.LoginFailed("the token has expired")])
def test_a_store_that_may_take_the_value_later_is_tried_again(refusal: errors.CredentialError) -> None:
    world = World()
    world.store.refusal = refusal
    with pytest.raises(type(refusal)):
        world.rotate()
    assert world.engine().status(NAME)["phase"] == "promoting"
    assert world.target.value == b"value-1"
    world.store.refusal = None
    assert world.settle().outcome == steps.PROMOTED


def test_by_hand_a_refused_value_stays_prepared() -> None:
    world = World(MANUAL_TRAITS, kind=MANUAL)
    engine, request = world.engine(), world.request(manual=True)
    engine.prepare(request)
    world.target.value = b"value-1"
    engine.test(NAME, accepted=True, wrong_refused=True)
    refuse(world)
    with pytest.raises(errors.AccessDenied, match="it is locked"):
        engine.commit(NAME)
    standing = world.engine("b").status(NAME)
    assert (standing["phase"], standing["reason"]) == ("prepared", REASON)
    world.store.refusal = None
    assert world.engine("b").commit(NAME).outcome == steps.PROMOTED
    assert world.values()[CURRENT] == b"value-1"


@pytest.mark.parametrize("manual", [True, False])
def test_a_promotion_that_got_no_answer_can_be_rolled_back(manual: bool) -> None:
    world = World(MANUAL_TRAITS, kind=MANUAL) if manual else World()
    request = world.request(manual=manual)
    world.store.refusal = errors.Unavailable("it is down")
    if manual:
        world.engine().prepare(request)
        world.engine().test(NAME, accepted=True, wrong_refused=True)
        with pytest.raises(errors.Unavailable):
            world.engine().commit(NAME)
    else:
        with pytest.raises(errors.Unavailable):
            world.rotate()
    world.store.refusal = None
    engine = world.engine()
    done = world.drive(engine, engine.rollback(request), None, script())
    assert (done.outcome, done.summary["reason"]) == (steps.ROLLED_BACK, "rolled back on request")
    assert world.values()[CURRENT] == world.target.value == b"value-0"


def test_a_value_that_is_current_already_is_not_given_up() -> None:
    world = World()
    for point in range(1000):
        world.store.countdown = point
        try:
            world.rotate()
        except Crash:
            world.store.countdown = None
            if world.values()[CURRENT] == b"value-1":
                break
            world = World()
    world.dead.add("a")
    with pytest.raises(errors.RotationInProgress, match="Run phase 'settle'"):
        world.engine("b").rollback(world.request())
    assert world.settle("b").outcome == steps.PROMOTED


def test_a_way_back_that_the_store_refuses_leaves_the_grace_period_as_it_was() -> None:
    world = World(NO_TARGET_TRAITS, timedelta(seconds=300), kind=NO_TARGET)
    world.store.after = lambda: None
    world.engine().prepare(world.request())
    refuse(world)
    assert world.engine().rollback(world.request()).outcome == steps.ROLLED_BACK
    assert world.values() == {CURRENT: b"value-1", PREVIOUS: b"value-0"}
    world.store.refusal = None
    world.clock.forward(LONG_AFTER)
    world.engine().settle(NAME)
    assert world.values()[CURRENT] == b"value-1"


@pytest.mark.parametrize("refused", [False, True])
def test_by_hand_giving_up_a_commit_leaves_no_copy_of_the_current_value_behind(refused: bool) -> None:
    """The store refused the value, or the controller was killed, after the current value was copied to `previous`."""
    copied = set()
    for point in range(40):
        world = World(MANUAL_TRAITS, timedelta(hours=1), kind=MANUAL)
        world.store.after = lambda: None
        engine, request = world.engine(), world.request(manual=True)
        engine.prepare(request)
        engine.test(NAME, accepted=True, wrong_refused=True)
        world.store.refusal = errors.AccessDenied("no other value is taken") if refused else None
        world.store.countdown = point
        with suppress(Crash, errors.AccessDenied):
            engine.commit(NAME)
        world.store.countdown = world.store.refusal = None
        if world.values()[CURRENT] != b"value-0":
            break
        copied.add(PREVIOUS in world.values())
        world.dead.add("a")
        assert world.engine("b").rollback(request, sent=False).outcome == steps.ROLLED_BACK
        assert world.values() == {CURRENT: b"value-0"}
    assert copied == {False, True}
