# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
from contextlib import suppress

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext, Health
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CircuitOpen,
    Conflict,
    CredentialError,
    LoginFailed,
    NotFound,
    Timeout,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import BackendCall
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import BREAKER_STATES, CLOSED, HALF_OPEN, OPEN, Observer
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.breaker import Breaker
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.circuit import Circuit
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.retry import Retry
from tests.conformance.records import a_record
from tests.faults.flaky import Fault, Flaky, scripted

PATIENCE = 30.0


class Watching(Observer):
    """Remembers the states it was told of."""

    def __init__(self):
        self.states = []

    def breaker_changed(self, state):
        assert state in BREAKER_STATES
        self.states.append(state)


class World:
    """A breaker of 3 failures, 30 s and 2 successes, whose time stands still."""

    def __init__(self):
        self.now = 0.0
        self.observer = Watching()
        self.circuit = Circuit(3, 30.0, 2, self.observer, lambda: self.now)
        self.below = Memory({}, BackendContext("prod"))
        self.store = Breaker(self.below, self.circuit)

    def ask(self, error=None):
        """One request that fails with `error`, or succeeds; answers what came of it."""

        def work():
            if error is not None:
                raise error
            return "answered"

        try:
            return self.store.intercept(BackendCall("get", "db_pass"), work)
        except CredentialError as raised:
            return raised.code

    def fail(self, times):
        return [self.ask(Unavailable("down")) for _each in range(times)]


@pytest.fixture
def world():
    return World()


def test_it_opens_after_so_many_failures_in_a_row(world):
    assert world.fail(2) == ["unavailable"] * 2
    assert world.ask() == "answered"
    assert world.fail(2) == ["unavailable"] * 2
    assert world.circuit.state == CLOSED
    assert world.ask(Timeout("slow")) == "timeout"
    assert world.circuit.state == OPEN
    assert world.fail(2) == ["circuit_open"] * 2
    assert world.observer.states == [OPEN]


def test_an_open_one_makes_no_request_and_says_how_long(world):
    world.fail(3)
    world.now = 17.5
    asked = []
    with pytest.raises(CircuitOpen) as caught:
        world.store.intercept(BackendCall("get"), lambda: asked.append(1))
    assert asked == []
    assert caught.value.retry_after == 12.5
    assert str(caught.value) == (
        "store 'prod': the backend failed 3 times in a row, so no request is made for another 13 s. "
        "Repair the backend, or the network to it."
    )


@pytest.mark.parametrize("error", [NotFound("x"), Conflict("x"), AccessDenied("x"), LoginFailed("x")], ids=repr)
def test_a_backend_that_answers_is_not_failing(world, error):
    world.fail(2)
    assert world.ask(error) == error.code
    world.fail(2)
    assert world.circuit.state == CLOSED


def test_it_closes_after_so_many_successes(world):
    world.fail(3)
    world.now = 29.9
    assert world.ask() == "circuit_open"
    world.now = 30.0
    assert world.ask() == "answered"
    assert world.circuit.state == HALF_OPEN
    assert world.ask() == "answered"
    assert world.circuit.state == CLOSED
    assert world.observer.states == [OPEN, HALF_OPEN, CLOSED]
    assert world.fail(2) == ["unavailable"] * 2
    assert world.circuit.state == CLOSED


@pytest.mark.parametrize("before", [0, 1])
def test_one_failure_while_it_is_tried_opens_it_again(world, before):
    world.fail(3)
    world.now = 30.0
    assert [world.ask() for _each in range(before)] == ["answered"] * before
    assert world.fail(2) == ["unavailable", "circuit_open"]
    world.now = 59.9
    assert world.ask() == "circuit_open"
    world.now = 60.0
    assert [world.ask(), world.ask()] == ["answered"] * 2
    assert world.circuit.state == CLOSED


