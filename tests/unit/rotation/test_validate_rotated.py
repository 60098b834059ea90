# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In the grace period the previous value is tried at the target, too, if that is requested. The outcome is reported and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PREVIOUS
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step
from tests.unit.rotation.services import DOWN, REFUSES, WORKS, Fate
from tests.unit.rotation.target_worlds import HostsWorld, PasswordsWorld, World
from tests.unit.rotation.test_every_trait import TurnsWorld
from tests.unit.rotation.world import Crash


def validating(kind: type[World] = PasswordsWorld) -> Any:
    world = kind(grace=600)
    world.validates = True
    return world


def meeting_previous(fate: str, seen: list[str]) -> Fate:
    """Note each step; the previous value meets that fate, everything else works."""

    def meet(step: Step, place: str) -> str:
        seen.append("{} {}{}".format(step.kind, step.stage, place and " " + place))
        return fate if (step.kind, step.stage, place) in ((steps.ASK, PREVIOUS, ""), (steps.ASK, PREVIOUS, "h2")) else WORKS

    return meet


@pytest.mark.parametrize(("fate", "accepted"), [(WORKS, True), (REFUSES, False), (DOWN, None)])
@pytest.mark.parametrize("kind", [PasswordsWorld, TurnsWorld])
def test_previous_is_tried_once_after_the_promotion_and_the_rotation_stays_promoted(
    kind: type[World], fate: str, accepted: bool | None
) -> None:
    world, seen = validating(kind), []
    done = world.rotate(meeting_previous(fate, seen))
    assert seen == ["apply pending", "ask pending", "ask previous"]
    assert (done.outcome, done.summary["phase"], done.summary["previous_accepted"]) == (steps.PROMOTED, "grace", accepted)
    assert {CURRENT, PREVIOUS} <= set(world.stored())


def test_it_is_not_tried_unless_that_is_requested() -> None:
    world, seen = PasswordsWorld(grace=600), []
    assert "previous_accepted" not in world.rotate(meeting_previous(WORKS, seen)).summary
    assert "ask previous" not in seen


def test_a_person_who_settles_in_the_grace_period_has_it_tried_again() -> None:
    world, seen = validating(), []
    assert world.rotate(meeting_previous(WORKS, seen)).summary["previous_accepted"] is True
    assert world.settle(meeting_previous(REFUSES, seen)).summary["previous_accepted"] is False
    assert seen[-1] == "ask previous"


def test_one_host_that_refuses_it_counts_for_all() -> None:
    world, seen = validating(HostsWorld), []
    assert world.rotate(meeting_previous(REFUSES, seen)).summary["previous_accepted"] is False
    assert seen[-3:] == ["ask previous h1", "ask previous h2", "ask previous h3"]


@pytest.mark.parametrize("kind", [PasswordsWorld, TurnsWorld, pytest.param(HostsWorld, marks=pytest.mark.long)])
def test_a_crash_around_every_write_leaves_a_rotation_that_comes_to_rest(kind: type[World]) -> None:
    """The writes of a rotation are fewer than 20; each may be done, or not, before the controller dies."""
    died = 0
    for moment in range(40):
        world = validating(kind)
        world.store.countdown = moment
        try:
            world.rotate()
        except Crash:
            died += 1
        world.store.countdown = None
        world.dead.add("a")
        world.heal()
    assert died > 10
