# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver with a service that makes the value, against the real engine: a report that is lost, and a store that is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import identity_of
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import handover, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step
from ansible_collections.nebula.credential.plugins.plugin_utils.action.rotation_driver import RotationDriver
from tests.unit.rotation.services import KeysTarget
from tests.unit.rotation.target_worlds import NAME, KeysWorld


class Operation:
    """What the driver performs: the engine behind it; `trouble` is called around each report of a made value."""

    def __init__(self, world: KeysWorld, trouble: Callable[[str], None]) -> None:
        self.world, self.trouble = world, trouble

    def __call__(self, report: dict[str, Any]) -> Outcome:
        engine, request = self.world.engine(), self.world.request()
        if report.get("look"):
            return Outcome({"step": self.hand_out(Step("look"))})
        if not report:
            return Outcome({"step": self.hand_out(engine.prepare(request))})
        made, held = handover.decode_made(report.get("made")), handover.decode_held(report.get("held"))
        if made is not None:
            self.trouble("before")
        step = engine.report(NAME, report["ticket"], report.get("outcome"), request, made=made, held=held, places=report.get("places"))
        if made is not None:
            self.trouble("after")
        return Outcome({"step": self.hand_out(step)})

    def hand_out(self, step: Step) -> dict[str, Any]:
        current = self.world.read(CURRENT)
        alone = {name: getattr(step, name) for name in ("kind", "ticket", "stage", "mark", "wait", "limit", "places")}
        value = handover.encode_value(Value(step.fields, step.identity))
        way = {"options": {}, "credentials": {}, "current": handover.encode_value(Value(current.fields, identity_of(current)))}
        return {**alone, "value": value, **way}


def drive(world: KeysWorld, trouble: Callable[[str], None]) -> None:
    """A whole run of the driver."""

    class Bound(KeysTarget):
        service = world.service

    driver = RotationDriver(Operation(world, trouble), Bound, None, lambda: 0.0, lambda _seconds: None)  # type: ignore[arg-type]
    driver.drive()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_report_that_is_lost_is_repeated_and_the_value_is_kept(when: str) -> None:
    world, lost = KeysWorld(), [when]

    def trouble(now: str) -> None:
        if now in lost:
            lost.remove(now)
            raise errors.Unavailable("the session was killed")

    drive(world, trouble)
    assert identity_of(world.read(CURRENT)) == {steps.ID: "AK2"}
    assert world.service.deleted == []
    world.heal()


def test_a_value_that_cannot_be_stored_is_retired_at_once() -> None:
    world = KeysWorld()

    def trouble(_now: str) -> None:
        raise errors.Unavailable("the store is gone")

    with pytest.raises(errors.Unavailable):
        drive(world, trouble)
    assert world.service.deleted == ["AK2"]
    world.dead.add("a")
    world.heal()


def test_a_value_that_the_engine_has_taken_down_is_not_retired() -> None:
    world = KeysWorld()

    def trouble(now: str) -> None:
        if now == "after":
            raise errors.RotationFailed("the rotation ended")

    with pytest.raises(errors.RotationFailed):
        drive(world, trouble)
    assert world.service.deleted == []
    world.dead.add("a")
    assert world.rotate(holder="b").outcome == steps.PROMOTED
    world.heal()


def test_a_value_that_is_reported_too_late_is_retired_by_a_step_of_its_own() -> None:
    world = KeysWorld(slots=3)

    def trouble(now: str) -> None:
        if now == "before":
            world.dead.add("a")
            with pytest.raises(errors.RotationInProgress):
                world.rotate(holder="b")

    with pytest.raises(errors.RotationInProgress):
        drive(world, trouble)
    assert world.service.deleted == ["AK2"]
    world.heal()
