# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several values are read in one request where the backend has one for several (A14), and each still has a result of its own."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.context.parallel import Parallelism
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidToken, StorageError, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.managing import CANARY, ask, create


class World:
    """A store whose backend answers several at once, and what it was asked."""

    def __init__(self, tmp_path, monkeypatch, able=True):
        self.asked = []
        one, several = Memory.get, Memory.get_many
        monkeypatch.setattr(Memory, "capabilities", replace(Memory.capabilities, batch_get=able))
        monkeypatch.setattr(Memory, "get", lambda backend, *args, **more: self.asked.append("one") or one(backend, *args, **more))
        monkeypatch.setattr(Memory, "get_many", lambda backend, names: self._several(several, backend, list(names)))
        self.failing = []
        self.manager = open_store({"backend": "memory", "audit_path": str(tmp_path / "audit.jsonl"), "audit": "strict"})
        for name in ("a", "b", "c"):
            create(self.manager, name)
        self.asked.clear()

    def _several(self, read, backend, names):
        before = len(self.asked)
        for failure in self.failing:
            raise failure
        found = read(backend, names)
        self.asked[before:] = [tuple(names)]
        return found

    def values(self, *names, **more):
        return ask(self.manager, "get_many", names=list(names), **more).result


@pytest.fixture
def world(tmp_path, monkeypatch):
    return World(tmp_path, monkeypatch)


def test_several_values_are_one_request(world):
    assert world.values("a", "b", "c", "a")["values"] == {"a": CANARY, "b": CANARY, "c": CANARY}
    assert world.asked == [("a", "b", "c")]


def test_one_value_a_version_and_a_stage_are_asked_for_as_ever(world):
    world.values("a")
    world.values("a", "b", version="1")
    assert set(world.asked) == {"one"}


def test_a_backend_that_has_no_such_request_is_asked_for_each(tmp_path, monkeypatch):
    world = World(tmp_path, monkeypatch, able=False)
    assert len(world.values("a", "b")["values"]) == 2
    assert world.asked == ["one", "one"]


def test_what_is_missing_or_unusable_fails_alone_and_costs_no_request(world):
    world.manager.revoke("b")
    world.asked.clear()
    result = world.values("a", "b", "never")
    assert result["values"] == {"a": CANARY}
    assert {name: failure["code"] for name, failure in result["failures"].items()} == {"b": "revoked", "never": "not_found"}
    assert world.asked == [("a", "b", "never")]


@pytest.mark.parametrize("other", ["../x", "eve"], ids=["no name", "out of scope"])
def test_one_that_may_not_be_read_does_not_take_the_others_with_it(world, other):
    create(world.manager, "eve", scope=Scope("default", user="eve"))
    result = world.values("a", other, "b")
    assert set(result["values"]) == {"a", "b"}
    assert set(result["failures"]) == {other}


@pytest.mark.parametrize(
    "failure", [StorageError("several entries", name="b"), InvalidToken("a value is no text")], ids=["named", "no text"]
)
def test_one_that_the_service_cannot_return_does_not_take_the_others_with_it(world, failure):
    world.failing = [failure]
    assert set(world.values("a", "b")["values"]) == {"a", "b"}
    assert world.asked == ["one", "one"]


def test_a_server_that_is_down_is_not_asked_again_for_each(world):
    world.failing = [Unavailable("nobody answers")]
    failures = world.values("a", "b")["failures"]
    assert {name: failure["code"] for name, failure in failures.items()} == {"a": "unavailable", "b": "unavailable"}
    assert all("'{0}'".format(name) in failure["message"] for name, failure in failures.items())
    assert world.asked == []


def test_the_trail_says_of_each_what_became_of_it(world, tmp_path):
    """The request that was refused for one of them is recorded as that, and not as if the others had been refused too."""
    create(world.manager, "eve", scope=Scope("default", user="eve"))
    world.values("a", "eve", "never")
    lines = (json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines())
    read = [(entry["name"], entry["result"]) for entry in lines if entry.get("action") == "read"]
    assert set(read) == {("a", "ok"), ("eve", "access_denied"), ("never", "not_found")}


def test_the_trail_has_every_entry_of_a_batch_in_threads_and_its_chain_is_whole(tmp_path):
    path = tmp_path / "audit.jsonl"
    manager = open_store({"backend": "memory", "audit_path": str(path)}, name="team")
    manager.parallelism = Parallelism(8)
    names = ["n{0:02d}".format(each) for each in range(40)]
    for context in (AccessContext(user="eve", task="first"), AccessContext(user="adam", task="second")):
        perform(manager, "credential", {"credentials": [{"name": name, "value": str(context.user)} for name in names]}, context)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    written = [(entry["name"], entry["user"], entry["task"]) for entry in lines if entry.get("action") == "write"]
    assert sorted(written) == sorted((name, *who) for name in names for who in (("eve", "first"), ("adam", "second")))
    assert manager.trail.verify() == []
