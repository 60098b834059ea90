# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rotation that no target gets: the new value becomes current in one compare-and-swap, between two writes of the journal."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Callable, List

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, JOURNAL, PREVIOUS
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import NO_TARGET, NO_TARGET_TRAITS
from tests.unit.crypto.sealed_stores import a_memory_store
from tests.unit.rotation.world import NAME, Crash, World, is_stored, stored

GRACE = timedelta(hours=1)


class Untargeted(World):
    """A credential that no service takes."""

    def __init__(self, grace: timedelta = timedelta(0), store: Backend | None = None) -> None:
        super().__init__(NO_TARGET_TRAITS, grace, store, NO_TARGET)

    def check(self) -> None:
        """Between any two writes there is a current value, and it is one that was stored on purpose."""
        assert self.values()[CURRENT] in [b"theirs", *(b"value-%d" % number for number in range(self.made + 1))]

    def after_the_next_write(self, change: Callable[[], object]) -> None:
        """Make the change once, right after the next write of the store; the first is the journal of a new rotation."""

        def once() -> None:
            self.store.after = self.check
            change()

        self.store.after = once


def replace_by_hand(world: World, **changes: Any) -> None:
    found = stored(world, CURRENT)
    world.memory.put(replace(found, serial=None, **changes), found.etag)


@pytest.mark.parametrize("grace", [timedelta(0), GRACE])
@pytest.mark.parametrize("encrypted", [False, True])
def test_a_run_after_a_crash_around_any_write_ends_the_rotation(grace: timedelta, encrypted: bool) -> None:
    for point in range(60):
        world = Untargeted(grace, a_memory_store() if encrypted else None)
        world.store.countdown = point
        crashed = False
        try:
            world.rotate()
        except Crash:
            crashed = True
        world.store.countdown = None
        world.dead.add("a")
        if is_stored(world, JOURNAL):
            # In the grace period there is nothing left to do, and no new rotation begins.
            assert (world.settle("b") if world.state() == "grace_period" else world.rotate(holder="b")).outcome == steps.PROMOTED
        assert world.state() == ("active" if not grace or world.values() == {CURRENT: b"value-0"} else "grace_period")
        world.clock.forward(2 * GRACE.total_seconds())
        world.settle("c")
        assert list(world.values()) == [CURRENT]
        assert not is_stored(world, JOURNAL)
        assert world.state() == "active"
        if not crashed:
            return
    pytest.fail("the rotation never came to its end")


@pytest.mark.parametrize("end", ["settle", "rotate"])
def test_a_controller_that_paused_before_it_replaced_the_value_changes_nothing(end: str) -> None:
    """Another one took the lease over, and gave the rotation up or finished it, in the meantime."""
    world = Untargeted()
    world.dead.add("a")
    seen: List[bytes] = []

    def overtake() -> None:
        getattr(world, end)(holder="b")
        seen.append(world.values()[CURRENT])

    world.after_the_next_write(overtake)
    with pytest.raises(errors.RotationInProgress):
        world.rotate(holder="a")
    assert [world.values()[CURRENT]] == seen
    assert world.state() == "active"
    assert not is_stored(world, JOURNAL)


def test_a_value_that_another_process_stores_meanwhile_stays() -> None:
    world = Untargeted()
    world.after_the_next_write(lambda: replace_by_hand(world, fields={"password": Secret("theirs")}))
    done = world.rotate()
    assert (done.outcome, done.summary["reason"]) == (steps.ROLLED_BACK, "another value was stored while the rotation was under way")
    assert world.values() == {CURRENT: b"theirs"}
    assert not is_stored(world, JOURNAL)


def test_metadata_that_another_process_changes_meanwhile_stays() -> None:
    world = Untargeted()

    def describe() -> None:
        found = stored(world, CURRENT)
        world.memory.patch_metadata(found.with_metadata(description="theirs"), found.revision)

    world.after_the_next_write(describe)
    assert world.rotate().outcome == steps.PROMOTED
    found = stored(world, CURRENT)
    assert found.full_metadata.description == "theirs"
    assert found.fields["password"] != Secret("value-0")


def test_a_controller_that_paused_after_such_a_change_changes_nothing_either() -> None:
    """It read the current value anew before it renewed its lease: what another controller does after that, it has not seen."""
    world = Untargeted()
    world.dead.add("a")

    def change_metadata() -> None:
        found = stored(world, CURRENT)
        world.memory.patch_metadata(found.with_metadata(description="theirs"), found.revision)
        world.after_the_next_write(lambda: world.settle("b"))

    world.after_the_next_write(change_metadata)
    with pytest.raises(errors.RotationInProgress):
        world.rotate(holder="a")
    assert world.values() == {CURRENT: b"value-0"}
    assert not is_stored(world, JOURNAL)


@pytest.mark.parametrize("grace", [timedelta(0), GRACE])
def test_a_value_that_the_store_refuses_leaves_everything_as_it_was(grace: timedelta) -> None:
    world = Untargeted(grace)
    world.store.refusal = errors.AccessDenied("no other value is taken")
    done = world.rotate()
    assert done.outcome == steps.ROLLED_BACK
    assert done.summary["reason"] == "the store refused the new value: no other value is taken"
    assert world.values() == {CURRENT: b"value-0"}
    assert (world.state(), is_stored(world, JOURNAL)) == ("active", False)


def test_the_history_has_every_transition_of_it() -> None:
    world = Untargeted()
    world.rotate()
    assert [step.event for step in stored(world, CURRENT).full_metadata.history] == ["schedule", "begin", "promoted", "grace_end"]
    world = Untargeted(GRACE)
    world.rotate()
    assert [step.event for step in stored(world, CURRENT).full_metadata.history] == ["schedule", "begin", "promoted"]
    assert stored(world, PREVIOUS).fields["password"] == Secret("value-0")


def test_it_writes_the_value_once_and_the_journal_twice() -> None:
    world, writes = Untargeted(), []
    world.store.after = lambda: writes.append(is_stored(world, JOURNAL))
    world.rotate()
    assert writes == [True, True, False]
    assert stored(world, CURRENT).name == NAME


@pytest.mark.parametrize("end", ["settle", "rollback"])
def test_giving_up_after_a_crash_leaves_no_copy_of_the_value_behind(end: str) -> None:
    """For a grace period, the value is copied to `previous` before it is replaced."""
    copied = set()
    for point in range(60):
        world = Untargeted(GRACE)
        world.store.countdown = point
        try:
            world.rotate()
        except Crash:
            pass
        world.store.countdown = None
        world.dead.add("a")
        if world.values()[CURRENT] != b"value-0":
            break
        if not is_stored(world, JOURNAL):
            continue
        copied.add(is_stored(world, PREVIOUS))
        step = world.settle("b") if end == "settle" else world.engine("b").rollback(world.request())
        assert step.outcome == steps.ROLLED_BACK
        assert (world.values(), world.state(), is_stored(world, JOURNAL)) == ({CURRENT: b"value-0"}, "active", False)
    assert copied == {False, True}
