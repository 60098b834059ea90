# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A target that takes two values at once: it drops a value before the store does, and never the current one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, JOURNAL, PENDING, PREVIOUS, Record
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import MANUAL, MANUAL_TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step
from tests.unit.rotation.services import DOWN, LATE, LIFE, LOST, REFUSES, WORKS, Fate, fates, value_of
from tests.unit.rotation.target_worlds import LONG_AFTER, NAME, PasswordsWorld
from tests.unit.rotation.world import Crash


def watching(kinds: list[str], fate: Fate) -> Fate:
    """Note each step, `retire previous` for one, on its way to its fate."""

    def watch(step: Step, place: str) -> str:
        kinds.append("{} {}".format(step.kind, step.stage))
        return fate(step, place)

    return watch


def taken(world: PasswordsWorld) -> set[str]:
    return world.service.taken[""]


def test_both_values_open_until_the_grace_period_is_over_and_then_the_old_one_is_retired_first() -> None:
    world = PasswordsWorld(grace=300)
    kinds: list[str] = []
    assert world.rotate(watching(kinds, fates())).outcome == steps.PROMOTED
    assert taken(world) == {"value-0", "value-1"}
    world.clock.forward(300 + 119)
    world.settle(watching(kinds, fates()))
    assert taken(world) == {"value-0", "value-1"}
    world.clock.forward(1)

    def look(step: Step, _place: str) -> str:
        kinds.append("{} {}".format(step.kind, step.stage))
        assert world.find(PREVIOUS) is not None
        return WORKS

    world.settle(look)
    assert kinds == ["apply pending", "ask pending", "ask current", "retire previous"]
    assert taken(world) == {"value-1"}
    assert world.find(PREVIOUS) is None
    assert world.find(JOURNAL) is None


def test_a_value_that_does_not_work_is_withdrawn_current_is_confirmed_and_at_the_end_it_is_withdrawn_again() -> None:
    """Again, because the first request may have landed after the first withdrawal."""
    world = PasswordsWorld()
    kinds: list[str] = []
    assert world.rotate(watching(kinds, fates(ask=[REFUSES]))).outcome == steps.ROLLED_BACK
    assert kinds == ["apply pending", "ask pending", "ask current", "retire pending", "ask current"]
    assert set(world.stored()) == {CURRENT, PENDING}
    world.clock.forward(LONG_AFTER)
    kinds.clear()
    assert world.settle(watching(kinds, fates())).outcome == steps.ROLLED_BACK
    assert kinds == ["ask current", "retire pending"]
    assert set(world.stored()) == {CURRENT}
    world.heal()


def test_a_value_that_lands_after_it_was_withdrawn_is_withdrawn_in_the_end() -> None:
    world = PasswordsWorld()
    world.rotate(fates(apply=[LATE]))
    assert taken(world) == {"value-0"}
    world.clock.forward(LIFE)
    world.check()
    assert taken(world) == {"value-0", "value-1"}
    world.clock.forward(LONG_AFTER)
    world.settle()
    assert taken(world) == {"value-0"}


def test_pending_is_not_withdrawn_while_current_does_not_open() -> None:
    """Somebody dropped current at the target: the new value is what is left, so it is gone forward to."""
    world = PasswordsWorld()
    world.store.after = lambda: None
    world.check = lambda: None  # type: ignore[method-assign]

    def fate(step: Step, _place: str) -> str:
        if step.kind == steps.APPLY:
            taken(world).discard("value-0")
        return REFUSES if step.kind == steps.ASK and step.stage == PENDING and not refused.append(1) and len(refused) == 1 else WORKS

    refused: list[int] = []
    assert world.rotate(fate).outcome == steps.PROMOTED
    assert taken(world) == {"value-1"} == {value_of(world.read(CURRENT).fields)}


def test_a_withdrawn_value_is_not_sent_again() -> None:
    """The request that drops it may land after it was sent again and promoted."""
    world = PasswordsWorld()
    world.rotate(fates(ask=[REFUSES], retire=[LATE]))
    with pytest.raises(errors.RotationInProgress):
        world.rotate()
    world.clock.forward(LONG_AFTER)
    assert world.rotate().outcome == steps.PROMOTED
    assert value_of(world.read(CURRENT).fields) == "value-2"


def test_what_the_target_does_not_drop_is_kept_reported_overdue_and_tried_by_the_next_runs() -> None:
    world = PasswordsWorld()
    world.rotate()
    world.clock.forward(LONG_AFTER)
    done = world.rotate(fates(retire=[REFUSES]))
    assert done.outcome == steps.PARKED
    assert done.summary["overdue"]
    assert world.read(PREVIOUS).full_metadata.attributes["orphaned"] is True
    assert world.settle(fates(retire=[DOWN])).outcome == steps.PROMOTED
    assert set(world.stored()) == {CURRENT, PREVIOUS}
    world.heal()


def test_a_value_equal_to_current_is_never_retired() -> None:
    """A person made the prepared value current by hand; the rotation is closed without dropping it at the target."""
    world = PasswordsWorld()
    world.rotate(fates(ask=[DOWN]))
    current, pending = world.read(CURRENT), world.read(PENDING)
    with world.manager.acting():
        world.store.inner.put(Record(NAME, "basic", pending.fields, metadata=current.metadata), current.etag)
    world.check = world.store.after = world.service.land  # type: ignore[method-assign]
    kinds: list[str] = []
    for _run in range(3):
        world.clock.forward(LONG_AFTER)
        world.settle(watching(kinds, fates()))
    assert "retire pending" not in kinds
    assert "value-1" in taken(world)
    assert world.find(JOURNAL) is None


