# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens to a rotation is in the audit trail: what, by whom, to which target, once each, and never a value."""

from __future__ import annotations

import json

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import AuditFailed, RotationFailed, RotationLost, RotationParked
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.unit.audit.place import CANARY, Place
from tests.unit.operations.rotated_store import DUAL, PG
from tests.unit.rotation.services import LANDS, LOST, fates
from tests.unit.rotation.target_worlds import LONG_AFTER, KeysWorld
from tests.unit.rotation.world import Clock

CALLER = AccessContext(user="alice", run="77", host="web1", task="Rotate it")


class Rotated:
    """A credential whose rotations the trail records, and a driver that reports what it is given."""

    def __init__(self, directory, audit="batched"):
        self.place = Place(directory)
        self.clock = Clock()
        self.manager = self.place.open(audit)
        self.manager.clock = self.clock
        self.manager.create(DesiredCredential("db", type="basic", value=Secret(CANARY), fields={"username": Secret("app")}))

    def perform(self, caller=CALLER, **parameters):
        return perform(self.manager, "credential_rotate", {"name": "db", **parameters}, caller).result

    def drive(self, *outcomes, **options):
        """A run whose steps have the given outcomes."""
        step = self.perform(step={}, **options)["step"]
        for outcome in outcomes:
            step = self.perform(step={"ticket": step["ticket"], "outcome": outcome}, **options)["step"]
        assert step["kind"] == "done"

    def entries(self):
        self.manager.flush()
        return [entry for entry in self.place.entries() if entry["action"] == "rotate"]

    def outcomes(self):
        return [entry["outcome"] for entry in self.entries()]


@pytest.fixture(params=["batched", "strict"])
def rotated(request, tmp_path):
    made = Rotated(tmp_path, request.param)
    yield made
    made.manager.close()


def test_a_rotation_is_begun_promoted_and_retired_by_its_caller_at_its_target(rotated):
    rotated.drive("accepted", "applied", "accepted", **DUAL)
    rotated.clock.forward(LONG_AFTER)
    rotated.drive("accepted", "applied", phase="settle", **DUAL)
    assert rotated.outcomes() == ["begun", "promoted", "retired"]
    for entry in rotated.entries():
        known = {key: entry[key] for key in ("name", "result", "user", "run", "host", "task", "operation", "target")}
        assert known == {
            "name": "db",
            "result": "ok",
            "user": "alice",
            "run": "77",
            "host": "web1",
            "task": "Rotate it",
            "operation": "credential_rotate",
            "target": {"kind": "command", "verify": "x"},
        }
    assert CANARY not in json.dumps(rotated.place.entries())
    assert rotated.place.verify() == []


def test_a_run_that_only_waits_adds_nothing(rotated):
    rotated.perform(target="none", grace="1h")
    for _each in range(3):
        rotated.perform(phase="settle", target="none")
        rotated.perform(phase="status")
    assert rotated.outcomes() == ["begun", "promoted"]


@pytest.mark.parametrize(
    ("outcomes", "error", "recorded"),
    [
        (("refused",), RotationFailed, ["refused"]),
        (("accepted", "unavailable"), RotationFailed, ["begun", "rolled_back"]),
        (("accepted", "refused", "accepted"), RotationFailed, ["begun", "rolled_back"]),
        (("accepted", "applied", "unavailable"), RotationParked, ["begun", "parked"]),
    ],
)
def test_a_rotation_that_does_not_go_forward_says_how_it_ended(rotated, outcomes, error, recorded):
    with pytest.raises(error):
        rotated.drive(*outcomes, **PG)
    assert rotated.outcomes() == recorded
    assert not any(entry.get("violation") for entry in rotated.entries())
    assert rotated.entries()[-1]["target"] == {"kind": "postgresql", "host": "db", "role": "app"}


def test_another_caller_who_finishes_it_is_named(rotated):
    with pytest.raises(RotationParked):
        rotated.drive("accepted", "applied", "unavailable", **PG)
    step = rotated.perform(AccessContext(user="bob"), phase="settle", step={}, **PG)["step"]
    rotated.perform(AccessContext(user="bob"), phase="settle", step={"ticket": step["ticket"], "outcome": "accepted"}, **PG)
    assert [(entry["outcome"], entry["user"]) for entry in rotated.entries()] == [
        ("begun", "alice"),
        ("parked", "alice"),
        ("promoted", "bob"),
        ("retired", "bob"),
    ]


def test_a_lost_rotation_is_recorded_once(rotated):
    with pytest.raises(RotationParked):
        rotated.drive("accepted", "applied", "unavailable", **PG)
    rotated.clock.forward(LONG_AFTER)
    for _each in range(2):
        with pytest.raises(RotationLost):
            rotated.drive("refused", "refused", **PG)
    assert rotated.outcomes() == ["begun", "parked", "lost"]


@pytest.mark.parametrize(("fate", "recorded"), [(LANDS, ["begun", "rolled_back"]), (LOST, ["begun", "rolled_back"])])
def test_a_value_whose_response_was_lost_is_given_up_once(fate, recorded):
    world, events = KeysWorld(), []
    world.record = lambda event, _name, _target: events.append(event)
    world.rotate(fates(make=[fate], list=[LANDS, LOST]))
    for _each in range(3):
        world.clock.forward(LONG_AFTER)
        world.settle()
    assert events == recorded


def test_a_strict_trail_that_cannot_be_written_stops_the_rotation(tmp_path):
    rotated = Rotated(tmp_path, "strict")
    rotated.place.trail.unlink()
    rotated.place.trail.mkdir()
    with pytest.raises(AuditFailed):
        rotated.perform(target="none")


def test_a_trail_that_is_off_records_nothing_and_stops_nothing(tmp_path):
    rotated = Rotated(tmp_path, "off")
    assert rotated.perform(target="none")["outcome"] == "promoted"
    assert not rotated.place.trail.exists()
