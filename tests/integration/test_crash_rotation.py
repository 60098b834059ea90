# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`kill -9` of a rotation: what the target takes is in the store at once, and the next controller brings both to one value.

The store is a real encrypted one; the target is a file that holds the one password it takes, replaced in one step.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.lifecycle import ACTIVE
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PENDING, PREVIOUS, Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.engine import RotationEngine
from ansible_collections.nebula.credential.plugins.module_utils.rotation.request import Request
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import Candidate
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from tests.backends.discovery import KINDS
from tests.integration.killing import PROFILE, RUNS, killed_at_random, survives
from tests.unit.rotation.world import LONG_AFTER, NAME, START, TRAITS, Clock

ENCRYPTED = next(kind for kind in KINDS if kind.label == "local-encrypted")
STRIDE = 1 if PROFILE == "long" else 13


class World:
    """A store, a target beside it, and the time, as one controller sees them."""

    def __init__(self, directory: Path, rounds: int) -> None:
        self.store = ENCRYPTED.open(directory)
        self.target = directory / "target"
        self.clock = Clock()
        self.clock.now = START + timedelta(days=rounds)

    def provision(self) -> None:
        fields = {"password": Secret(b"first")}
        metadata = Metadata(created_at=START, updated_at=START, lifecycle=ACTIVE)
        self.store.put(Record(NAME, "basic", fields, metadata=metadata), create=True)
        self.take(b"first")

    def take(self, value: bytes) -> None:
        new = self.target.with_suffix(".new")
        new.write_bytes(value)
        new.replace(self.target)

    def values(self) -> dict[str, bytes]:
        found = {}
        for stage in (CURRENT, PENDING, PREVIOUS):
            try:
                found[stage] = self.store.get(NAME, stage=stage).fields["password"].expose()
            except NotFound:
                continue
        return found

    def request(self) -> Request:
        return Request(NAME, "simulated", TRAITS, lambda _base: Candidate({"password": Secret(os.urandom(8).hex())}))

    def drive(self, request: Request | None) -> str:
        """A run of a controller that finds every other one dead: it rotates, or without a request settles what is open."""
        engine = RotationEngine(self.store, self.clock, str(os.getpid()), alive=lambda _other: False)
        step = engine.settle(NAME) if request is None else engine.prepare(request)
        while step.kind != steps.DONE:
            value = step.fields["password"].expose()
            if step.kind == steps.APPLY:
                self.take(value)
                outcome = steps.APPLIED
            else:
                outcome = steps.ACCEPTED if self.target.read_bytes() == value else steps.REFUSED
            step = engine.report(NAME, step.ticket, outcome, request)
        return step.outcome


def rotate_until_killed(world: World, told: int) -> None:
    while True:
        os.write(told, b"begin\n")
        world.drive(world.request())
        world.clock.forward(LONG_AFTER)
        os.write(told, b"done\n")


def check_and_settle(directory: Path, rounds: int) -> None:
    """The password that the target takes is in the store; another controller brings both to one value, and can rotate again."""
    world = World(directory, rounds)
    assert world.target.read_bytes() in world.values().values()
    for _each in range(4):
        world.clock.forward(LONG_AFTER)
        world.drive(None)
    assert world.values() == {CURRENT: world.target.read_bytes()}
    world.clock.forward(LONG_AFTER)
    assert world.drive(world.request()) == steps.PROMOTED
    assert world.values()[CURRENT] == world.target.read_bytes()


def test_neither_password_is_lost_whenever_a_rotation_is_killed(tmp_path):
    World(tmp_path, 0).provision()
    for seed in range(RUNS):
        rounds = 2 * seed
        killed_at_random(seed, lambda told, day=rounds: rotate_until_killed(World(tmp_path, day), told), lines=4)
        check_and_settle(tmp_path, rounds + 1)


def test_a_rotation_may_die_at_every_system_call(tmp_path):
    World(tmp_path, 0).provision()
    count, rounds, finished = 1, 0, False
    while not finished:
        rounds += 2
        finished = survives(count, lambda day=rounds: World(tmp_path, day), lambda world: world.drive(world.request()))
        check_and_settle(tmp_path, rounds + 1)
        count += STRIDE
    assert count > 50
