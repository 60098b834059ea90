# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation engine on a simulated target: late landings, crashes at every write, two controllers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.record import CURRENT, JOURNAL, PENDING, PREVIOUS, Record
from ansible_collections.nebula.credential.plugins.module_utils.rotation import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.steps import Step
from ansible_collections.nebula.credential.plugins.module_utils.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.targets.card import MANUAL_TARGET, NO_TARGET, Card
from tests.unit.rotation_world import LIFE, NAME, Crash, World, script

LONG_AFTER = LIFE + 1000
APPLIED, REFUSED, UNKNOWN, UNAVAILABLE, ACCEPTED = (
    steps.APPLIED,
    steps.REFUSED,
    steps.UNKNOWN,
    steps.UNAVAILABLE,
    steps.ACCEPTED,
)


def stored(world: World, stage: str) -> Record:
    return world.memory.get(NAME, stage=stage)


def is_stored(world: World, stage: str) -> bool:
    try:
        stored(world, stage)
    except errors.NotFound:
        return False
    return True


def test_a_rotation_promotes_the_new_value_and_leaves_nothing_behind() -> None:
    world = World()
    done = world.rotate()
    assert done.outcome == steps.PROMOTED
    assert world.values() == {CURRENT: b"value-1"}
    assert world.target.value == b"value-1"
    assert world.state() == "active"
    assert not is_stored(world, JOURNAL)


def test_the_history_tells_the_whole_rotation() -> None:
    world = World()
    world.rotate()
    assert [step.event for step in stored(world, CURRENT).known.history] == ["schedule", "begin", "promoted", "grace_end"]


def test_a_value_that_cannot_be_verified_is_rolled_back_and_kept_until_it_cannot_land() -> None:
    world = World()
    real = world.target.ask
    world.target.ask = lambda value: REFUSED if value == b"value-1" else real(value)  # type: ignore[method-assign]
    done = world.rotate()
    assert done.outcome == steps.ROLLED_BACK
    assert world.target.value == world.values()[CURRENT] == b"value-0"
    assert world.values()[PENDING] == b"value-1"
    assert world.state() == "active"
    world.clock.forward(LONG_AFTER)
    assert world.settle().outcome == steps.ROLLED_BACK
    assert world.values() == {CURRENT: b"value-0"}


def test_a_request_that_lands_after_the_rollback_is_found_and_promoted_or_undone() -> None:
    world = World()
    done = world.rotate(script((UNKNOWN, 50)))
    assert done.outcome == steps.ROLLED_BACK
    assert world.target.value == b"value-0"
    world.clock.forward(LONG_AFTER)
    world.target.land()
    assert world.target.value == b"value-1"
    world.settle()
    assert world.target.value == world.values()[CURRENT]
    world.clock.forward(LONG_AFTER)
    world.settle()
    assert world.values() == {CURRENT: world.target.value}


def test_an_unreachable_target_leaves_no_trace() -> None:
    world = World()
    assert world.rotate(script(UNAVAILABLE)).outcome == steps.ROLLED_BACK
    assert world.values() == {CURRENT: b"value-0"}
    assert not is_stored(world, JOURNAL)
    assert world.state() == "active"


def test_a_refused_value_is_never_sent_again() -> None:
    world = World()
    world.target.refuses = lambda value: value == b"value-1"
    assert world.rotate().outcome == steps.ROLLED_BACK
    with pytest.raises(errors.RotationInProgress) as raised:
        world.rotate()
    assert "may still land" in str(raised.value)
    world.clock.forward(LONG_AFTER)
    assert world.rotate().outcome == steps.PROMOTED
    assert world.values() == {CURRENT: b"value-2"}


def test_a_target_that_cannot_be_asked_parks_the_rotation_with_both_values() -> None:
    world = World()
    done = world.rotate(script(APPLIED, UNAVAILABLE))
    assert done.outcome == steps.PARKED
    assert world.values() == {CURRENT: b"value-0", PENDING: b"value-1"}
    assert world.state() == "rotating"
    assert world.settle().outcome == steps.PROMOTED
    assert world.values()[CURRENT] == b"value-1"


def test_settling_asks_the_target_at_most_twice() -> None:
    world = World()
    world.rotate(script((UNKNOWN, 50)))
    assert world.target.asked <= 2


def test_an_outcome_that_stays_open_becomes_orphaned_and_then_waits_for_a_person() -> None:
    world = World()
    world.rotate(script(APPLIED, UNAVAILABLE))
    for _ in range(3):
        assert world.rotate(script(UNAVAILABLE)).outcome == steps.PARKED
    assert world.rotate(script(UNAVAILABLE)).summary["orphaned"]
    assert stored(world, PENDING).known.attributes["orphaned"] is True
    with pytest.raises(errors.RotationParked):
        world.rotate()
    assert world.settle().outcome == steps.PROMOTED


