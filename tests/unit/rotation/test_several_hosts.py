# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several hosts that take the same value: who lacks it is in the journal, and keeps the old value alive."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, JOURNAL, PENDING, PREVIOUS
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step
from tests.unit.rotation.services import DOWN, LANDS, LATE, LIFE, LOST, REFUSES, WORKS, fates, value_of
from tests.unit.rotation.target_worlds import LONG_AFTER, NAME, HostsWorld

BOTH = {"value-0", "value-1"}


def test_hosts_are_dealt_with_in_batches_that_fit_the_time_limit() -> None:
    world = HostsWorld()
    seen: list[tuple[str, tuple[str, ...], int]] = []

    def watch(step: Step, place: str) -> str:
        if place == step.places[0]:
            seen.append((step.kind, step.places, step.limit))
        return WORKS

    assert world.rotate(watch).outcome == steps.PROMOTED
    assert seen == [
        ("apply", ("h1", "h2"), 300),
        ("ask", ("h1", "h2"), 300),
        ("apply", ("h3",), 150),
        ("ask", ("h3",), 150),
    ]
    assert world.journal().attempts == 1
    assert world.journal().behind == ()
    world.heal()


def test_it_is_promoted_when_every_host_that_can_be_reached_has_the_value() -> None:
    world = HostsWorld()
    world.service.down = {"h2"}
    done = world.rotate()
    assert done.outcome == steps.PROMOTED
    assert done.summary["behind"] == ["h2"]
    assert "h2" in done.summary["reason"]
    assert world.service.taken == {"h1": BOTH, "h2": {"value-0"}, "h3": BOTH}


def test_a_host_that_took_the_value_and_could_not_be_asked_counts_as_behind() -> None:
    world = HostsWorld()
    assert world.rotate(fates(ask=[{"h1": DOWN}])).summary["behind"] == ["h1"]
    world.heal()


@pytest.mark.parametrize("fate", [LANDS, LATE, LOST])
def test_a_host_without_an_answer_is_asked(fate: str) -> None:
    world = HostsWorld()
    done = world.rotate(fates(apply=[{"h1": fate}]))
    assert done.outcome == (steps.PROMOTED if fate == LANDS else steps.ROLLED_BACK)
    world.heal()


@pytest.mark.parametrize("step", ["apply", "ask"])
def test_a_host_that_can_be_reached_and_does_not_take_the_value_rolls_it_back_everywhere(step: str) -> None:
    world = HostsWorld()
    assert world.rotate(fates(**{step: [WORKS, {"h3": REFUSES}]})).outcome == steps.ROLLED_BACK
    assert set().union(*world.service.taken.values()) == {"value-0"}
    world.heal()


def test_where_no_host_can_be_reached_nothing_was_sent_and_nothing_is_left() -> None:
    world = HostsWorld()
    assert world.rotate(fates(apply=[DOWN, DOWN])).outcome == steps.ROLLED_BACK
    assert world.find(JOURNAL) is None
    world.service.down = {"h1", "h2", "h3"}
    assert world.rotate().outcome == steps.REFUSED
    assert world.find(JOURNAL) is None
    assert world.find(PENDING) is None


def test_where_no_host_that_took_it_can_be_asked_the_rotation_is_parked_and_goes_on_later() -> None:
    world = HostsWorld()
    assert world.rotate(fates(ask=[DOWN, DOWN])).outcome == steps.PARKED
    assert world.rotate().outcome == steps.PROMOTED
    assert world.journal().behind == ()
    world.heal()


def test_a_host_that_is_behind_keeps_the_old_value_however_long_it_takes() -> None:
    world = HostsWorld(grace=300)
    world.service.down = {"h2"}
    world.rotate()
    for _week in range(5):
        world.clock.forward(7 * 86400)
        assert world.settle().outcome == steps.PROMOTED
        assert value_of(world.read(PREVIOUS).fields) == "value-0"
    done = world.rotate()
    assert done.outcome == steps.PARKED
    assert "h2" in done.summary["reason"]
    assert world.journal().orphaned is False
    world.service.down = set()
    assert world.settle().outcome == steps.PROMOTED
    assert world.journal().behind == ()
    world.heal()


def test_it_catches_up_also_within_the_grace_period() -> None:
    world = HostsWorld(grace=86400)
    world.service.down = {"h1"}
    world.rotate()
    world.service.down = set()
    world.settle()
    assert world.service.taken["h1"] == BOTH
    assert world.journal().behind == ()


def test_previous_is_retired_only_once_all_sends_are_quiet() -> None:
    world = HostsWorld()
    world.service.down = {"h3"}
    world.rotate()
    world.clock.forward(LONG_AFTER)
    world.service.down = set()
    world.settle()
    world.clock.forward(LIFE + 119)
    world.settle()
    assert world.find(PREVIOUS) is not None
    world.clock.forward(1)
    world.settle()
    assert world.find(PREVIOUS) is None
    assert set().union(*world.service.taken.values()) == {"value-1"}


def test_a_host_that_lost_the_current_value_is_given_it_before_the_old_one_goes() -> None:
    world = HostsWorld()
    world.rotate()
    world.store.after = lambda: None
    check, world.check = world.check, lambda: None  # type: ignore[method-assign]
    world.service.taken["h2"] = {"value-0"}  # restored from a backup
    world.clock.forward(LONG_AFTER)
    world.settle()
    assert world.service.taken["h2"] == BOTH
    assert world.find(PREVIOUS) is not None
    world.check = check  # type: ignore[method-assign]
    world.heal()


def test_a_host_that_does_not_drop_the_old_value_keeps_it_stored() -> None:
    world = HostsWorld()
    world.rotate()
    world.clock.forward(LONG_AFTER)
    world.settle(fates(retire=[{"h1": REFUSES}]))
    assert world.find(PREVIOUS) is not None
    assert world.service.taken["h3"] == {"value-1"}  # the others were told all the same
    world.heal()


