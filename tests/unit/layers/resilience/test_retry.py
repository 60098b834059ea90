# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext, Health
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CircuitOpen,
    Conflict,
    InvalidConfiguration,
    LoginFailed,
    MissingLibrary,
    NotFound,
    StorageError,
    Timeout,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import BackendCall
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import Observer
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience import backoff as attempts
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.retry import Retry
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.stack import resilient
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Etag
from tests.conformance.records import a_record, value_of
from tests.faults.flaky import Fault, Flaky, scripted, seeded


class Clock:
    """Time that passes by waiting alone."""

    def __init__(self):
        self.now = 1000.0
        self.waits = []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


class Failing(Memory):
    """A store whose reads fail with these errors, one after the other."""

    def __init__(self, *errors):
        super().__init__({}, BackendContext("failing"))
        self.errors = list(errors)
        self.asked = 0

    def get(self, name, version=None, stage="current"):
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return super().get(name, version, stage)


class Remote(Memory):
    """A store that counts as one on a server."""

    capabilities = replace(Memory.capabilities, remote=True)


def reading(clock, *errors, repeats=5, observer=None):
    """The store below, and the layer around it."""
    below = Failing(*errors)
    below.put(a_record())
    return below, Retry(below, repeats, observer, clock.sleep)


def test_what_passes_is_waited_out(clock):
    below, store = reading(clock, Unavailable("down"), Timeout("slow"), Unavailable("down"))
    assert value_of(store.get("db_pass")) == b"s3cret"
    assert (below.asked, len(clock.waits)) == (4, 3)


@pytest.mark.parametrize(
    "error", [NotFound("x"), Conflict("x"), AccessDenied("x"), LoginFailed("x"), StorageError("x"), CircuitOpen("x")], ids=repr
)
def test_what_does_not_pass_is_told_at_once(clock, error):
    below, store = reading(clock, error)
    with pytest.raises(type(error)) as caught:
        store.get("db_pass")
    assert caught.value is error
    assert str(error) == "x"
    assert (below.asked, clock.waits) == (1, [])


@pytest.mark.parametrize("repeats", [0, 1, 3, 5])
def test_the_last_error_is_raised_and_says_how_often_it_was_tried(clock, repeats):
    below, store = reading(clock, *(Unavailable("down {0}".format(each), remedy="Start it.") for each in range(9)), repeats=repeats)
    with pytest.raises(Unavailable) as caught:
        store.get("db_pass")
    assert below.asked == repeats + 1
    told = "" if repeats == 0 else " ({0} attempts in 0.0 s)".format(repeats + 1)
    assert str(caught.value) == "down {0}{1}. Start it.".format(repeats, told)
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert caught.value.outcome_unknown is False


