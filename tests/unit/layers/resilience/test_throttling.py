# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a backend that throttles is waited for. Time passes by waiting alone."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import Unavailable
from tests.conformance.records import value_of
from tests.unit.layers.resilience.test_retry import clock, reading

__all__ = ["clock"]


def throttled(retry_after=None):
    return Unavailable("busy").annotate(retry_after=retry_after, throttled=True)


@pytest.mark.parametrize("retry_after", [None, 0.5])
@pytest.mark.parametrize("repeats", [3, 5, 10])
def test_throttling_for_most_of_the_time_limit_is_survived_within_the_repeats(clock, repeats, retry_after):
    """However long the limit is: the waits grow to fill it."""
    for limit in (5, 10, 120):
        below, store = reading(clock, repeats=repeats)
        ends_at, get = clock.now + 0.79 * limit, below.get

        def busy(*asked, ends_at=ends_at, below=below, get=get, **more):
            if clock.now < ends_at:
                below.asked += 1
                raise throttled(retry_after)
            return get(*asked, **more)

        below.get = busy
        began = clock.now
        with deadline.within(limit, "get"):
            assert value_of(store.get("db_pass")) == b"s3cret"
        assert below.asked <= repeats + 1
        assert clock.now - began < limit


@pytest.mark.parametrize("repeats", [1, 2])
def test_few_repeats_make_the_first_of_the_usual_waits(clock, repeats):
    """Someone who wants few of them wants the error sooner, and not after one wait for most of the time limit."""
    for _each in range(50):
        below, store = reading(clock, *(throttled() for _error in range(9)), repeats=repeats)
        clock.waits.clear()
        with deadline.within(60, "get"), pytest.raises(Unavailable, match="{0} attempts".format(repeats + 1)):
            store.get("db_pass")
        assert below.asked == repeats + 1
        assert clock.waits[0] <= 0.9 * 60 / 7
        assert sum(clock.waits) <= 60 / 2


def test_the_only_repeat_waits_as_long_as_the_backend_says(clock):
    _below, store = reading(clock, throttled(20), repeats=1)
    with deadline.within(60, "get"):
        store.get("db_pass")
    assert 20 <= clock.waits[0] <= 21


def test_a_time_that_the_backend_says_and_that_the_limit_does_not_leave_is_not_waited_for(clock):
    _below, store = reading(clock, throttled(20), repeats=1)
    with deadline.within(5, "get"), pytest.raises(Unavailable):
        store.get("db_pass")
    assert clock.waits == []


@pytest.mark.parametrize("repeats", [3, 5, 20])
def test_throttling_that_lasts_costs_the_repeats_and_one_request_and_ends_with_the_deadline(clock, repeats):
    for _each in range(50):
        below, store = reading(clock, *(throttled() for _error in range(100)), repeats=repeats)
        began = clock.now
        with deadline.within(5, "get"), pytest.raises(Unavailable, match=r"busy \("):
            store.get("db_pass")
        assert 4 <= clock.now - began < 5
        assert below.asked <= repeats + 1


def test_the_waits_for_a_backend_that_throttles_grow_and_differ(clock):
    drawn = []
    for _each in range(50):
        _below, store = reading(clock, *(throttled() for _error in range(9)), repeats=5)
        clock.waits.clear()
        with deadline.within(60, "get"), pytest.raises(Unavailable):
            store.get("db_pass")
        assert clock.waits == sorted(clock.waits)
        drawn.append(clock.waits[0])
    assert max(drawn) > 1.1 * min(drawn)


def test_a_backend_that_throttles_and_names_a_time_is_left_alone_for_it(clock):
    _below, store = reading(clock, throttled(3), throttled(7))
    with deadline.within(60, "get"):
        store.get("db_pass")
    assert clock.waits[0] >= 3
    assert clock.waits[1] >= 7


def test_throttling_and_other_failures_share_the_repeats(clock):
    below, store = reading(clock, *(error for _each in range(5) for error in (Unavailable("down"), throttled())), repeats=3)
    with deadline.within(60, "get"), pytest.raises(Unavailable, match="4 attempts"):
        store.get("db_pass")
    assert below.asked == 4


def test_throttling_is_not_repeated_where_nothing_is(clock):
    below, store = reading(clock, throttled(), repeats=0)
    with deadline.within(5, "get"), pytest.raises(Unavailable):
        store.get("db_pass")
    assert below.asked == 1


def test_throttling_counts_where_no_time_limit_would_end_it(clock):
    below, store = reading(clock, *(throttled() for _each in range(9)), repeats=2)
    with pytest.raises(Unavailable):
        store.get("db_pass")
    assert below.asked == 3
