# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads that arrive together are one request (A14), and each still has an answer of its own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, NotFound, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache import coalesce as gathering
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.coalesce import RequestCoalescer

NAMES = ["n{0}".format(number) for number in range(8)]


class World:
    """A backend whose first read waits until all the others have arrived, or for ever."""

    def __init__(self, monkeypatch, *missing, failing=None, patience=30.0):
        monkeypatch.setattr(gathering, "BATCH_WAIT", patience)
        self.asked = []
        self.missing = missing
        self.failing = failing
        self.gate = threading.Event()
        self.along = []
        self.gathering = RequestCoalescer(self.one, self.several, (Unavailable,), self.along.append)

    def one(self, name):
        self.asked.append(name)
        if name == "first":
            self.gate.wait(30)
        if name in self.missing:
            raise NotFound("there is none", name=name)
        return "value of " + name

    def several(self, names):
        self.asked.append(set(names))
        if self.failing:
            raise self.failing
        return {name: "value of " + name for name in names if name not in self.missing}

    def outcome(self, name):
        try:
            return self.gathering.read(name)
        except Exception as error:  # noqa: BLE001  # what is compared
            return error

    def read(self, *names, then_open=True):
        """The outcome of each, all asked for while the first one is under way."""
        with ThreadPoolExecutor(len(names) + 1) as pool:
            first = pool.submit(self.outcome, "first")
            self.wait_for(lambda: self.asked == ["first"])
            asking = [pool.submit(self.outcome, name) for name in names]
            if then_open:
                self.wait_for(lambda: len(self.gathering._waiting) == len(names))
                self.gate.set()
            outcomes = [one.result(30) for one in asking]
            self.gate.set()
            assert first.result(30) == "value of first"
        return outcomes

    @staticmethod
    def wait_for(condition):
        pause = threading.Event()
        while not condition():
            pause.wait(0.001)


def test_what_arrives_while_one_is_under_way_is_one_request(monkeypatch):
    world = World(monkeypatch)
    assert world.read(*NAMES) == ["value of " + name for name in NAMES]
    assert world.asked == ["first", set(NAMES)]
    assert world.along == [len(NAMES) - 1]


def test_nobody_waits_for_company(monkeypatch):
    world = World(monkeypatch)
    assert [world.gathering.read(name) for name in NAMES] == ["value of " + name for name in NAMES]
    assert world.asked == NAMES


def test_one_that_hangs_does_not_keep_the_others(monkeypatch):
    world = World(monkeypatch, patience=0.01)
    assert world.read(*NAMES, then_open=False) == ["value of " + name for name in NAMES]


def test_what_is_missing_is_told_as_when_asked_alone(monkeypatch):
    world = World(monkeypatch, "n3")
    outcomes = world.read(*NAMES)
    assert [str(outcome) for outcome in outcomes if isinstance(outcome, NotFound)] == [str(NotFound("there is none", name="n3"))]
    assert world.asked == ["first", set(NAMES), "n3"]


@pytest.mark.parametrize("failing", [Damaged("it is damaged", name="n3"), KeyError("unforeseen")], ids=["of ours", "unforeseen"])
def test_after_a_failure_that_may_be_about_one_each_is_asked_for_alone(monkeypatch, failing):
    world = World(monkeypatch, "n3", failing=failing)
    outcomes = world.read(*NAMES)
    assert [isinstance(outcome, NotFound) for outcome in outcomes] == [name == "n3" for name in NAMES]
    assert sorted(world.asked[2:]) == NAMES
    assert world.along == []


def test_a_server_that_is_down_is_not_asked_again_for_each(monkeypatch):
    world = World(monkeypatch, failing=Unavailable("nobody answers"))
    outcomes = world.read(*NAMES)
    assert {type(outcome) for outcome in outcomes} == {Unavailable}
    assert len({id(outcome) for outcome in outcomes}) == len(NAMES)
    assert world.asked == ["first", set(NAMES)]


def test_what_stops_one_thread_leaves_the_others_to_ask_for_themselves(monkeypatch):
    """The vault password of a run is asked back of one caller, by an exception that is no Exception."""

    class NeedsPassword(BaseException):
        pass

    world = World(monkeypatch, failing=NeedsPassword())
    stopped = []

    def outcome(name, read=world.outcome):
        try:
            return read(name)
        except NeedsPassword:
            stopped.append(name)
            return None

    monkeypatch.setattr(world, "outcome", outcome)
    outcomes = world.read(*NAMES)
    assert len(stopped) == 1
    assert outcomes.count(None) == 1
    assert sorted(world.asked[2:] + stopped) == NAMES


def test_the_same_name_twice_is_asked_for_once(monkeypatch):
    world = World(monkeypatch)
    assert world.read("a", "a", "b") == ["value of a", "value of a", "value of b"]
    assert world.asked == ["first", {"a", "b"}]