def test_a_target_that_refuses_the_old_value_back_is_gone_forward() -> None:
    world = World()
    world.target.refuses = lambda value: value == b"value-0"
    answers = [REFUSED]
    real = world.target.ask
    world.target.ask = lambda value: answers.pop() if answers else real(value)  # type: ignore[method-assign]
    assert world.rotate().outcome == steps.PROMOTED
    assert world.values()[CURRENT] == world.target.value == b"value-1"


def test_forward_only_targets_are_settled_not_rolled_back() -> None:
    world = World(Card("simulated", "none", "none", "asks", LIFE))
    answers = [REFUSED]
    real = world.target.ask
    world.target.ask = lambda value: answers.pop() if answers else real(value)  # type: ignore[method-assign]
    assert world.rotate().outcome == steps.PROMOTED
    assert world.target.value == world.values()[CURRENT]


def test_a_target_that_takes_neither_value_is_lost_and_both_are_kept() -> None:
    world = World()
    world.rotate(script(APPLIED, UNAVAILABLE))
    world.store.after = lambda: None
    world.check = lambda: None  # type: ignore[method-assign]
    world.target.value = b"changed by somebody else"
    world.clock.forward(LONG_AFTER)
    assert world.rotate().outcome == steps.LOST
    assert set(world.values()) == {CURRENT, PENDING}
    assert world.state() == "failed"
    with pytest.raises(errors.RotationLost):
        world.rotate()


def test_a_target_that_accepts_anything_verifies_nothing() -> None:
    world = World()
    world.target.anything = True
    done = world.rotate()
    assert done.outcome == steps.PARKED
    assert "random wrong value" in done.summary["reason"]
    assert set(world.values().values()) == {b"value-0", b"value-1"}


def test_a_second_rotation_is_refused_while_one_is_in_progress() -> None:
    world = World()
    world.engine("a").prepare(world.request())
    with pytest.raises(errors.RotationInProgress):
        world.engine("b").prepare(world.request())
    with pytest.raises(errors.RotationInProgress):
        world.engine("b").plan(world.request())


def test_a_lease_is_taken_over_when_it_is_over_or_its_holder_is_dead() -> None:
    world = World()
    world.engine("a").prepare(world.request())
    world.clock.forward(600 + 119)
    with pytest.raises(errors.RotationInProgress):
        world.rotate(holder="b")
    world.clock.forward(1)
    assert world.rotate(holder="b").outcome in (steps.PROMOTED, steps.ROLLED_BACK)
    other = World()
    other.engine("a").prepare(other.request())
    other.dead.add("a")
    assert other.rotate(holder="b").kind == steps.DONE


def test_a_holder_that_wakes_up_late_changes_nothing() -> None:
    world = World()
    sleeper = world.engine("a")
    step = sleeper.prepare(world.request())
    world.dead.add("a")
    world.rotate(holder="b")
    before = world.values()
    with pytest.raises(errors.RotationInProgress):
        sleeper.report(NAME, step.ticket, APPLIED, world.request())
    assert world.values() == before


def test_a_lost_rotation_is_settled_once_the_target_takes_a_stored_value_again() -> None:
    world = World()
    world.rotate(script(APPLIED, UNAVAILABLE))
    world.store.after = lambda: None
    check, world.check = world.check, lambda: None  # type: ignore[method-assign]
    world.target.value = b"changed by somebody else"
    world.clock.forward(LONG_AFTER)
    world.rotate()
    world.target.value = b"value-0"
    world.check = check  # type: ignore[method-assign]
    assert world.settle().outcome == steps.ROLLED_BACK
    assert world.state() == "active"
    heal(world)


def test_apply_may_take_less_time_than_the_lease_has_left() -> None:
    world = World()
    step = world.engine().prepare(world.request())
    assert step.kind == steps.APPLY
    assert step.limit * 2 <= 600


def test_no_summary_and_no_step_shows_a_value() -> None:
    world = World()
    step = world.engine().prepare(world.request())
    assert "value-" not in repr(step)
    journal = stored(world, JOURNAL)
    assert not journal.fields
    assert "value-" not in repr(journal.known)


def test_readers_of_current_are_told_how_long_they_were_refused() -> None:
    world = World()

    def slow(step: Step) -> Tuple[str, float]:
        world.clock.forward(2)
        return (APPLIED if step.kind == steps.APPLY else ACCEPTED, 0)

    assert world.rotate(slow).summary["readers_refused_for"] == 4


