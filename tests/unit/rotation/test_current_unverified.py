# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Before anything is sent the target has to accept the current value, unless the task says that it need not."""

from __future__ import annotations

from typing import Any, Callable, Iterator, List, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, JOURNAL, PENDING, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import TargetTraits
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step
from tests.unit.rotation.services import REFUSES, WORKS
from tests.unit.rotation.target_worlds import HostsWorld, KeysWorld, PasswordsWorld
from tests.unit.rotation.world import LIFE, LONG_AFTER, NAME, Crash, World, is_stored, smooth, stored

REAPPLY, FORWARD_ONLY = TargetTraits("none", "reapply", "asks", LIFE), TargetTraits("none", "none", "asks", LIFE)


def unknown_value(traits: TargetTraits = REAPPLY) -> World:
    """A target that takes a value which is in no stage."""
    world = World(traits)
    world.target.value = b"set by hand"
    # What the target takes is not in the store, so the invariant holds from the first accepted value on.
    known = world.check

    def check() -> None:
        world.target.land()
        if world.target.value != b"set by hand":
            known()

    world.check = world.store.after = check  # type: ignore[method-assign]
    return world


def sends(world: World) -> List[bytes]:
    """What is sent to the target from now on."""
    sent: List[bytes] = []
    real = world.target.send

    def send(value: bytes, fate: str, delay: float = 0) -> str:
        sent.append(value)
        return real(value, fate, delay)

    world.target.send = send  # type: ignore[method-assign]
    return sent


def test_a_current_value_that_the_target_refuses_refuses_the_rotation_and_leaves_nothing() -> None:
    world = unknown_value()
    sent = sends(world)
    done = world.rotate()
    assert done.outcome == steps.REFUSED
    assert "does not accept the current value" in done.summary["reason"]
    assert sent == []
    assert world.values() == {CURRENT: b"value-0"}
    assert world.state() == "active"
    assert not stored(world, CURRENT).full_metadata.history
    assert not is_stored(world, JOURNAL)


@pytest.mark.parametrize(("outcome", "words"), [(steps.UNAVAILABLE, "could not be tried"), (steps.ACCEPTS_ANYTHING, "random wrong value")])
def test_a_current_value_that_cannot_be_tried_refuses_the_rotation_with_the_reason(outcome: str, words: str) -> None:
    world = World()
    engine, request = world.engine(), world.request()
    step = engine.prepare(request)
    done = engine.report(NAME, step.ticket, outcome, request, note="the role may not log in")
    assert (done.kind, done.outcome) == (steps.DONE, steps.REFUSED)
    assert words in done.summary["reason"]
    assert "(the role may not log in)" in done.summary["reason"]
    assert not is_stored(world, JOURNAL)


@pytest.mark.parametrize("traits", [REAPPLY, FORWARD_ONLY])
def test_with_the_tasks_permission_it_is_replaced_and_the_result_says_so(traits: TargetTraits) -> None:
    world = unknown_value(traits)
    done = world.rotate(current_unverified=True)
    assert done.outcome == steps.PROMOTED
    assert done.summary["current_verified"] is False
    assert world.target.value == world.values()[CURRENT] == b"value-1"
    assert World().rotate(current_unverified=True).summary["current_verified"] is True


def test_a_target_that_accepts_anything_is_refused_with_that_permission_too() -> None:
    world = World()
    world.target.anything = True
    assert world.rotate(current_unverified=True).outcome == steps.REFUSED
    assert not is_stored(world, JOURNAL)


@pytest.mark.parametrize("sent_as", [steps.APPLIED, steps.UNKNOWN, steps.REFUSED])
def test_nothing_is_rolled_back_to_an_unverified_value_and_an_open_outcome_is_parked(sent_as: str) -> None:
    world = unknown_value()
    world.target.ask = lambda _value: steps.REFUSED  # type: ignore[method-assign]
    sent = sends(world)

    def fate(step: Step) -> Tuple[str, float]:
        return (sent_as, 0) if step.kind == steps.APPLY else smooth(step)

    done = world.rotate(fate, current_unverified=True)
    assert done.outcome == steps.PARKED
    assert done.summary["current_verified"] is False
    assert sent == [b"value-1"]
    assert world.values() == {CURRENT: b"value-0", PENDING: b"value-1"}
    world.clock.forward(LONG_AFTER)
    assert world.settle().outcome == steps.PARKED
    assert sent == [b"value-1"]


