# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who waits for which request, and the threads of stores."""

from __future__ import annotations

import socket
import threading

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context.progress import BrokenOff, count_each, reporting_to
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.connection import ClientConnection
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.flights import Flights
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.store_threads import StoreThreads

PATIENCE = 60.0


@pytest.fixture
def callers():
    """Five callers, each with a name for its request. `leave` ends what is at the other end."""
    pairs = [socket.socketpair() for _each in range(5)]
    found = [ClientConnection(ours) for ours, _theirs in pairs]
    for number, (caller, pair) in enumerate(zip(found, pairs)):
        caller.asked = {"progress": str(number)}
        caller.leave = pair[1].close
    yield found
    for pair in pairs:
        for end in pair:
            end.close()


def test_callers_with_one_question_get_one_response_and_later_ones_another(callers):
    flights = Flights()
    flight = flights.board("q", callers[0])
    assert flights.board("q", callers[1]) is None
    assert flights.board("another", callers[2]) is not None
    assert flights.land(flight) == callers[:2]
    assert flights.board("q", callers[3]) not in (None, flight)


def test_a_request_without_a_question_is_never_shared(callers):
    flights = Flights()
    assert None not in [flights.board(None, caller) for caller in callers]


def test_all_who_wait_see_how_far_their_request_is(callers):
    flights = Flights()
    flight = flights.board("q", callers[0])
    flights.board("q", callers[1])
    assert flights.find_progress("0") is flights.find_progress("1") is flight.progress
    assert flights.find_progress("2") is None
    flights.land(flight)
    assert flights.find_progress("0") is None


def test_a_request_is_taken_back_only_if_none_waits_for_it_and_then_none_joins_it(callers):
    flights = Flights()
    flight = flights.board("q", callers[0])
    flights.board("q", callers[1])
    callers[0].leave()
    assert not flights.cancel(flight)
    callers[1].leave()
    assert flights.cancel(flight)
    following = flights.board("q", callers[2])
    assert following is not None
    flights.land(flight)
    assert flights.board("q", callers[3]) is None


def test_a_request_for_which_none_waits_any_more_does_no_further_item(callers):
    flight = Flights().board("q", callers[0])
    with reporting_to(flight.progress):
        items = iter(count_each("abc"))
        assert [next(items), next(items)] == ["a", "b"]
        callers[0].leave()
        with pytest.raises(BrokenOff):
            next(items)


def test_who_has_broken_a_request_off_waits_for_its_end_and_gets_its_warnings(callers):
    flights, heard = Flights(), []
    flight = flights.board(None, callers[0])
    callers[0].leave()
    assert flights.cancel(flight)
    waiting = threading.Thread(target=lambda: heard.append(flights.wait_for_end("0")))
    waiting.start()
    flight.warnings = ["one was written"]
    flights.land(flight)
    waiting.join(PATIENCE)
    assert heard == [["one was written"]]
    assert flights.wait_for_end("0") == ()


def test_a_store_has_so_many_threads_and_no_more():
    threads, begun, hold = StoreThreads(2, "test"), threading.Semaphore(0), threading.Event()

    def work():
        begun.release()
        hold.wait(PATIENCE)

    for _each in range(5):
        threads.submit("slow", work)
    done = threading.Event()
    threads.submit("other", done.set)
    assert done.wait(PATIENCE)
    assert begun.acquire(timeout=PATIENCE)
    assert begun.acquire(timeout=PATIENCE)
    assert not begun.acquire(blocking=False)
    hold.set()
    threads.join()
    assert not threads.is_busy("slow")


def test_work_that_fails_ends_no_thread_and_stopped_threads_take_no_work():
    threads, done = StoreThreads(1, "test"), threading.Event()

    def fail():
        raise KeyboardInterrupt

    threads.submit("a", fail)
    threads.submit("a", done.set)
    assert done.wait(PATIENCE)
    threads.stop()
    threads.join()
    with pytest.raises(RuntimeError):
        threads.submit("a", done.set)


def test_work_that_has_not_begun_is_dropped_when_threads_are_stopped():
    threads, begun, hold, done = StoreThreads(1, "test"), threading.Event(), threading.Event(), threading.Event()

    def work():
        begun.set()
        hold.wait(PATIENCE)

    threads.submit("a", work)
    threads.submit("a", done.set)
    assert begun.wait(PATIENCE)
    threads.stop()
    hold.set()
    threads.join()
    assert not done.is_set()
