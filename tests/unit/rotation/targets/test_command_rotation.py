# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotations against the target `command`, whole: the operation, the driver and real programs, with faults and crashes at each of them.

At the end store and service always hold one value, the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Optional, Sequence

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotate import STEP
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.command import Command
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.plugin_utils.action.rotation_driver import RotationDriver
from tests.unit.crypto.sealed_stores import a_memory_store
from tests.unit.rotation.targets.local_programs import FileService, LocalPrograms

LONG = timedelta(hours=1)
STAGES = ("current", "pending", "previous")


class Crash(BaseException):
    """The controller died. Not an Exception, so nothing catches it on the way."""


class Faulty(LocalPrograms):
    """Programs of which one call (counted from 1) fails: `before` and `after` it the controller dies, `silent` has no answer."""

    def __init__(self, call: int = 0, fault: str = "") -> None:
        super().__init__()
        self.left, self.fault, self.fired = call, fault, False

    def run_program(self, argv: Sequence[str], stdin: bytes, limit: Any = "") -> Optional[int]:
        self.left -= 1
        self.fired = self.fired or self.left == 0
        if self.left == 0 and self.fault == "before":
            raise Crash
        status = super().run_program(argv, stdin, limit) if not (self.left == 0 and self.fault == "lost") else None
        if self.left == 0 and self.fault == "after":
            raise Crash
        return None if self.left == 0 and self.fault == "silent" else status


class World:
    """A credential in a store whose clock stands until it is moved, and the service that takes it."""

    def __init__(self, directory: Path, overlap: str) -> None:
        self.elapsed = 0.0
        self.now = datetime(2026, 11, 29, tzinfo=timezone.utc)
        backend = a_memory_store()
        backend.connect()
        self.manager = CredentialManager(backend, clock=lambda: self.now)
        self.manager.create(DesiredCredential("door", type="basic", value=Secret("old-word"), fields={"username": Secret("app")}))
        self.service = FileService(directory)
        self.service.take(b"old-word")
        self.options = self.service.dual() if overlap == "dual" else self.service.options()

    def rotate(self, programs: Optional[LocalPrograms] = None, phase: str = "auto", **options: Any) -> dict[str, Any]:
        parameters = {"name": "door", "phase": phase, "target": "command", "command": {**self.options, **options}}

        def perform_step(step: dict[str, Any]) -> Any:
            outcome = perform(self.manager, "credential_rotate", {**parameters, STEP: step}, AccessContext())
            self.check()
            return outcome

        driver = RotationDriver(perform_step, Command, programs or LocalPrograms(), lambda: self.elapsed, self.wait)
        return driver.drive().result

    def wait(self, seconds: float) -> None:
        self.elapsed += seconds

    def values(self) -> dict[str, bytes]:
        found = {}
        for stage in STAGES:
            try:
                found[stage] = self.manager.inspect("door", stage=stage).fields["password"].expose()
            except errors.NotFound:
                continue
        return found

    def check(self) -> None:
        """The invariant: what the service takes is in the store."""
        assert set(self.service.held()) <= set(self.values().values())

    def finish(self) -> None:
        """Let other runs finish what is open, long after; then store and service hold one value, and can be rotated again."""
        for _each in range(4):
            self.now += LONG
            if self.rotate(phase="settle")["rotation"]["phase"] is None:
                break
        assert self.service.held() == [self.values()["current"]]
        assert set(self.values()) == {"current"}
        self.now += LONG
        assert self.rotate()["outcome"] == "promoted"


