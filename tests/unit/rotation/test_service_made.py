# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that the service makes: what is listed, stored, looked for and deleted, and when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, JOURNAL, PENDING, PREVIOUS
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import identity_of
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Made, Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import ID, Step
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.unit.rotation.services import DOWN, LANDS, LATE, LIFE, LOST, REFUSES, WORKS, fates, id_of
from tests.unit.rotation.target_worlds import LONG_AFTER, NAME, KeysWorld
from tests.unit.rotation.world import Crash

QUIET_AFTER = LIFE + 10 + 120
"""The request's life, the propagation, and the skew of clocks."""


def until(world: KeysWorld, kind: str, holder: str = "a") -> tuple[Any, Any, Step]:
    """A run up to a step of that kind, which is not done."""
    engine, request = world.engine(holder), world.request()
    step = engine.prepare(request)
    while step.kind != kind:
        report = world.act(step, lambda _step, _place: WORKS)
        step = engine.report(NAME, step.ticket, report.pop("outcome"), request, **report)
    return engine, request, step


def test_a_made_value_is_stored_before_the_journal_says_so_and_the_held_ones_before_it_is_made() -> None:
    world = KeysWorld()
    seen: list[str] = []

    def look() -> None:
        journal = world.journal()
        if journal is not None:
            seen.append(journal.phase)
            assert journal.phase != "verifying" or world.find(PENDING) is not None
            assert journal.phase != "making" or journal.held == ("AK1",)

    world.store.after = look
    engine, request, step = until(world, steps.MAKE)
    assert world.journal().phase == "making"
    assert set(world.service.keys) == {"AK1"}
    world.drive(engine, step, request)
    assert [phase for phase in dict.fromkeys(seen) if phase != "promoting"] == [
        "preparing",
        "listing",
        "prepared",
        "making",
        "verifying",
        "grace",
    ]


def test_where_all_slots_are_taken_nothing_is_made_and_the_values_are_named() -> None:
    world = KeysWorld()
    world.make_foreign()
    done = world.rotate()
    assert done.outcome == steps.ROLLED_BACK
    assert "AK1, AK2" in done.summary["reason"]
    assert set(world.service.keys) == {"AK1", "AK2"}
    assert world.find(JOURNAL) is None
    assert world.read(CURRENT).full_metadata.lifecycle == "active"


def test_what_is_held_is_listed_in_the_run_in_which_a_value_is_made() -> None:
    """Between two runs somebody else makes a key: it is no stray of ours."""
    world = KeysWorld(slots=3, sole_owner=True)
    engine, request, step = until(world, steps.LIST)
    world.store.countdown = 1
    with pytest.raises(Crash):
        engine.report(NAME, step.ticket, steps.LISTED, request, held=world.target().list_held(None))  # type: ignore[arg-type]
    world.store.countdown = None
    assert world.journal().phase == "prepared"
    other = world.make_foreign()
    world.dead.add("a")
    world.rotate(fates(make=[LANDS]), "b")
    assert world.journal().held == ("AK1", other)
    world.heal()


@pytest.mark.parametrize("fate", [LANDS, LATE, LOST, REFUSES])
def test_after_a_lost_answer_it_is_waited_and_then_a_stray_is_deleted(fate: str) -> None:
    """Also after a no: a library below may have sent the request twice."""
    world = KeysWorld()
    assert world.rotate(fates(make=[fate])).outcome == steps.ROLLED_BACK
    assert world.journal().phase == "sweeping"
    assert world.read(CURRENT).full_metadata.lifecycle == "active"
    world.clock.forward(QUIET_AFTER - 1)
    with pytest.raises(errors.RotationInProgress) as raised:
        world.rotate()
    assert "Run it again after" in str(raised.value)
    assert world.service.deleted == []
    world.clock.forward(1)
    assert world.settle().outcome == steps.ROLLED_BACK
    assert set(world.service.keys) == {"AK1"}
    assert world.service.deleted == ([] if fate in {LOST, REFUSES} else ["AK2"])
    assert world.find(JOURNAL) is None


def test_a_value_that_could_not_be_sent_for_leaves_nothing_to_look_for() -> None:
    world = KeysWorld()
    assert world.rotate(fates(make=[DOWN])).outcome == steps.ROLLED_BACK
    assert world.find(JOURNAL) is None
    assert world.rotate().outcome == steps.PROMOTED


def test_a_stray_is_known_by_its_mark_and_somebody_elses_key_is_left_alone() -> None:
    world = KeysWorld(slots=4, marks=True, sole_owner=False)

    def meddle(step: Step, _place: str) -> str:
        if step.kind == steps.MAKE:
            world.make_foreign()
            return LANDS
        return WORKS

    world.rotate(meddle)
    world.clock.forward(QUIET_AFTER)
    world.settle()
    assert set(world.service.keys) == {"AK1"} | world.foreign
    assert world.service.deleted == ["AK3"]


