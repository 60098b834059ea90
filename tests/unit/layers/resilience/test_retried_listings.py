# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A listing that fails midway. Time passes by waiting alone."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.context.listing_requests import repeat_in_listings
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, Timeout, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.retry import Retry
from tests.conformance.records import a_record
from tests.unit.layers.resilience.test_retry import Failing, clock

__all__ = ["clock"]


class Breaking(Memory):
    """A store whose listing breaks off after each of these numbers of rows."""

    def __init__(self, *after):
        super().__init__({}, BackendContext("breaking"))
        self.after = list(after)

    def list(self, wanted=Filter()):
        breaks = self.after.pop(0) if self.after else None
        for number, row in enumerate(super().list(wanted)):
            if number == breaks:
                raise Unavailable("broke off")
            yield row


def listing(clock, *after, repeats=2):
    below = Breaking(*after)
    for number in range(6):
        below.put(a_record("name{0}".format(number)))
    return Retry(below, repeats, sleep=clock.sleep)


def test_a_listing_that_breaks_off_begins_again_and_tells_each_name_once(clock):
    names = [row.name for row in listing(clock, 3, 0, 5).list()]
    assert sorted(names) == ["name{0}".format(number) for number in range(6)]


def test_a_listing_that_gets_no_further_fails(clock):
    rows = listing(clock, 2, 2, 2, 2).list()
    assert [next(rows).name, next(rows).name] == ["name0", "name1"]
    with pytest.raises(Unavailable, match="3 attempts"):
        next(rows)


def test_a_listing_is_not_repeated_for_what_does_not_pass(clock):
    below = Failing()
    below.list = lambda *_wanted: iter(Refusing())
    rows = Retry(below, 5, sleep=clock.sleep).list()
    with pytest.raises(AccessDenied):
        next(rows)
    assert clock.waits == []


class Paged(Memory):
    """A store whose listing reads two rows with a request. Requests fail with these errors, None: they succeed."""

    def __init__(self, *outcomes):
        super().__init__({}, BackendContext("paged"))
        self.outcomes = list(outcomes)
        self.requests = []

    @repeat_in_listings
    def read_page(self, rows, number):
        self.requests.append(number)
        error = self.outcomes.pop(0) if self.outcomes else None
        if error is not None:
            raise error
        return rows[2 * number : 2 * number + 2]

    def list(self, wanted=Filter()):
        rows = list(super().list(wanted))
        for number in range(len(rows) // 2):
            yield from self.read_page(rows, number)


def paged(clock, *outcomes, repeats=2):
    below = Paged(*outcomes)
    for number in range(6):
        below.put(a_record("name{0}".format(number)))
    return below, Retry(below, repeats, sleep=clock.sleep)


def throttling():
    return Unavailable("too many requests").annotate(throttled=True)


def test_a_page_that_is_refused_is_repeated_by_itself(clock):
    below, store = paged(clock, throttling(), None, throttling(), throttling(), None, Timeout("slow"), None)
    assert sorted(row.name for row in store.list()) == ["name{0}".format(number) for number in range(6)]
    assert below.requests == [0, 0, 1, 1, 1, 2, 2]


def test_a_page_that_is_refused_too_often_ends_the_listing(clock):
    below, store = paged(clock, None, *(throttling() for _each in range(9)))
    rows = store.list()
    assert [next(rows).name, next(rows).name] == ["name0", "name1"]
    with pytest.raises(Unavailable, match="3 attempts") as caught:
        next(rows)
    assert below.requests == [0, 1, 1, 1]
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_request_of_a_listing_that_may_have_changed_something_is_not_repeated_by_itself(clock):
    below, store = paged(clock, None, Timeout("lost").annotate(outcome_unknown=True))
    assert len(list(store.list())) == 6
    assert below.requests == [0, 1, 0, 1, 2]


def test_a_request_inside_a_repeated_one_is_a_part_of_it(clock):
    below, store = paged(clock, *(throttling() for _each in range(9)))
    below.read_page = repeat_in_listings(below.read_page)
    with pytest.raises(Unavailable):
        next(store.list())
    assert below.requests == [0, 0, 0]


class Refusing:
    def __iter__(self):
        raise AccessDenied("no")
