# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that take two values at once, in process, and their targets.

`Keys` makes its values itself and holds two (as clouds do with keys). `Passwords` takes several passwords of a user (as a Redis ACL
does). `Hosts` are several hosts that take a key each (as SSH does). What is sent to them may land late, be lost, or be refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import stamp
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    Held,
    Made,
    Modules,
    Target,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import ID, Step
from tests.unit.rotation.world import Clock

LIFE = 100

WORKS = "works"
DOWN = "down"
"""Nothing leaves the controller."""
REFUSES = "refuses"
LANDS = "lands"
"""It is done, and the answer is lost."""
LATE = "late"
"""It is done half a life later; there is no answer."""
LOST = "lost"
"""It is never done; there is no answer."""
FATES = (WORKS, DOWN, REFUSES, LANDS, LATE, LOST)

Fate = Callable[[Step, str], str]


class Service:
    """What requests reach, at once or late."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.now = clock.now
        self.flying: list[tuple[Any, Callable[[], Any]]] = []

    def land(self) -> None:
        """Do what is due."""
        due = [request for request in self.flying if request[0] <= self.clock.now]
        self.flying = [request for request in self.flying if request[0] > self.clock.now]
        for self.now, act in due:
            act()
        self.now = self.clock.now

    def send(self, fate: str, act: Callable[[], Any]) -> str:
        """Take a request; the outcome that its sender sees."""
        self.land()
        if fate == LATE:
            self.flying.append((self.clock.now + timedelta(seconds=LIFE / 2), act))
        elif fate in {WORKS, LANDS} and act() is False:
            return steps.REFUSED
        return {WORKS: steps.APPLIED, DOWN: steps.UNAVAILABLE, REFUSES: steps.REFUSED}.get(fate, steps.UNKNOWN)


class FakeTarget(Target):
    """What the three have in common. The fate of a call is set by the driver before it."""

    options: ClassVar[Mapping[str, Any]] = {}
    the_traits: ClassVar[TargetTraits]
    service: Any
    fate = WORKS

    def __init__(self, options: Mapping[str, Any], current: Value) -> None:
        self.given = options

    @property
    def traits(self) -> TargetTraits:
        return replace(self.the_traits, **self.given)

    def describe(self) -> dict[str, Any]:
        return {}

    def precheck(self, modules: Modules) -> None:
        return

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        if self.fate in {DOWN, LOST, LATE}:
            return steps.UNAVAILABLE
        self.service.land()
        return steps.ACCEPTED if self.fate != REFUSES and self.service.opens(value.fields, place) else steps.REFUSED


class Keys(Service):
    """Makes keys: an id, a secret, when it was made, and a mark where the service carries one."""

    def __init__(self, clock: Clock, slots: int = 2) -> None:
        super().__init__(clock)
        self.slots, self.number = slots, 0
        self.keys: dict[str, tuple[str, Held]] = {}
        self.deleted: list[str] = []

    def make(self, mark: str = "") -> str | None:
        """Make a key; its id, or None if all slots are taken."""
        if len(self.keys) >= self.slots:
            return None
        self.number += 1
        name = "AK{}".format(self.number)
        self.keys[name] = ("secret-{}".format(self.number), Held(mark, stamp(self.now) // 1000000))
        return name

    def drop(self, name: str) -> None:
        self.deleted += [name] * (name in self.keys)
        self.keys.pop(name, None)

    def fields(self, name: str) -> dict[str, Secret]:
        return {"username": Secret(name), "password": Secret(self.keys[name][0])}

    def opens(self, fields: Mapping[str, Secret], place: str = "") -> bool:
        name = id_of(fields)
        return name in self.keys and self.keys[name][0] == fields["password"].expose().decode()


class KeysTarget(FakeTarget):
    kind = "keys"
    the_traits = TargetTraits("multi", "none", "signs a request", LIFE, maker="service", slots=2, propagation=10)
    service: Keys

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        raise AssertionError("a value that the service made is never sent")

    def make(self, modules: Modules, base: Value, mark: str) -> Made:
        made: list[str | None] = []

        def act() -> bool:
            made.append(self.service.make(mark if self.traits.marks else ""))
            return made[0] is not None

        outcome = self.service.send(self.fate, act)
        if outcome != steps.APPLIED or made[0] is None:
            return Made(outcome)
        return Made(outcome, Value(self.service.fields(made[0]), {ID: made[0]}))

    def list_held(self, modules: Modules) -> dict[str, Held] | None:
        self.service.land()
        if self.fate in {DOWN, LOST, LATE}:
            return None
        return {name: held for name, (_secret, held) in self.service.keys.items()}

    def retire(self, modules: Modules, value: Value, place: str = "") -> str:
        return self.service.send(self.fate, lambda: self.service.drop(value.identity.get(ID) or id_of(value.fields)))


class Hosts(Service):
    """Hosts that take several values each."""

    def __init__(self, clock: Clock, names: Iterable[str] = ("",)) -> None:
        super().__init__(clock)
        self.taken: dict[str, set[str]] = {name: set() for name in names}
        self.down: set[str] = set()

    def opens(self, fields: Mapping[str, Secret], place: str = "") -> bool:
        return value_of(fields) in self.taken[place]


class PasswordsTarget(FakeTarget):
    """One user with several passwords."""

    kind = "passwords"
    the_traits = TargetTraits("multi", "none", "logs in", LIFE, slots=2)
    service: Hosts

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        return self._send(place, lambda: self.service.taken[place].add(value_of(value.fields)))

    def retire(self, modules: Modules, value: Value, place: str = "") -> str:
        return self._send(place, lambda: self.service.taken[place].discard(value_of(value.fields)))

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        return steps.UNAVAILABLE if place in self.service.down else super().probe(modules, value, place)

    def _send(self, place: str, act: Callable[[], Any]) -> str:
        return self.service.send(DOWN if place in self.service.down else self.fate, act)


class HostsTarget(PasswordsTarget):
    """One key on several hosts, two of which fit into one step."""

    kind = "hosts"
    the_traits = TargetTraits("multi", "none", "logs in", LIFE, apply_limit=150, ask_limit=150, slots=2)

    def places(self) -> tuple[str, ...]:
        return tuple(self.service.taken)


def id_of(fields: Mapping[str, Secret]) -> str:
    return fields["username"].expose().decode()


def value_of(fields: Mapping[str, Secret]) -> str:
    return fields["password"].expose().decode()


def smooth(_step: Step, _place: str) -> str:
    """Everything works."""
    return WORKS


def fates(**by_kind: Any) -> Fate:
    """The fates of steps by kind, the first ones; then everything works. A fate may be a mapping of places."""
    left = {kind: list(given) if isinstance(given, (list, tuple)) else [given] for kind, given in by_kind.items()}
    standing: dict[str, Any] = {}

    def fate(step: Step, place: str) -> str:
        key = "{} {}".format(step.ticket, step.kind)
        if key not in standing:
            standing[key] = left[step.kind].pop(0) if left.get(step.kind) else WORKS
        chosen = standing[key]
        return chosen.get(place, WORKS) if isinstance(chosen, Mapping) else chosen

    return fate