def test_a_parked_one_is_promoted_once_the_target_lets_the_new_value_in() -> None:
    world = unknown_value()
    real, world.target.ask = world.target.ask, lambda _value: steps.REFUSED  # type: ignore[method-assign]
    world.rotate(current_unverified=True)
    world.target.ask = real  # type: ignore[method-assign]
    assert world.settle().outcome == steps.PROMOTED
    assert world.values()[CURRENT] == world.target.value == b"value-1"


def test_a_current_value_that_the_target_accepts_after_all_is_kept() -> None:
    """The target opens again with the old value: that was seen, so it is a verified value."""
    world = unknown_value()
    world.target.refuses = lambda value: value == b"value-1"

    def fate(step: Step) -> Tuple[str, float]:
        if step.kind == steps.APPLY:
            world.target.value = b"value-0"
        return smooth(step)

    assert world.rotate(fate, current_unverified=True).outcome == steps.ROLLED_BACK


def test_a_rotation_that_crashed_before_it_sent_anything_is_checked_again() -> None:
    world = World()
    engine, request = world.engine(), world.request()
    world.store.countdown = 8
    with pytest.raises(Crash):
        world.drive(engine, engine.prepare(request), request, smooth)
    world.store.countdown = None
    assert stored(world, JOURNAL).full_metadata.attributes["rotation"]["phase"] == "prepared"
    world.dead.add("a")
    world.check = world.store.after = lambda: None  # type: ignore[method-assign]
    world.target.value = b"set by hand"
    assert world.rotate(holder="b").outcome == steps.REFUSED
    world.target.value = b"value-0"
    assert world.rotate(holder="b").outcome == steps.PROMOTED


def test_a_value_that_is_stored_after_the_check_is_checked_too() -> None:
    world = World()
    engine, request = world.engine(), world.request()
    step = engine.prepare(request)
    current = stored(world, CURRENT)
    world.memory.put(Record(NAME, "basic", {"password": Secret(b"foreign")}, metadata=current.metadata), current.etag)
    again = engine.report(NAME, step.ticket, steps.ACCEPTED, request)
    assert again.kind == steps.CHECK
    assert again.fields["password"].expose() == b"foreign"
    assert engine.report(NAME, again.ticket, steps.REFUSED, request).outcome == steps.REFUSED


def test_the_next_rotation_after_a_grace_period_begins_with_a_check() -> None:
    world = PasswordsWorld()
    world.rotate()
    world.clock.forward(LONG_AFTER)
    engine, request = world.engine("next"), world.request()
    step, kinds = engine.prepare(request), []
    while step.kind != steps.APPLY:
        kinds.append(step.kind)
        report = world.act(step, lambda _step, _place: WORKS)
        step = engine.report("key", step.ticket, report.pop("outcome"), request, **report)
    assert kinds == [steps.ASK, steps.RETIRE, steps.CHECK]


def test_going_back_is_checked_too_unless_it_sends_nothing() -> None:
    passwords, keys = PasswordsWorld(grace=300), KeysWorld(grace=300)
    for world in (passwords, keys):
        world.rotate()
    assert passwords.engine().rollback(passwords.request()).kind == steps.CHECK
    assert keys.engine().rollback(keys.request()).kind == steps.ASK


def test_one_host_that_accepts_the_current_value_is_enough() -> None:
    """As after a rollback; a host that is new, or was restored from a backup, gets the new value with the others."""
    world = HostsWorld()
    engine, request = world.engine(), world.request()
    step = engine.prepare(request)
    assert step.places == ("h1", "h2", "h3")
    outcomes = {"h1": steps.REFUSED, "h2": steps.UNAVAILABLE, "h3": steps.ACCEPTED}
    assert engine.report("key", step.ticket, None, request, places=outcomes).kind == steps.APPLY


@pytest.mark.parametrize("places", [{"h1": steps.ACCEPTED}, dict.fromkeys(("h1", "h2", "h3"), steps.APPLIED), {}])
def test_a_check_is_reported_with_its_own_outcomes_and_places(places: Any) -> None:
    world = HostsWorld()
    engine, request = world.engine(), world.request()
    step = engine.prepare(request)
    with pytest.raises(errors.InvalidInput):
        engine.report("key", step.ticket, None, request, places=places)


def test_a_service_that_makes_its_values_is_checked_before_one_is_made() -> None:
    world = KeysWorld()
    engine, request = world.engine(), world.request()
    step = engine.prepare(request)
    assert step.kind == steps.CHECK
    done = engine.report("key", step.ticket, None, request, places={"": steps.REFUSED})
    assert done.outcome == steps.REFUSED
    assert set(world.service.keys) == {"AK1"}


