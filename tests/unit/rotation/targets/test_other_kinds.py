# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Targets of other kinds than ours, through operation, JSON and driver: one whose service makes the value, one with several hosts."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any, Iterator

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotate import STEP
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import base, registry, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Held, Made, Value
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.plugin_utils.action.rotation_driver import RotationDriver
from tests.unit.crypto.sealed_stores import a_memory_store
from tests.unit.rotation.targets.recorded_modules import Recorded

KIND = "acme.vaulty.fake"
LONG = timedelta(hours=1)


class Fake(base.Target):
    kind = KIND
    summary = about = ""
    options: dict[str, Any] = {}
    accepted: dict[str, set[bytes]] = {}
    reachable: set[str] = set()

    def __init__(self, options: Any, current: Value) -> None:
        self.current = current

    def describe(self) -> dict[str, Any]:
        return {}

    def precheck(self, modules: Any) -> None:
        pass

    def apply(self, modules: Any, value: Value, place: str = "") -> str:
        if place not in self.reachable:
            return steps.UNAVAILABLE
        self.accepted[place].add(value.fields[value.primary].expose())
        return steps.APPLIED

    def probe(self, modules: Any, value: Value, place: str = "") -> str:
        if place not in self.reachable:
            return steps.UNAVAILABLE
        return steps.ACCEPTED if value.fields[value.primary].expose() in self.accepted[place] else steps.REFUSED

    def retire(self, modules: Any, value: Value, place: str = "") -> str:
        if place not in self.reachable:
            return steps.UNAVAILABLE
        self.accepted[place].discard(value.fields[value.primary].expose())
        return steps.APPLIED


class Keys(Fake):
    """Makes its keys itself, and takes two."""

    traits = base.TargetTraits(base.MULTI, base.NATIVE, "asks", 100, maker=base.SERVICE, slots=2, marks=True)
    held: dict[str, Held] = {}

    def make(self, modules: Any, base: Value, mark: str) -> Made:
        name = "key-{0}".format(len(self.accepted[""]))
        self.held[name] = Held(mark)
        self.accepted[""].add(name.encode())
        return Made(steps.APPLIED, Value({"password": Secret(name)}, {steps.ID: name}))

    def list_held(self, modules: Any) -> dict[str, Held]:
        return dict(self.held)

    def retire(self, modules: Any, value: Value, place: str = "") -> str:
        self.held.pop(value.identity.get(steps.ID, ""), None)
        return super().retire(modules, value, place)


class Hosts(Fake):
    """Three hosts that take a key each."""

    traits = base.TargetTraits(base.MULTI, base.NATIVE, "asks", 100, slots=2)

    def places(self) -> tuple[str, ...]:
        return ("a", "b", "c")


class World:
    """A credential, whose target is one of the classes above."""

    def __init__(self, target: type[Fake], *places: str) -> None:
        self.now, self.elapsed, self.target = datetime(2026, 11, 29, tzinfo=timezone.utc), 0.0, target
        backend = a_memory_store()
        backend.connect()
        self.manager = CredentialManager(backend, clock=lambda: self.now)
        self.manager.create(DesiredCredential("key", type="basic", value=Secret("old-word"), fields={"username": Secret("app")}))
        target.accepted = {place: {b"old-word"} for place in places}
        target.reachable = set(places)
        registry.add_target(KIND, target)

    def perform(self, phase: str = "auto", **options: Any) -> dict[str, Any]:
        parameters = {"name": "key", "phase": phase, "target": KIND, "target_options": {}, **options}
        return json.loads(json.dumps(perform(self.manager, "credential_rotate", parameters, AccessContext()).result))

    def rotate(self, phase: str = "auto", **options: Any) -> dict[str, Any]:
        def perform_step(step: dict[str, Any]) -> Outcome:
            return Outcome(self.perform(phase, **options, **{STEP: json.loads(json.dumps(step))}))

        return RotationDriver(perform_step, self.target, Recorded(None), lambda: self.elapsed, self.wait).drive().result

    def wait(self, seconds: float) -> None:
        self.elapsed += seconds

    def current(self) -> Any:
        return self.manager.inspect("key")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    registry._added.clear()


def test_a_value_that_the_service_makes_is_stored_with_what_names_it_and_the_old_one_is_retired() -> None:
    world = World(Keys, "")
    Keys.held = {"old": Held()}
    assert world.rotate()["outcome"] == "promoted"
    current = world.current()
    assert current.fields["password"].expose() == b"key-1"
    assert current.fields["username"].expose() == b"app"
    assert current.metadata.attributes["identity"] == {"id": "key-1"}
    assert Keys.accepted[""] == {b"old-word", b"key-1"}
    world.now += LONG
    world.rotate(phase="settle")
    assert Keys.accepted[""] == {b"key-1"}


def test_a_value_of_ones_own_is_refused_where_the_service_makes_it() -> None:
    world = World(Keys, "")
    for options in ({"value": "mine"}, {"fields": {"username": "x"}}, {"generate": {"length": 9}}):
        with pytest.raises(errors.InvalidInput) as raised:
            world.rotate(**options)
        assert raised.value.option in options


def test_a_host_that_is_down_gets_the_value_in_a_later_run_and_the_old_one_is_kept_until_then() -> None:
    world = World(Hosts, "a", "b", "c")
    Hosts.reachable = {"a", "b"}
    assert world.rotate()["outcome"] == "promoted"
    new = world.current().fields["password"].expose()
    assert [sorted(Hosts.accepted[place]) for place in "abc"] == [sorted([b"old-word", new])] * 2 + [[b"old-word"]]
    world.now += LONG
    world.rotate(phase="settle")
    assert b"old-word" in Hosts.accepted["c"]
    Hosts.reachable = {"a", "b", "c"}
    for _each in range(3):
        world.now += LONG
        world.rotate(phase="settle")
    assert all(Hosts.accepted[place] == {new} for place in "abc")


def test_a_host_that_is_gone_leaves_by_being_forgotten() -> None:
    world = World(Hosts, "a", "b", "c")
    Hosts.reachable = {"a", "b"}
    world.rotate()
    with pytest.raises(errors.InvalidInput) as raised:
        world.perform(phase="forget", forget=["d"])
    assert "It waits for: c" in str(raised.value)
    world.perform(phase="forget", forget=["c"])
    for _each in range(3):
        world.now += LONG
        world.rotate(phase="settle")
    assert all(Hosts.accepted[place] == {world.current().fields["password"].expose()} for place in "ab")
