# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation engine on a simulated target: what each outcome leads to."""

from __future__ import annotations

from typing import Tuple

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, JOURNAL, PENDING, PREVIOUS, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import TargetTraits
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step
from tests.unit.rotation.world import LIFE, LONG_AFTER, NAME, World, heal, is_stored, script, smooth, stored

APPLIED, REFUSED, UNKNOWN, UNAVAILABLE, ACCEPTED = (
    steps.APPLIED,
    steps.REFUSED,
    steps.UNKNOWN,
    steps.UNAVAILABLE,
    steps.ACCEPTED,
)


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
    assert [step.event for step in stored(world, CURRENT).full_metadata.history] == ["schedule", "begin", "promoted", "grace_end"]


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
    for _each in range(3):
        assert world.rotate(script(UNAVAILABLE)).outcome == steps.PARKED
    assert world.rotate(script(UNAVAILABLE)).summary["orphaned"]
    assert stored(world, PENDING).full_metadata.attributes["orphaned"] is True
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
    world = World(TargetTraits("none", "none", "asks", LIFE))
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

    def from_now_on(step: Step) -> Tuple[str, float]:
        world.target.anything = True
        return smooth(step)

    done = world.rotate(from_now_on)
    assert done.outcome == steps.PARKED
    assert "random wrong value" in done.summary["reason"]
    assert set(world.values().values()) == {b"value-0", b"value-1"}


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


def test_no_summary_and_no_step_shows_a_value() -> None:
    world = World()
    step = world.begin_rotation(world.engine())
    assert "value-" not in repr(step)
    journal = stored(world, JOURNAL)
    assert not journal.fields
    assert "value-" not in repr(journal.full_metadata)


def test_readers_of_current_are_told_how_long_they_were_refused() -> None:
    world = World()

    def slow(step: Step) -> Tuple[str, float]:
        world.clock.forward(2)
        return (APPLIED if step.kind == steps.APPLY else ACCEPTED, 0)

    assert world.rotate(slow).summary["readers_refused_for"] == 4


@pytest.mark.parametrize(("outcome", "maybe"), [(REFUSED, False), (UNAVAILABLE, False), (UNKNOWN, True)])
def test_no_interval_is_reported_in_which_nobody_was_seen_refused(outcome: str, maybe: bool) -> None:
    world = World()

    def slow(step: Step) -> Tuple[str, float]:
        world.clock.forward(2)
        return (outcome if step.kind == steps.APPLY else ACCEPTED, LIFE)

    world.target.refuses = lambda _value: outcome == REFUSED
    done = world.rotate(slow)
    assert done.outcome == steps.ROLLED_BACK
    assert done.summary["readers_refused_for"] == 0
    assert done.summary["readers_maybe_refused"] is maybe


def test_an_interval_counts_from_the_change_until_the_current_value_is_accepted_again() -> None:
    world = World()
    real = world.target.ask
    world.target.ask = lambda value: REFUSED if value == b"value-1" else real(value)  # type: ignore[method-assign]

    def slow(step: Step) -> Tuple[str, float]:
        world.clock.forward(2)
        return (APPLIED if step.kind == steps.APPLY else ACCEPTED, 0)

    done = world.rotate(slow)
    assert done.outcome == steps.ROLLED_BACK
    assert done.summary["readers_refused_for"] == 8
    assert not done.summary["readers_maybe_refused"]


def test_a_value_stored_meanwhile_by_somebody_else_is_settled_against_and_kept() -> None:
    world = World()
    engine = world.engine()
    step = world.begin_rotation(engine)
    current = stored(world, CURRENT)
    world.memory.put(Record(NAME, "basic", {"password": Secret(b"foreign")}, metadata=current.metadata), current.etag)
    world.target.value = b"foreign"
    done = world.drive(engine, engine.report(NAME, step.ticket, UNKNOWN, world.request()), world.request(), script())
    assert done.outcome == steps.ROLLED_BACK
    assert world.values()[CURRENT] == b"foreign"
    world.clock.forward(LONG_AFTER)
    world.settle()
    assert world.values() == {CURRENT: b"foreign"}


def test_a_revoked_credential_is_not_rotated_and_an_open_rotation_lets_go_of_its_value() -> None:
    from ansible_collections.nebula.credential.plugins.module_utils.model.lifecycle import advance

    world = World()
    world.rotate(script(APPLIED, UNAVAILABLE))
    current = stored(world, CURRENT)
    world.memory.patch_metadata(
        current.with_metadata(lifecycle=advance(current.full_metadata, "revoke", world.clock()).lifecycle), current.revision
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
        world.rotate()


def test_an_open_rotation_is_not_finished_against_another_target() -> None:
    world = World()
    world.rotate(script(APPLIED, UNAVAILABLE), target={"host": "one"})
    with pytest.raises(errors.InvalidInput) as raised:
        world.rotate(target={"host": "two"})
    assert "host one" in str(raised.value)
    with pytest.raises(errors.InvalidInput):
        world.engine().settle(NAME, world.request(target={"host": "two"}))
    assert world.rotate(target={"host": "one"}).outcome == steps.PROMOTED


def test_a_value_that_cannot_be_retired_is_reported_overdue_and_kept() -> None:
    """Current was sent back without an answer, then refused: previous goes when that request is over and the new value works."""
    world = World()
    real, answers = world.target.ask, [REFUSED]
    world.target.ask = lambda value: answers.pop() if answers else real(value)  # type: ignore[method-assign]

    def fate(step: Step) -> Tuple[str, float]:
        if step.kind == steps.APPLY and step.stage == CURRENT:
            outcome = REFUSED if world.target.flying else UNKNOWN
            return outcome, LIFE
        return script()(step)

    assert world.rotate(fate).outcome == steps.PROMOTED
    assert world.values() == {CURRENT: b"value-1", PREVIOUS: b"value-0"}
    world.target.flying.clear()
    world.clock.forward(LONG_AFTER)
    world.target.ask = lambda _: UNAVAILABLE  # type: ignore[method-assign]
    done = world.rotate()
    assert done.outcome == steps.PARKED
    assert done.summary["overdue"]
    assert stored(world, PREVIOUS).full_metadata.attributes["orphaned"] is True
    world.target.ask = real  # type: ignore[method-assign]
    assert world.settle().outcome == steps.PROMOTED
    assert world.values() == {CURRENT: b"value-1"}


def test_an_old_value_that_lands_after_the_promotion_is_replaced_again() -> None:
    """Sent back without an answer, it lands when the new value is current already: previous still holds it, and current is sent."""
    world = World()
    real, answers = world.target.ask, [REFUSED]
    world.target.ask = lambda value: answers.pop() if answers else real(value)  # type: ignore[method-assign]

    def fate(step: Step) -> Tuple[str, float]:
        if step.kind == steps.APPLY and step.stage == CURRENT:
            return REFUSED if world.target.flying else UNKNOWN, LIFE
        return script()(step)

    assert world.rotate(fate).outcome == steps.PROMOTED
    world.clock.forward(LONG_AFTER)
    world.target.land()
    assert world.target.value == b"value-0"
    world.check()
    world.settle()
    assert world.target.value == world.values()[CURRENT] == b"value-1"
    heal(world)
