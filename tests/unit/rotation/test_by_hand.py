# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotations without a target of ours: phases by hand, grace periods, and the way back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PENDING, PREVIOUS, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    MANUAL,
    MANUAL_TRAITS,
    NO_TARGET,
    NO_TARGET_TRAITS,
)
from tests.unit.rotation.world import NAME, World, stored

APPLIED, REFUSED, UNKNOWN, UNAVAILABLE, ACCEPTED = (
    steps.APPLIED,
    steps.REFUSED,
    steps.UNKNOWN,
    steps.UNAVAILABLE,
    steps.ACCEPTED,
)


def test_without_a_target_the_value_is_promoted_and_the_previous_one_kept_for_the_grace_period() -> None:
    world = World(NO_TARGET_TRAITS, timedelta(seconds=300), kind=NO_TARGET)
    world.store.after = lambda: None
    done = world.engine().prepare(world.request())
    assert done.outcome == steps.PROMOTED
    assert world.values() == {CURRENT: b"value-1", PREVIOUS: b"value-0"}
    assert world.state() == "grace_period"
    world.clock.forward(300 + 119)
    with pytest.raises(errors.RotationInProgress):
        world.engine().prepare(world.request())
    world.clock.forward(1)
    assert world.engine().settle(NAME).outcome == steps.PROMOTED
    assert world.values() == {CURRENT: b"value-1"}
    assert world.state() == "active"


def test_a_time_in_the_future_never_retires_early() -> None:
    world = World(NO_TARGET_TRAITS, timedelta(seconds=300), kind=NO_TARGET)
    world.store.after = lambda: None
    world.clock.forward(100000)
    world.engine().prepare(world.request())
    world.clock.forward(-100000)
    world.engine("b").settle(NAME)
    assert world.values()[PREVIOUS] == b"value-0"


def test_in_the_grace_period_a_rollback_brings_the_previous_value_back() -> None:
    world = World(NO_TARGET_TRAITS, timedelta(seconds=300), kind=NO_TARGET)
    world.store.after = lambda: None
    world.engine().prepare(world.request())
    assert world.engine().rollback(world.request()).outcome == steps.PROMOTED
    assert world.values() == {CURRENT: b"value-0", PREVIOUS: b"value-1"}
    assert "revert" in [step.event for step in stored(world, CURRENT).full_metadata.history]


def test_by_hand_a_value_is_committed_only_after_a_passed_test() -> None:
    world = World(MANUAL_TRAITS, kind=MANUAL)
    engine, request = world.engine(), world.request(manual=True)
    assert engine.prepare(request).outcome == steps.PREPARED
    assert engine.prepare(request).outcome == steps.PREPARED
    with pytest.raises(errors.InvalidInput):
        engine.commit(NAME)
    engine.test(NAME, accepted=True, wrong_refused=False)
    with pytest.raises(errors.InvalidInput):
        engine.commit(NAME)
    world.target.value = b"value-1"
    engine.test(NAME, accepted=True, wrong_refused=True)
    assert engine.commit(NAME).outcome == steps.PROMOTED
    assert world.values()[CURRENT] == b"value-1"


@pytest.mark.parametrize(("sent", "kept"), [(True, True), (False, False)])
def test_by_hand_a_rollback_keeps_a_value_that_may_have_been_sent(sent: bool, kept: bool) -> None:
    world = World(MANUAL_TRAITS, kind=MANUAL)
    engine, request = world.engine(), world.request(manual=True)
    engine.prepare(request)
    assert engine.rollback(request, sent=sent).outcome == steps.ROLLED_BACK
    assert world.state() == "active"
    assert (PENDING in world.values()) is kept
    engine.prepare(request)
    assert world.made == (1 if kept else 2)


def test_by_hand_nothing_is_committed_over_a_value_stored_meanwhile() -> None:
    world = World(MANUAL_TRAITS, kind=MANUAL)
    engine, request = world.engine(), world.request(manual=True)
    engine.prepare(request)
    engine.test(NAME, accepted=True, wrong_refused=True)
    current = stored(world, CURRENT)
    world.target.value = b"foreign"
    world.memory.put(Record(NAME, "basic", {"password": Secret(b"foreign")}, metadata=current.metadata), current.etag)
    with pytest.raises(errors.RotationFailed):
        engine.commit(NAME)
    assert world.values()[CURRENT] == b"foreign"


def test_a_value_that_is_stored_during_a_rotation_by_hand_counts_as_unverified() -> None:
    world = World(MANUAL_TRAITS, kind=MANUAL)
    request = world.request(manual=True, current_verified=True)
    assert world.engine().prepare(request).summary["current_verified"] is True
    found = stored(world, CURRENT)
    world.target.value = b"other"
    world.memory.put(Record(NAME, "basic", {"password": Secret(b"other")}, metadata=found.metadata), found.etag)
    continued = world.engine().prepare(world.request(manual=True))
    assert (continued.outcome, continued.summary["current_verified"]) == (steps.PREPARED, False)