def test_the_waits_are_drawn_from_widening_windows(clock):
    """S1's figures: 100 ms, twice as much each time, full jitter."""
    windows = [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    drawn = []
    for _each in range(200):
        _below, store = reading(clock, *(Unavailable("down") for _window in windows), repeats=len(windows))
        clock.waits.clear()
        store.get("db_pass")
        drawn.append(list(clock.waits))
    for window, waits in zip(windows, zip(*drawn)):
        assert min(waits) < window * 0.25
        assert window * 0.75 < max(waits) <= window


def test_a_backend_that_asks_for_time_gets_at_least_that(clock):
    _below, store = reading(clock, Unavailable("busy").annotate(retry_after=1.5), Unavailable("busy").annotate(retry_after=-3))
    store.get("db_pass")
    assert 1.5 <= clock.waits[0] <= 1.5 + attempts.DELAYS.base
    assert 0 <= clock.waits[1] <= 2 * attempts.DELAYS.base


def test_a_wait_that_passes_the_deadline_is_not_begun(clock):
    below, store = reading(clock, Unavailable("busy").annotate(retry_after=6))
    with deadline.within(5, "get"), pytest.raises(Unavailable) as caught:
        store.get("db_pass")
    assert (below.asked, clock.waits) == (1, [])
    assert caught.value.retry_after == 6


def test_repeats_end_with_the_deadline(clock):
    """However many repeats are left."""
    below, store = reading(clock, *(Unavailable("busy").annotate(retry_after=2) for _each in range(20)), repeats=20)
    with deadline.within(5, "get"), pytest.raises(Unavailable, match="3 attempts"):
        store.get("db_pass")
    assert below.asked == 3


def test_an_observer_is_told_of_each_repeat(clock):
    told = []

    class Telling(Observer):
        def on_retry(self, call, error, waited):
            told.append((call, error.code, waited))

    _below, store = reading(clock, Unavailable("down"), Timeout("slow"), observer=Telling())
    store.get("db_pass")
    assert told == [
        (BackendCall("get", "db_pass"), "unavailable", clock.waits[0]),
        (BackendCall("get", "db_pass"), "timeout", clock.waits[1]),
    ]


def test_every_read_is_repeated(clock):
    below = Memory({}, BackendContext("below"))
    stored = below.put(a_record())
    below.write_store_document(b"document", None)
    reads = [
        (lambda store: store.get("db_pass").version, stored.version),
        (lambda store: set(store.get_many(iter(["db_pass", "absent"]))), {"db_pass"}),
        (lambda store: [info.version for info in store.versions("db_pass")], ["1"]),
        (lambda store: store.last_serial("db_pass"), 1),
        (lambda store: store.read_store_document(), b"document"),
        (lambda store: [row.name for row in store.list()], ["db_pass"]),
    ]
    for read, expected in reads:
        store = Retry(Flaky(below, scripted([Fault.BEFORE, Fault.LOST])), 2, sleep=clock.sleep)
        assert read(store) == expected


def test_health_is_asked_once(clock):
    below, store = reading(clock)
    below.health = lambda: Health("unhealthy", ("down",))
    assert store.health() == Health("unhealthy", ("down",))
    assert clock.waits == []


def test_the_message_of_an_open_outcome_says_how_to_see(clock):
    store = Retry(Flaky(Memory({}, BackendContext("below")), scripted([Fault.LOST])), 5, sleep=clock.sleep)
    with pytest.raises(Timeout) as caught:
        store.put(a_record())
    assert caught.value.outcome_unknown
    assert str(caught.value) == (
        "the fault 'LOST' was injected; whether the change was made is not known. Read the credential to see which value is there."
    )


def test_a_document_of_an_open_outcome_is_no_credential(clock):
    faults = [Fault.LOST] * 20
    store = Retry(Flaky(Memory({}, BackendContext("below")), scripted(faults)), 1, sleep=clock.sleep)
    with pytest.raises(Timeout, match="Open the store again"):
        store.write_store_document(b"document", None)


def test_a_look_that_is_refused_leaves_the_outcome_open(clock):
    below = Failing(AccessDenied("policy"))
    store = Retry(Flaky(below, scripted([Fault.AFTER])), 5, sleep=clock.sleep)
    with pytest.raises(AccessDenied, match="not known") as caught:
        store.put(a_record(), create=True)
    assert caught.value.outcome_unknown


def test_a_provider_that_was_stopped_half_way_tells_so_itself(clock):
    """What it left is no conflict with another writer."""
    below, store = reading(clock)

    def half(record, expected=None, *, create=False):
        Memory.put(below, a_record(record.name, "half"), expected, create=create)
        raise AccessDenied("the value was written, and the rest of it was not").annotate(outcome_unknown=True)

    below.put = half
    with pytest.raises(AccessDenied) as caught:
        store.put(a_record("db_pass", "new"), Etag("1"))
    assert str(caught.value) == "the value was written, and the rest of it was not"
    assert (caught.value.outcome_unknown, clock.waits) == (True, [])


def test_time_over_in_the_look_leaves_the_outcome_open(clock):
    """The reconciling read is bounded by the deadline of the write."""

    class Slow(Flaky):
        def get(self, name, version=None, stage="current"):
            clock.now += 20
            raise deadline.timeout_error()

    store = Retry(Slow(Memory({}, BackendContext("below")), scripted([Fault.AFTER])), 5, sleep=clock.sleep)
    with deadline.within(10, "put"), pytest.raises(Timeout, match=r"put did not end within 10 s.* not known") as caught:
        store.put(a_record(), create=True)
    assert caught.value.outcome_unknown


def test_a_new_credential_is_given_its_id_before_it_is_sent(clock):
    below, store = reading(clock)
    created = store.put(a_record("other"), create=True)
    assert len(created.record_id) == 16
    assert below.get("other").record_id == created.record_id
    given = store.put(a_record("third", record_id=b"0123456789abcdef"), create=True)
    assert given.record_id == b"0123456789abcdef"
    changed = store.put(a_record("third", "new"), given.etag)
    assert changed.record_id == given.record_id


def test_without_tenacity_connecting_says_what_to_install(clock, monkeypatch):
    monkeypatch.setitem(sys.modules, "tenacity", None)
    _below, store = reading(clock)
    with pytest.raises(MissingLibrary, match=r"Run: .* -m pip install 'tenacity>=8.3'"):
        store.connect()


def test_many_threads_share_a_layer(clock):
    """Each has attempts of its own."""
    below = Memory({}, BackendContext("below"))
    below.put(a_record())
    seen = []

    store = Retry(Flaky(below, seeded(1, 0.5)), 100, sleep=lambda _seconds: None)
    threads = [threading.Thread(target=lambda: seen.append(value_of(store.get("db_pass")))) for _each in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert seen == [b"s3cret"] * 16


def test_the_waits_are_those_of_the_configuration(clock):
    below = Failing(*(Unavailable("down") for _attempt in range(4)))
    store = Retry(below, 4, None, clock.sleep, attempts.RetryDelays(base=100.0, multiplier=3.0, longest=500.0))
    below.put(a_record())
    store.get("db_pass")
    assert all(0 <= wait <= most for wait, most in zip(clock.waits, (100, 300, 500, 500)))
    assert sum(clock.waits) > 20, "four waits of the built-in figures are 3.4 s at most"


def test_a_store_takes_the_waits_of_its_options():
    stack = resilient(Remote({}, BackendContext("prod")), {"base_delay": 0, "multiplier": 1.5, "max_delay": 9.0, "breaker_failures": 0})
    assert stack.inner._attempts._delays == attempts.RetryDelays(0, 1.5, 9.0)


@pytest.mark.parametrize(("option", "value"), [("base_delay", -1), ("multiplier", 0.5), ("max_delay", 4000), ("max_delay", float("nan"))])
def test_a_wait_out_of_range_is_refused_by_name(option, value):
    with pytest.raises(InvalidConfiguration, match="out of range") as caught:
        resilient(Remote({}, BackendContext("prod")), {option: value})
    assert caught.value.option == option