def test_a_host_that_is_gone_is_forgotten_only_when_a_person_says_so() -> None:
    world = HostsWorld()
    world.service.down = {"h2"}
    world.rotate()
    with pytest.raises(errors.InvalidInput) as raised:
        world.engine().forget(NAME, ["h1"])
    assert "'h1'" in str(raised.value)
    assert "h2" in str(raised.value)
    del world.service.taken["h2"]
    world.names = ("h1", "h3")
    assert world.engine().forget(NAME, ["h2"])["behind"] == []
    world.heal()


def test_a_host_that_dies_in_the_grace_period_is_named_and_can_be_forgotten() -> None:
    world = HostsWorld(grace=300)
    world.rotate()
    world.clock.forward(LONG_AFTER)
    world.service.down = {"h2"}
    done = world.settle()
    assert done.summary["behind"] == ["h2"]
    assert "h2" in done.summary["reason"]
    del world.service.taken["h2"]
    world.names = ("h1", "h3")
    assert world.engine().forget(NAME, ["h2"])["behind"] == []
    world.heal()


def test_a_host_that_comes_back_after_the_grace_period_drops_the_old_value_too() -> None:
    world = HostsWorld(grace=300)
    world.rotate()
    world.clock.forward(LONG_AFTER)
    world.service.down = {"h2"}
    world.settle()
    world.service.down = set()
    world.heal()
    assert set().union(*world.service.taken.values()) == {value_of(world.read(CURRENT).fields)}


def test_a_host_that_dies_while_a_rotation_is_rolled_back_is_named_and_can_be_forgotten() -> None:
    world = HostsWorld()
    assert world.rotate(fates(apply=[WORKS, {"h3": REFUSES}])).outcome == steps.ROLLED_BACK
    world.clock.forward(LONG_AFTER)
    world.service.down = {"h1"}
    assert "h1" in world.settle().summary["behind"]
    del world.service.taken["h1"]
    world.names = ("h2", "h3")
    assert "h1" not in world.engine().forget(NAME, ["h1"])["behind"]
    world.heal()


def test_the_last_host_is_not_forgotten() -> None:
    world = HostsWorld()
    world.rotate(fates(ask=[DOWN, DOWN]))
    with pytest.raises(errors.InvalidInput):
        world.engine().forget(NAME, ["h1", "h2", "h3"])
    with pytest.raises(errors.InvalidInput):
        HostsWorld().engine().forget(NAME, ["h1"])


def test_hosts_that_lack_the_current_value_get_it_again_after_going_back_in_vain() -> None:
    world = HostsWorld(grace=300)
    world.service.down = {"h2"}
    world.rotate()
    world.revert(fates(ask=[WORKS, REFUSES]))
    world.clock.forward(LONG_AFTER)
    assert world.settle().outcome == steps.ROLLED_BACK
    assert (world.journal().phase, world.journal().behind) == ("grace", ("h1", "h2", "h3"))
    world.service.down = set()
    world.heal()


def test_one_host_that_takes_neither_value_does_not_make_the_rotation_lost() -> None:
    world = HostsWorld()
    world.store.after = lambda: None
    world.check = lambda: None  # type: ignore[method-assign]
    world.service.taken["h1"] = set()
    assert world.rotate(fates(apply=[{"h1": LOST}])).outcome == steps.ROLLED_BACK
    assert value_of(world.read(CURRENT).fields) == "value-0"


def test_a_report_names_the_places_of_its_step() -> None:
    world = HostsWorld()
    engine, request = world.engine(), world.request()
    step = world.begin_rotation(engine, request)
    for places in ({"h1": steps.APPLIED}, {"h1": steps.APPLIED, "h2": steps.APPLIED, "h3": steps.APPLIED}, {}):
        with pytest.raises(errors.InvalidInput):
            engine.report(NAME, step.ticket, None, request, places=places)
    with pytest.raises(errors.InvalidInput):
        engine.report(NAME, step.ticket, None, request, places={"h1": steps.APPLIED, "h2": steps.ACCEPTED})


def test_hosts_that_take_one_value_at_a_time_are_refused() -> None:
    world = HostsWorld(overlap="none")
    with pytest.raises(errors.InvalidInput):
        world.rotate()


def test_a_host_that_is_new_when_the_rotation_goes_on_gets_the_value_too() -> None:
    world = HostsWorld()
    engine, request = world.engine(), world.request()
    world.begin_rotation(engine, request)
    world.dead.add("a")
    world.service.taken["h4"] = {"value-0"}
    world.names = ("h1", "h2", "h3", "h4")
    world.heal()


def test_what_is_promoted_in_need_leaves_the_old_value_to_the_hosts_that_lack_the_new_one() -> None:
    """Long after it was sent, the one host that can be asked takes the new value alone."""
    world = HostsWorld()
    assert world.rotate(fates(apply=[WORKS, DOWN], ask=[DOWN])).outcome == steps.PARKED
    world.clock.forward(LONG_AFTER)
    world.store.after = lambda: None
    world.check = lambda: None  # type: ignore[method-assign]
    world.service.taken = {"h1": {"value-1"}, "h2": {"value-0"}, "h3": {"value-0"}}

    def only_h1(step: Step, place: str) -> str:
        return DOWN if step.kind == steps.ASK and place != "h1" else WORKS

    assert world.settle(only_h1).outcome == steps.PROMOTED
    assert world.journal().behind == ("h2", "h3")
    assert value_of(world.read(PREVIOUS).fields) == "value-0"
    assert world.service.taken["h2"] == {"value-0"}
    world.heal()