def test_two_values_at_once_drop_nothing_for_an_unverified_one() -> None:
    world = PasswordsWorld()
    world.check = world.store.after = lambda: None  # type: ignore[method-assign]
    world.service.taken[""] = {"set by hand"}
    engine, request = world.engine(), world.request(current_unverified=True)

    def fate(step: Step, _place: str) -> str:
        assert step.kind != steps.RETIRE
        return REFUSES if step.kind == steps.ASK else WORKS

    assert world.drive(engine, engine.prepare(request), request, fate).outcome == steps.PARKED


def test_the_cause_that_a_target_notes_is_in_the_reason_once() -> None:
    world = World()
    engine, request = world.engine(), world.request()
    step = world.begin_rotation(engine, request)
    step = engine.report(NAME, step.ticket, steps.UNKNOWN, request, note="the program 'apply' ended with status 1")
    assert step.summary["reason"].endswith("made the change (the program 'apply' ended with status 1)")
    for _each in range(3):
        assert engine.report(NAME, step.ticket, steps.UNAVAILABLE, request, note="no response").outcome == steps.PARKED
        step = world.engine().settle(NAME)
    assert step.summary["reason"].count("no value can be tried") == 1


# A small model: what the target takes, what flies there, what is stored, and what the run says in the end.

Model = Tuple[str, Optional[str], frozenset, str]


def model(send_back: bool) -> Callable[[Model], Iterator[Model]]:
    """The steps of a rotation whose current value (old) the target does not accept; another run goes on from each."""

    def course(state: Model) -> Iterator[Model]:
        takes, flying, kept, at = state
        if flying is not None:
            yield flying, None, kept, at
            yield takes, None, kept, at
        if at == "send":
            yield "new", None, kept | {"new"}, "verify"
            yield takes, "new", kept | {"new"}, "verify"
        elif at == "verify":
            yield takes, flying, kept, "promoted" if takes == "new" else "give up"
            yield takes, flying, kept, "give up"  # the target answers, and lets no value in
        elif at == "give up" and send_back:
            yield takes, flying, kept, "rolled back"  # sent, and refused again: nobody knows what it takes
            yield "old", flying, kept, "rolled back"
        elif at == "give up":
            yield takes, flying, kept, "rolled back" if takes == "old" else "parked"
        elif at == "parked":
            yield takes, flying, kept, "verify"

    return course


def states_of(send_back: bool) -> set[Model]:
    from tests.unit.rotation.state_search import reachable

    return reachable(("unknown", None, frozenset(("old",)), "send"), model(send_back))


def test_a_model_shows_that_only_going_forward_never_claims_a_value_that_does_not_open() -> None:
    def is_honest(state: Model) -> bool:
        takes, _flying, _kept, at = state
        return at != "rolled back" or takes == "old"

    assert all(is_honest(state) and (state[0] == "unknown" or state[0] in state[2]) for state in states_of(send_back=False))
    assert not all(is_honest(state) for state in states_of(send_back=True))


FATES = st.sampled_from([steps.APPLIED, steps.REFUSED, steps.UNKNOWN, steps.UNAVAILABLE])


@given(st.data())
def test_whatever_happens_an_unverified_value_is_not_sent_and_is_kept_where_it_is(data: Any) -> None:
    """Runs of several controllers with late landings, refusals, outages, clocks that move, and crashes at any write."""
    world = unknown_value(data.draw(st.sampled_from([REAPPLY, FORWARD_ONLY])))
    sent = sends(world)

    def fate(step: Step) -> Tuple[str, float]:
        world.clock.forward(data.draw(st.integers(0, 30)))
        if step.kind == steps.APPLY:
            return data.draw(FATES), data.draw(st.integers(0, LIFE))
        return data.draw(st.sampled_from([steps.ACCEPTED, steps.ACCEPTED, steps.UNAVAILABLE])), 0

    for number in range(data.draw(st.integers(1, 4))):
        holder = "controller-{}".format(number)
        world.store.countdown = data.draw(st.none() | st.integers(0, 40))
        engine, request = world.engine(holder), world.request(current_unverified=True)
        try:
            first = engine.prepare(request) if data.draw(st.booleans()) else engine.settle(NAME)
            done = world.drive(engine, first, request, fate)
            assert done.outcome != steps.LOST
        except (Crash, errors.RotationInProgress, errors.RotationParked):
            pass
        world.store.countdown = None
        if b"value-1" not in sent or world.values()[CURRENT] == b"value-0":
            assert b"value-0" not in sent
        if data.draw(st.booleans()):
            world.dead.add(holder)
        world.clock.forward(data.draw(st.integers(0, 900)))
        world.check()