def test_without_marks_a_key_made_when_our_request_could_not_land_is_no_stray() -> None:
    world = KeysWorld(slots=4)
    world.rotate(fates(make=[LANDS]))
    world.clock.forward(LIFE + 10 + 120 + 1)
    late = world.make_foreign()
    world.settle()
    assert world.service.deleted == ["AK2"]
    assert late in world.service.keys


def orphaned() -> KeysWorld:
    """A stray that nobody can be sure of: the service carries no marks, and others make keys too."""
    world = KeysWorld(slots=4, sole_owner=False)
    world.rotate(fates(make=[LANDS]))
    world.clock.forward(LONG_AFTER)
    done = world.settle()
    assert done.outcome == steps.PARKED
    assert done.summary["orphaned"]
    assert done.summary["strays"] == ["AK2"]
    assert "AK2" in done.summary["reason"]
    assert world.service.deleted == []
    return world


def test_a_stray_that_may_be_somebody_elses_is_named_and_blocks_until_a_person_decides() -> None:
    world = orphaned()
    with pytest.raises(errors.RotationParked) as raised:
        world.rotate()
    assert "AK2" in str(raised.value)
    assert world.settle().outcome == steps.PARKED
    world.foreign.add("AK2")
    with pytest.raises(errors.InvalidInput) as refused:
        world.engine().forget(NAME, ["AK1"])
    assert "AK2" in str(refused.value)
    world.engine().forget(NAME, ["AK2"])
    assert world.settle().outcome == steps.ROLLED_BACK
    assert "AK2" in world.service.keys
    world.heal()


def test_it_is_deleted_once_the_user_says_that_only_this_rotation_makes_keys() -> None:
    world = orphaned()
    world.traits["sole_owner"] = True
    assert world.rotate().outcome == steps.PROMOTED
    assert world.service.deleted == ["AK2"]
    world.heal()


def test_a_stray_that_the_service_does_not_delete_is_tried_again() -> None:
    world = KeysWorld()
    world.rotate(fates(make=[LANDS]))
    world.clock.forward(QUIET_AFTER)
    assert world.settle(fates(retire=[REFUSES])).outcome == steps.PARKED
    assert world.journal().strays == ("AK2",)
    assert world.settle(fates(list=[DOWN])).outcome == steps.PARKED
    assert world.settle().outcome == steps.ROLLED_BACK
    world.heal()


def test_each_version_keeps_its_own_identity() -> None:
    world = KeysWorld()
    world.rotate()
    world.finish("first")
    assert identity_of(world.read(CURRENT)) == {ID: "AK2"}
    world.rotate()
    assert identity_of(world.read(CURRENT)) == {ID: "AK3"}
    assert identity_of(world.read(PREVIOUS)) == {ID: "AK2"}
    world.heal()


def test_a_value_that_a_person_stores_has_no_identity_of_the_one_before() -> None:
    world = KeysWorld()
    world.rotate()
    world.finish("first")
    world.store.after = lambda: None
    world.manager.ensure(DesiredCredential(NAME, fields=world.service.fields(world.make_foreign())))
    assert identity_of(world.read(CURRENT)) == {}


def test_going_back_to_a_value_that_the_service_made_sends_nothing() -> None:
    world = KeysWorld(grace=300)
    world.rotate()
    kinds: list[str] = []

    def watch(step: Step, _place: str) -> str:
        kinds.append(step.kind)
        return WORKS

    assert world.revert(watch).outcome == steps.PROMOTED
    assert kinds == [steps.ASK]
    assert id_of(world.read(CURRENT).fields) == "AK1"
    assert identity_of(world.read(PREVIOUS)) == {ID: "AK2"}
    world.heal()
    assert "AK2" in world.service.deleted


def test_a_report_whose_answer_was_lost_is_repeated_by_its_ticket() -> None:
    """The session stored the value and was killed before it could answer."""
    world = KeysWorld()
    engine, request, step = until(world, steps.MAKE)
    report = world.act(step, lambda _step, _place: WORKS)
    first = engine.report(NAME, step.ticket, report["outcome"], request, made=report["made"])
    again = world.engine().report(NAME, step.ticket, report["outcome"], request, made=report["made"])
    assert (again.kind, again.ticket) == (first.kind, first.ticket)
    assert world.drive(engine, again, request).outcome == steps.PROMOTED
    world.heal()


