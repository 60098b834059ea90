# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is counted of the requests to a backend, and that counting changes nothing (A13)."""

from __future__ import annotations

import os
import threading

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, NotFound, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import BackendCall
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import CLOSED, HALF_OPEN, OPEN
from ansible_collections.nebula.credential.plugins.module_utils.metrics.layer import Metrics
from ansible_collections.nebula.credential.plugins.module_utils.metrics.recorder import Recorder
from ansible_collections.nebula.credential.plugins.module_utils.metrics.totals import BOUNDS, WINDOW, Timing
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.managing import create

UNAVAILABLE = Unavailable("it does not answer")


class Time:
    """A clock that a test sets."""

    def __init__(self, now=1_800_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def recorder():
    return Recorder(clock=Time())


@pytest.fixture
def layer(recorder):
    metered = Metrics(Memory({}, BackendContext("test")), recorder)
    metered.put(Record("db", fields={"value": Secret("x")}))
    return metered


def failing(error):
    def fail(*_arguments, **_options):
        raise error

    return fail


def test_each_operation_is_counted_with_its_result(layer, recorder):
    layer.get("db")
    layer.get("db")
    with pytest.raises(NotFound):
        layer.get("other")
    with pytest.raises(Conflict):
        layer.put(Record("db", fields={}), create=True)
    assert recorder.copy_totals().operations == {("put", "ok"): 1, ("get", "ok"): 2, ("get", "not_found"): 1, ("put", "conflict"): 1}


def test_answers_are_no_errors(layer, recorder, monkeypatch):
    with pytest.raises(NotFound):
        layer.get("other")
    monkeypatch.setattr(layer.inner, "get", failing(UNAVAILABLE))
    with pytest.raises(Unavailable):
        layer.get("db")
    assert recorder.copy_totals().errors == 1


def test_of_an_unforeseen_exception_not_even_the_class_is_counted(layer, recorder, monkeypatch):
    monkeypatch.setattr(layer.inner, "get", failing(ValueError("c4n4ry")))
    with pytest.raises(ValueError, match="c4n4ry"):
        layer.get("db")
    assert recorder.copy_totals().operations[("get", "internal")] == 1


def test_a_duration_is_counted_in_the_bucket_whose_bound_it_does_not_pass():
    timing = Timing()
    for seconds in (0.0, BOUNDS[0], BOUNDS[0] + 1e-9, BOUNDS[-1], BOUNDS[-1] + 1):
        timing.took(seconds)
    assert (timing.count, sum(timing.buckets)) == (5, 5)
    assert (timing.buckets[0], timing.buckets[1], timing.buckets[-2], timing.buckets[-1]) == (2, 1, 1, 1)


def test_a_listing_is_one_operation_however_many_rows_it_has(layer, recorder):
    layer.put(Record("other", fields={}))
    assert len(list(layer.list(Filter()))) == 2
    assert recorder.copy_totals().operations[("list", "ok")] == 1


def test_a_listing_that_is_not_read_to_its_end_is_counted(layer, recorder):
    rows = layer.list(Filter())
    next(rows)
    rows.close()
    assert recorder.copy_totals().operations[("list", "ok")] == 1


def test_a_listing_that_fails_is_counted_with_its_error(layer, recorder, monkeypatch):
    def rows(_wanted):
        yield Record("db")
        raise UNAVAILABLE

    monkeypatch.setattr(layer.inner, "list", rows)
    with pytest.raises(Unavailable):
        list(layer.list(Filter()))
    assert recorder.copy_totals().operations[("list", "unavailable")] == 1


def test_repeats_are_counted_by_operation(recorder):
    for name in ("a", "b"):
        recorder.on_retry(BackendCall("get", name), UNAVAILABLE, 0.1)
    recorder.on_retry(BackendCall("put", "a", True), UNAVAILABLE, 0.1)
    assert recorder.copy_totals().retries == {"get": 2, "put": 1}


def test_the_breakers_last_state_is_kept_with_its_time_and_how_often_it_opened():
    clock = Time()
    recorder = Recorder(clock=clock)
    for state in (OPEN, HALF_OPEN, OPEN, HALF_OPEN, CLOSED):
        clock.now += 10
        recorder.breaker_changed(state)
    totals = recorder.copy_totals()
    assert (totals.breaker.state, totals.breaker.changed_at, totals.breaker.opened_at) == (CLOSED, clock.now, clock.now - 20)
    assert totals.opened == 2


def test_what_nothing_has_counted_is_absent(recorder):
    totals = recorder.copy_totals()
    assert totals.is_empty()
    assert (totals.breaker, totals.hits, totals.misses) == (None, None, None)


def test_a_cache_can_tell_its_hits_and_misses(recorder):
    for hit in (True, True, False):
        recorder.on_lookup(hit)
    assert (recorder.copy_totals().hits, recorder.copy_totals().misses) == (2, 1)


def test_what_was_taken_and_put_back_is_counted_once(recorder):
    recorder.on_operation("get", "ok", 0.001)
    recorder.on_lookup(True)
    taken = recorder.take_totals()
    assert recorder.copy_totals().is_empty()
    recorder.on_operation("get", "ok", 0.001)
    recorder.put_back(taken)
    totals = recorder.copy_totals()
    assert (totals.operations, totals.timings["get"].count, totals.hits) == ({("get", "ok"): 2}, 2, 1)
    assert totals.recent(1_800_000_000.0).operations == 2


def test_no_count_is_lost_between_threads(recorder):
    def work():
        for _each in range(2000):
            recorder.on_operation("get", "ok", 0.001)

    threads = [threading.Thread(target=work) for _each in range(4)]
    for thread in threads:
        thread.start()
    taken = sum(recorder.take_totals().operations.get(("get", "ok"), 0) for _each in range(50))
    for thread in threads:
        thread.join()
    assert taken + recorder.copy_totals().operations.get(("get", "ok"), 0) == 8000


def test_a_forked_process_counts_its_own_alone(recorder):
    recorder.on_operation("get", "ok", 0.001)
    child = os.fork()
    if child == 0:
        recorder.on_operation("put", "ok", 0.001)
        os._exit(0 if recorder.take_totals().operations == {("put", "ok"): 1} else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert recorder.copy_totals().operations == {("get", "ok"): 1}


def test_what_is_recent_is_of_this_window_and_the_one_before(recorder):
    now = 1_800_000_000.0
    recorder.on_operation("get", "ok", 0.001)
    totals = recorder.take_totals()
    totals.add(recorder.take_totals(), now)
    assert [totals.recent(now + later).operations for later in (0, WINDOW, 2 * WINDOW)] == [1, 1, 0]


@pytest.mark.parametrize("configuration", [{"backend": "memory"}, {"backend": "local", "path": "store"}], ids=["memory", "local"])
def test_every_store_counts_what_reaches_its_backend(configuration, tmp_path):
    if "path" in configuration:
        configuration = dict(configuration, path=str(tmp_path / "store"))
    manager = open_store(configuration)
    create(manager)
    manager.get("db")
    operations = manager.metering.totals().operations
    assert operations[("put", "ok")] == 1
    assert operations[("get", "ok")] >= 1
    manager.close()