@pytest.fixture(params=["none", "dual"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return World(tmp_path, request.param)


def test_the_service_takes_the_new_value_and_the_report_names_the_programs(world: World) -> None:
    result = world.rotate()
    assert result["outcome"] == "promoted"
    assert result["rotation"]["target"]["kind"] == "command"
    assert world.values()["current"] in world.service.held()
    assert world.values()["current"] != b"old-word"


def test_with_overlap_the_old_value_opens_through_the_grace_period_and_is_dropped_after_it(tmp_path: Path) -> None:
    world = World(tmp_path, "dual")
    world.rotate()
    new = world.values()["current"]
    assert world.service.held() == [b"old-word", new]
    assert world.values()["previous"] == b"old-word"
    world.rotate(phase="settle")
    assert world.service.held() == [b"old-word", new]
    world.now += LONG
    world.rotate(phase="settle")
    assert world.service.held() == [new]
    assert world.values() == {"current": new}


@pytest.mark.parametrize("fault", ["after", "lost", *(pytest.param(fault, marks=pytest.mark.long) for fault in ("before", "silent"))])
def test_a_crash_or_a_lost_answer_at_any_program_loses_nothing(world: World, tmp_path: Path, fault: str) -> None:
    call, fired = 0, True
    while fired:
        call += 1
        (tmp_path / str(call)).mkdir()
        each = World(tmp_path / str(call), world.options["overlap"])
        programs = Faulty(call, fault)
        try:
            each.rotate(programs)
        except (Crash, errors.CredentialError):
            each.check()
        fired = programs.fired
        each.finish()
    assert call > 6


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"apply": ["sh", "-c", "exit 3"]}, "the program 'apply' ended with status 3"),
        ({"apply": ["sh", "-c", "exit 77"]}, "the program 'apply' ended with status 77"),
        ({"apply": ["sleep", "60"], "time_limit": 1}, ": it was killed, for example after its time limit"),
        ({"apply": ["true"]}, "the program 'verify' ended with status 77"),
        ({"verify": ["sh", "-c", "exit 4"]}, "the program 'verify' ended with status 4"),
    ],
)
def test_the_exit_status_of_a_program_that_failed_is_in_the_message(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(errors.CredentialError) as raised:
        World(tmp_path, "none").rotate(**options)
    assert words in str(raised.value)


def test_a_service_that_does_not_accept_the_current_value_is_sent_nothing(world: World) -> None:
    world.service.take(b"set by hand")
    world.check = lambda: None  # type: ignore[method-assign]
    with pytest.raises(errors.RotationFailed) as raised:
        world.rotate()
    assert "does not accept the current value (the program 'verify' ended with status 77)" in str(raised.value)
    assert world.service.held() == [b"set by hand"]
    assert world.values() == {"current": b"old-word"}


def test_a_program_that_says_done_and_does_nothing_is_found_out(world: World) -> None:
    with pytest.raises(errors.RotationFailed) as raised:
        world.rotate(apply=["true"])
    assert "does not accept the new value" in str(raised.value)
    assert world.values()["current"] == b"old-word"
    world.finish()


def test_a_program_that_fails_is_reported_as_an_outcome_that_is_not_known(world: World) -> None:
    with pytest.raises(errors.RotationFailed) as raised:
        world.rotate(apply=["false"])
    assert "it was not known whether the target made the change" in str(raised.value)
    assert world.values()["current"] == b"old-word"
    world.finish()


def test_a_service_that_refuses_keeps_the_old_value(world: World) -> None:
    with pytest.raises(errors.RotationFailed) as raised:
        world.rotate(apply=["sh", "-c", "exit 77"])
    assert "refused" in str(raised.value)
    assert world.service.held() == [b"old-word"]
    world.finish()


def test_a_service_that_is_down_gets_nothing(world: World) -> None:
    with pytest.raises(errors.RotationFailed) as raised:
        world.rotate(apply=["sh", "-c", "exit 69"])
    assert "could not be reached" in str(raised.value)
    assert world.service.held() == [b"old-word"]
    assert world.values() == {"current": b"old-word"}


def test_nothing_is_begun_where_the_programs_are_not_in_order(world: World) -> None:
    with pytest.raises(errors.Unavailable):
        world.rotate(verify=["true"])
    assert world.values() == {"current": b"old-word"}
