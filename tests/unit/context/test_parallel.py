# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The threads of a batch, and how many operations of it are in flight. Barriers hold what must be at the same time; no time is measured."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context import parallel
from ansible_collections.nebula.credential.plugins.module_utils.context.cache_only import cache_only
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import acting_as, current_caller
from ansible_collections.nebula.credential.plugins.module_utils.context.deadline import has_limit, within
from ansible_collections.nebula.credential.plugins.module_utils.context.parallel import CALM, Parallelism
from ansible_collections.nebula.credential.plugins.module_utils.context.progress import Progress, reporting_to
from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.store.batch import each

PATIENCE = 60.0


class InFlight:
    """Work that is held until `together` of it are in flight, once; and the greatest number that ever was."""

    def __init__(self, together):
        self.barrier = threading.Barrier(together)
        self.lock, self.now, self.most, self.opened = threading.Lock(), 0, 0, together < 2

    def __call__(self, item):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        if not self.opened:
            self.barrier.wait(PATIENCE)
            self.opened = True
        with self.lock:
            self.now -= 1
        return item


def names(number):
    return ["n{0:03d}".format(each) for each in range(number)]


def test_so_many_are_in_flight_and_their_results_are_in_order():
    work = InFlight(8)
    results = each(names(100), str, work, Parallelism(8))
    assert [result.answer for result in results] == names(100)
    assert work.most == 8


def test_without_it_one_after_the_other_is_done_in_the_thread_of_the_caller():
    threads = [result.answer for result in each(names(3), str, lambda _name: threading.get_ident())]
    assert threads == [threading.get_ident()] * 3


def test_a_failure_concerns_its_own_item_alone():
    def work(name):
        if name == "n004":
            raise NotFound("there is none")
        return name

    results = each(names(9), str, work, Parallelism(4))
    assert [result.name for result in results if result.error is not None] == ["n004"]
    assert [result.answer for result in results if result.error is None] == [name for name in names(9) if name != "n004"]


def test_items_of_one_name_are_done_one_after_the_other_in_order():
    seen = []
    each([("a", 1), ("b", 1), ("a", 2), ("a", 3)], lambda item: item[0], seen.append, Parallelism(4))
    assert [number for name, number in seen if name == "a"] == [1, 2, 3]


def test_every_thread_sees_what_the_caller_has_set():
    caller = AccessContext(user="eve")
    with acting_as(caller, "credential"), within(PATIENCE, "a batch"):
        results = each(names(16), str, lambda _name: (current_caller().context, has_limit()), Parallelism(4))
    assert [result.answer for result in results] == [(caller, True)] * 16


def test_what_is_done_is_counted_whichever_is_done_first():
    progress, first, seen = Progress(), threading.Event(), []

    def work(name):
        if name == "n000":
            assert first.wait(PATIENCE)
            return
        if name == "n003":
            while progress.done < 2:  # n001 and n002 have ended, and n000 has not
                first.wait(0.01)
            seen.append(progress.describe())
            first.set()

    with reporting_to(progress):
        each(names(4), str, work, Parallelism(2))
    assert seen == [{"done": 2, "total": 4}]
    assert progress.describe() == {"done": 4, "total": 4}


def test_batches_of_several_threads_share_the_number():
    parallelism, work = Parallelism(4), InFlight(4)
    with ThreadPoolExecutor(3) as tasks:
        list(tasks.map(lambda _task: each(names(20), str, work, parallelism), range(3)))
    assert work.most == 4


def test_a_batch_inside_another_one_starts_no_further_threads():
    parallelism = Parallelism(2)

    def outer(_name):
        inner = each(names(4), str, lambda _name: threading.get_ident(), parallelism)
        return {result.answer for result in inner} == {threading.get_ident()}

    assert [result.answer for result in each(names(4), str, outer, parallelism)] == [True] * 4


def test_what_may_only_look_into_memory_starts_no_thread():
    with cache_only():
        threads = {result.answer for result in each(names(4), str, lambda _name: threading.get_ident(), Parallelism(4))}
    assert threads == {threading.get_ident()}


class Ended(BaseException):
    """As a time limit of a task or Ctrl-C raises it."""


def test_a_batch_that_is_broken_off_waits_for_those_in_flight_and_begins_no_other(monkeypatch):
    """The signal comes while two are in flight; both end, are reported, and nothing else has begun."""
    begun, stopping, done, told = threading.Semaphore(0), [], [], []
    stop = parallel._Batch.stop
    monkeypatch.setattr(parallel._Batch, "stop", lambda batch: (stopping.append(batch), stop(batch)))

    def work(name):
        begun.release()
        wait_until(lambda: stopping and stopping[0]._stopped)
        done.append(name)

    def interrupt(_number, _frame):
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        raise Ended

    def send():
        for _each in range(2):
            begun.acquire(timeout=PATIENCE)
        # One that comes just before the main thread waits does not wake it.
        wait_until(lambda: stopping or signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1))

    before = signal.signal(signal.SIGUSR1, interrupt)
    sender = threading.Thread(target=send)
    try:
        sender.start()
        with pytest.raises(Ended):
            each(names(10), str, work, Parallelism(2), lambda results: told.extend(each.name for each in results))
    finally:
        sender.join(PATIENCE)
        signal.signal(signal.SIGUSR1, before)
    assert sorted(done) == told == ["n000", "n001"]


def wait_until(condition):
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def fly(parallelism, number):
    for _each in range(number):
        with parallelism.taking_off():
            pass


def test_a_server_that_throttles_halves_the_number_once_for_all_that_is_in_flight():
    parallelism = Parallelism(8)
    with parallelism.taking_off(), parallelism.taking_off():
        parallelism.lower()
        parallelism.lower()
        assert parallelism.limit == 4
    parallelism.lower()
    assert parallelism.limit == 2


def test_one_always_remains():
    parallelism = Parallelism(8)
    for _each in range(9):
        parallelism.lower()
    assert parallelism.limit == 1


def test_it_rises_again_by_one_after_some_that_were_not_throttled_and_no_higher_than_before():
    parallelism = Parallelism(4)
    parallelism.lower()
    fly(parallelism, CALM - 1)
    assert parallelism.limit == 2
    fly(parallelism, 1)
    assert parallelism.limit == 3
    fly(parallelism, 10 * CALM)
    assert parallelism.limit == 4


def test_while_a_server_fails_one_after_the_other_tries_it():
    parallelism = Parallelism(8)
    parallelism.hold(True)
    fly(parallelism, 10 * CALM)
    assert parallelism.limit == 1
    parallelism.hold(False)
    fly(parallelism, CALM)
    assert parallelism.limit == 2


def test_results_come_in_the_order_of_the_items_which_are_taken_a_few_at_a_time():
    taken, parallelism = [], Parallelism(2)

    def give():
        for number in range(20):
            taken.append(number)
            yield number

    results = parallelism.map(give(), lambda number: number * number)
    assert next(results) == 0
    assert len(taken) < 20
    assert list(results) == [number * number for number in range(1, 20)]


def test_an_error_of_one_item_ends_the_results():
    def work(number):
        if number == 3:
            raise ValueError
        return number

    with pytest.raises(ValueError):
        list(Parallelism(4).map(range(10), work))