def test_no_more_requests_than_needed_are_tried_at_a_time(world):
    world.fail(3)
    world.now = 30.0
    first, second = world.circuit.let_through(), world.circuit.let_through()
    assert world.ask() == "circuit_open"
    with pytest.raises(CircuitOpen, match="until the one in progress"):
        world.store.get("db_pass")
    world.circuit.end(first, failed=False)
    assert world.ask() == "circuit_open"
    world.circuit.end(second, failed=False)
    assert world.ask() == "answered"


def test_what_was_asked_before_counts_no_more_afterwards(world):
    """Slow requests of the time before neither open it again nor close it."""
    slow = [world.circuit.let_through() for _each in range(4)]
    world.fail(3)
    world.now = 30.0
    assert world.ask() == "answered"
    for period in slow[:3]:
        world.circuit.end(period, failed=True)
    world.circuit.end(slow[3], failed=False)
    assert world.circuit.state == HALF_OPEN
    assert world.ask() == "answered"
    assert world.circuit.state == CLOSED


def test_an_interruption_says_nothing_of_the_backend_and_gives_its_place_back(world):
    def interrupted():
        raise KeyboardInterrupt

    world.fail(3)
    world.now = 30.0
    for _each in range(5):
        with pytest.raises(KeyboardInterrupt):
            world.store.intercept(BackendCall("get"), interrupted)
    assert world.circuit.state == HALF_OPEN
    assert [world.ask(), world.ask()] == ["answered"] * 2
    assert world.circuit.state == CLOSED


def test_every_operation_goes_through_it(world):
    stored = world.store.put(a_record())
    world.fail(3)
    operations = [
        lambda store: store.put(a_record()),
        lambda store: store.get("db_pass"),
        lambda store: store.get_many(["db_pass"]),
        lambda store: store.ensure_schema(),
        lambda store: store.append_audit([]),
        lambda store: store.restore("db_pass"),
        lambda store: store.patch_metadata(stored, 0),
        lambda store: store.rewrite_envelope(stored, b""),
        lambda store: store.delete("db_pass"),
        lambda store: list(store.list()),
        lambda store: store.versions("db_pass"),
        lambda store: store.last_serial("db_pass"),
        lambda store: store.read_store_document(),
        lambda store: store.write_store_document(b"", None),
    ]
    for operation in operations:
        with pytest.raises(CircuitOpen):
            operation(world.store)


def test_health_is_asked_while_it_is_open_and_says_so(world):
    assert world.store.health() == Health("healthy")
    world.fail(3)
    told = "the backend failed 3 times in a row, so no request is made for another 30 s"
    assert world.store.health() == Health("degraded", (told,))
    world.below.health = lambda: Health("unhealthy", ("sealed",), "unavailable")
    assert world.store.health() == Health("unhealthy", ("sealed", told), "unavailable")
    assert world.ask() == "circuit_open"


def test_threads_do_not_wait_for_each_other():
    """As many requests as threads are under way at the same time: each waits until all are."""
    world = World()
    all_in = threading.Barrier(16, timeout=PATIENCE)
    answered = []

    def ask():
        answered.append(world.store.intercept(BackendCall("get"), all_in.wait))

    threads = [threading.Thread(target=ask) for _each in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(answered) == list(range(16))


def test_threads_that_fail_at_once_open_it_once(world):
    all_in = threading.Barrier(16, timeout=PATIENCE)

    def fail():
        all_in.wait()
        raise Unavailable("down")

    def ask():
        with suppress(Unavailable):
            world.store.intercept(BackendCall("get"), fail)

    threads = [threading.Thread(target=ask) for _each in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert world.observer.states == [OPEN]


def test_an_outage_that_repeats_outlast_is_no_failure(world):
    """However many attempts it took: the breaker stands around the repeats."""
    world.below.put(a_record())
    for _each in range(5):
        flaky = Flaky(world.below, scripted([Fault.BEFORE] * 5))
        store = Breaker(Retry(flaky, 5, sleep=lambda _seconds: None), world.circuit)
        assert store.get("db_pass").version == "1"
    assert world.circuit.state == CLOSED