@pytest.mark.parametrize("point", range(4))
def test_a_report_that_the_session_could_not_finish_is_repeated_by_its_ticket(point: int) -> None:
    """It was killed before or after one of the two writes: of the value, and of the journal."""
    world = KeysWorld()
    engine, request, step = until(world, steps.MAKE)
    report = world.act(step, lambda _step, _place: WORKS)
    world.store.countdown = point
    with pytest.raises(Crash):
        engine.report(NAME, step.ticket, report["outcome"], request, made=report["made"])
    world.store.countdown = None
    again = world.engine().report(NAME, step.ticket, report["outcome"], request, made=report["made"])
    assert world.drive(engine, again, request).outcome == steps.PROMOTED
    assert world.service.deleted == []
    world.heal()


def test_a_value_that_is_reported_too_late_and_is_stored_nowhere_is_retired() -> None:
    world = KeysWorld(slots=3)
    sleeper, request, step = until(world, steps.MAKE)
    report = world.act(step, lambda _step, _place: WORKS)
    world.dead.add("a")
    with pytest.raises(errors.RotationInProgress):
        world.rotate(holder="b")
    late = sleeper.report(NAME, step.ticket, report["outcome"], request, made=report["made"])
    assert (late.kind, late.stage, late.identity) == (steps.RETIRE, steps.STRAY, {ID: "AK2"})
    retired = world.act(late, lambda _step, _place: WORKS)
    assert retired["places"] == {"": steps.APPLIED}
    with pytest.raises(errors.RotationInProgress):
        sleeper.report(NAME, late.ticket, None, request, places=retired["places"])
    world.heal()


def test_a_value_that_another_controller_has_promoted_meanwhile_is_not_retired() -> None:
    world = KeysWorld()
    sleeper, request, step = until(world, steps.MAKE)
    report = world.act(step, lambda _step, _place: WORKS)
    sleeper.report(NAME, step.ticket, report["outcome"], request, made=report["made"])
    world.dead.add("a")
    assert world.rotate(holder="b").outcome == steps.PROMOTED
    with pytest.raises(errors.RotationInProgress):
        sleeper.report(NAME, step.ticket, report["outcome"], request, made=report["made"])
    assert id_of(world.read(CURRENT).fields) == "AK2"


def test_a_value_is_completed_before_it_is_stored_and_one_that_does_not_fit_is_retired_by_its_driver() -> None:
    """The type refuses it: the report fails, nothing is stored, and what was made is found as a stray."""
    world = KeysWorld()
    engine, request, step = until(world, steps.MAKE)
    report = world.act(step, lambda _step, _place: WORKS)

    def refuse(_base: Any, _value: Value) -> Any:
        raise errors.InvalidInput("does not fit")

    with pytest.raises(errors.InvalidInput):
        engine.report(NAME, step.ticket, report["outcome"], replace(request, complete=refuse), made=report["made"])
    assert world.find(PENDING) is None
    world.dead.add("a")
    world.heal()
    assert "AK2" in world.service.deleted


def test_an_answer_without_its_value_counts_as_lost() -> None:
    world = KeysWorld()
    engine, request, step = until(world, steps.MAKE)
    done = engine.report(NAME, step.ticket, steps.APPLIED, request, made=Made(steps.APPLIED))
    assert done.outcome == steps.ROLLED_BACK
    assert world.journal().unanswered


def test_a_listing_comes_with_its_list() -> None:
    world = KeysWorld()
    engine, request, step = until(world, steps.LIST)
    with pytest.raises(errors.InvalidInput):
        engine.report(NAME, step.ticket, steps.LISTED, request)
    with pytest.raises(errors.InvalidInput):
        engine.report(NAME, step.ticket, steps.ACCEPTED, request)


def test_a_revoked_credential_still_has_its_stray_deleted() -> None:
    world = KeysWorld()
    world.rotate(fates(make=[LANDS]))
    world.manager.revoke(NAME)
    world.clock.forward(QUIET_AFTER)
    world.settle()
    assert set(world.service.keys) == {"AK1"}
    assert world.find(JOURNAL) is None


def test_a_service_that_makes_values_and_takes_one_at_a_time_is_refused() -> None:
    world = KeysWorld(overlap="none")
    with pytest.raises(errors.InvalidInput):
        world.rotate()


def test_the_plan_says_what_such_a_target_is_asked_for() -> None:
    plan = KeysWorld().engine().plan(KeysWorld().request())
    assert "have it make a value" in plan["steps"][2]
    assert plan["steps"][3] == "store the value as pending"
    assert "drop it at the target" in plan["steps"][5]
    assert "have the target drop the previous value" in plan["steps"][6]