def test_a_value_stored_meanwhile_by_somebody_else_is_settled_against_and_kept() -> None:
    world = World()
    engine = world.engine()
    step = engine.prepare(world.request())
    current = stored(world, CURRENT)
    world.memory.put(Record(NAME, "basic", {"password": Secret(b"foreign")}, metadata=current.metadata), current.version)
    world.target.value = b"foreign"
    done = world.drive(engine, engine.report(NAME, step.ticket, UNKNOWN, world.request()), world.request(), script())
    assert done.outcome == steps.ROLLED_BACK
    assert world.values()[CURRENT] == b"foreign"
    world.clock.forward(LONG_AFTER)
    world.settle()
    assert world.values() == {CURRENT: b"foreign"}


def test_without_a_target_the_value_is_promoted_and_the_previous_one_kept_for_the_grace_period() -> None:
    world = World(NO_TARGET, timedelta(seconds=300))
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
    world = World(NO_TARGET, timedelta(seconds=300))
    world.store.after = lambda: None
    world.clock.forward(100000)
    world.engine().prepare(world.request())
    world.clock.forward(-100000)
    world.engine("b").settle(NAME)
    assert world.values()[PREVIOUS] == b"value-0"


def test_in_the_grace_period_a_rollback_brings_the_previous_value_back() -> None:
    world = World(NO_TARGET, timedelta(seconds=300))
    world.store.after = lambda: None
    world.engine().prepare(world.request())
    assert world.engine().rollback(world.request()).outcome == steps.PROMOTED
    assert world.values() == {CURRENT: b"value-0", PREVIOUS: b"value-1"}
    assert "revert" in [step.event for step in stored(world, CURRENT).known.history]


def test_by_hand_a_value_is_committed_only_after_a_passed_test() -> None:
    world = World(MANUAL_TARGET)
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
    world = World(MANUAL_TARGET)
    engine, request = world.engine(), world.request(manual=True)
    engine.prepare(request)
    assert engine.rollback(request, sent=sent).outcome == steps.ROLLED_BACK
    assert world.state() == "active"
    assert (PENDING in world.values()) is kept
    engine.prepare(request)
    assert world.made == (1 if kept else 2)


def test_by_hand_nothing_is_committed_over_a_value_stored_meanwhile() -> None:
    world = World(MANUAL_TARGET)
    engine, request = world.engine(), world.request(manual=True)
    engine.prepare(request)
    engine.test(NAME, accepted=True, wrong_refused=True)
    current = stored(world, CURRENT)
    world.target.value = b"foreign"
    world.memory.put(Record(NAME, "basic", {"password": Secret(b"foreign")}, metadata=current.metadata), current.version)
    with pytest.raises(errors.RotationFailed):
        engine.commit(NAME)
    assert world.values()[CURRENT] == b"foreign"


def test_a_revoked_credential_is_not_rotated_and_an_open_rotation_lets_go_of_its_value() -> None:
    from ansible_collections.nebula.credential.plugins.module_utils.lifecycle import advance

    world = World()
    world.rotate(script(APPLIED, UNAVAILABLE))
    current = stored(world, CURRENT)
    world.memory.patch_metadata(
        current.with_metadata(lifecycle=advance(current.known, "revoke", world.clock()).lifecycle), current.revision
    )
    world.store.after = lambda: None
    world.check = lambda: None  # type: ignore[method-assign]
    world.clock.forward(LONG_AFTER)
    world.settle()
    assert PENDING not in world.values()
    with pytest.raises(errors.Revoked):
        world.rotate()


def test_a_store_that_cannot_compare_and_swap_is_refused() -> None:
    from dataclasses import replace

    world = World()
    world.memory.capabilities = replace(world.memory.capabilities, native_cas=False)
    with pytest.raises(errors.InvalidConfiguration):
        world.engine()


def test_every_write_can_be_the_last_one_before_a_crash() -> None:
    """Crash before and after each write of a smooth rotation: the next run ends it, and no value is lost."""
    for point in range(60):
        world = World()
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


FATES = st.sampled_from([APPLIED, REFUSED, UNKNOWN, UNAVAILABLE])


@given(st.data())
def test_whatever_happens_the_value_that_the_target_takes_is_in_the_store(data: Any) -> None:
    """Runs of several controllers with late landings, refusals, outages, clocks that move, and crashes at any write."""
    world = World(Card("simulated", "none", data.draw(st.sampled_from(["reapply", "none"])), "asks", LIFE))

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
    for _ in range(data.draw(st.integers(2, 14))):
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
    if step.kind == steps.ASK:
        outcome = world.target.ask(value)
    elif (world.clock() - given).total_seconds() > step.limit:
        outcome = UNAVAILABLE
    else:
        outcome = world.target.send(value, APPLIED)
    return engine.report(NAME, step.ticket, outcome, request)