def test_going_back_retires_the_value_that_is_given_up() -> None:
    world = PasswordsWorld(grace=300)
    world.rotate()
    assert world.revert().outcome == steps.PROMOTED
    assert value_of(world.read(CURRENT).fields) == "value-0"
    assert value_of(world.read(PREVIOUS).fields) == "value-1"
    world.finish("later")
    assert taken(world) == {"value-0"}


def test_going_back_in_vain_drops_nothing_and_the_grace_period_goes_on() -> None:
    world = PasswordsWorld(grace=3000)
    world.rotate()
    ends = world.journal().retire_after
    assert world.revert(fates(ask=[REFUSES])).outcome == steps.ROLLED_BACK
    world.clock.forward(LONG_AFTER)
    assert world.settle().outcome == steps.ROLLED_BACK
    assert taken(world) == {"value-0", "value-1"}
    assert (world.journal().phase, world.journal().retire_after) == ("grace", ends)
    assert set(world.stored()) == {CURRENT, PREVIOUS}
    with pytest.raises(errors.RotationInProgress):
        world.rotate()
    world.heal()


def test_it_is_not_gone_back_to_a_value_that_the_target_may_still_drop() -> None:
    world = PasswordsWorld()
    world.rotate()
    world.clock.forward(LONG_AFTER)
    world.settle(fates(retire=[LATE]))
    with pytest.raises(errors.RotationInProgress):
        world.revert()
    world.clock.forward(LIFE + 120)
    world.settle(fates(retire=[LOST]))
    world.heal()


def test_a_rotation_against_a_target_that_keeps_two_values_is_not_finished_by_hand() -> None:
    world = PasswordsWorld()
    world.rotate()
    world.clock.forward(LONG_AFTER)

    def stop() -> None:
        if world.journal().phase == "closing":
            raise Crash

    world.store.after = stop
    with pytest.raises(Crash):
        world.settle()
    world.store.after = world.check
    world.dead.add("a")
    with pytest.raises(errors.RotationInProgress):
        world.engine("b").prepare(world.request(kind=MANUAL, traits=MANUAL_TRAITS, manual=True))


def test_nothing_is_retired_while_something_that_was_sent_may_still_land() -> None:
    world = PasswordsWorld()
    world.rotate()
    kinds: list[str] = []
    assert world.settle(watching(kinds, fates())).outcome == steps.PROMOTED
    assert kinds == []
    assert world.find(PREVIOUS) is not None


def test_a_value_that_the_target_may_still_drop_is_not_promoted() -> None:
    """Pending was withdrawn without an answer, and then current was found not to open: pending waits until the drop cannot land."""
    world = PasswordsWorld()
    world.store.after = lambda: None
    world.check = lambda: None  # type: ignore[method-assign]
    assert world.rotate(fates(ask=[REFUSES, WORKS, DOWN], retire=[LOST])).outcome == steps.PARKED
    taken(world).discard("value-0")
    assert world.settle().outcome == steps.PARKED
    assert set(world.stored()) == {CURRENT, PENDING}
    world.clock.forward(LIFE + 120)
    assert world.settle().outcome == steps.PROMOTED
    assert value_of(world.read(CURRENT).fields) == "value-1"


def test_a_change_too_soon_after_the_last_one_is_refused_before_anything_is_sent() -> None:
    world = PasswordsWorld(min_interval=5000)
    world.clock.forward(6000)
    world.rotate()
    world.finish("first")
    with pytest.raises(errors.RotationInProgress) as raised:
        world.rotate()
    assert "2026-11-22T03:03:20" in str(raised.value)
    assert world.find(JOURNAL) is None
    world.clock.forward(5000)
    assert world.rotate().outcome == steps.PROMOTED


def test_a_change_that_is_seen_late_is_waited_for_before_the_first_question() -> None:
    world = PasswordsWorld(propagation=15)
    engine, request = world.engine(), world.request()
    step = world.begin_rotation(engine, request)
    asked = engine.report(NAME, step.ticket, steps.APPLIED, request)
    assert (step.wait, asked.kind, asked.wait) == (0, steps.ASK, 15)


def test_a_target_that_goes_on_accepting_the_old_value_is_asked_after_that() -> None:
    world = PasswordsWorld(old_accepted_for=400)
    world.rotate(fates(ask=[REFUSES]))
    world.clock.forward(LIFE + 399 + 120)
    with pytest.raises(errors.RotationInProgress):
        world.rotate()
    world.clock.forward(1)
    assert world.rotate().outcome == steps.PROMOTED


def test_a_revoked_credential_has_its_other_values_dropped_at_the_target() -> None:
    world = PasswordsWorld(grace=300)
    world.rotate()
    world.manager.revoke(NAME)
    world.store.after = lambda: None
    world.clock.forward(LONG_AFTER)
    world.settle()
    assert taken(world) == {"value-1"}
    assert set(world.stored()) == {CURRENT}


def test_outcomes_of_one_place_may_be_told_with_or_without_it() -> None:
    world = PasswordsWorld()
    engine, request = world.engine(), world.request()
    step = world.begin_rotation(engine, request)
    step = engine.report(NAME, step.ticket, None, request, places={"": steps.APPLIED})
    assert step.kind == steps.ASK
    with pytest.raises(errors.InvalidInput):
        engine.report(NAME, step.ticket, steps.APPLIED, request)
    assert engine.report(NAME, step.ticket, steps.REFUSED, replace(request)).stage == CURRENT
