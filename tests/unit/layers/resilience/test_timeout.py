# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The limits of operations, the options of all three layers, and their order."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext, Capabilities, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import CircuitOpen, InvalidConfiguration, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.stack import OPTIONS, RANGES, resilient
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.timeout import TimeLimits
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conformance.records import a_record


class Remote(Memory):
    """A remote backend that notes how much time each request has, and may be down."""

    capabilities = Capabilities(versions=True, native_cas=True, stages=True, remote=True)

    def __init__(self):
        super().__init__({}, BackendContext("prod"))
        self.given = []
        self.down = False
        self.asked = 0

    def _note(self):
        self.asked += 1
        self.given.append(round(deadline.remaining()))
        if self.down:
            raise Unavailable("down")

    def put(self, record, expected=None, *, create=False):
        self._note()
        return super().put(record, expected, create=create)

    def get(self, name, version=None, stage="current"):
        self._note()
        return super().get(name, version, stage)

    def list(self, wanted=Filter()):
        for row in super().list(wanted):
            self._note()
            yield row

    def health(self):
        self._note()
        return super().health()


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """Nothing waits."""
    monkeypatch.setitem(OPTIONS["base_delay"], "default", 0.0)


def test_reads_and_writes_have_their_limits():
    remote = Remote()
    store = resilient(remote, {})
    store.put(a_record())
    store.get("db_pass")
    list(store.list())
    store.health()
    assert remote.given == [10, 5, 5, 5]
    assert deadline.remaining() == deadline.UNLIMITED


def test_both_limits_are_options():
    remote = Remote()
    store = resilient(remote, {"read_timeout": 33.0, "write_timeout": 77.0})
    store.put(a_record())
    store.get("db_pass")
    assert remote.given == [77, 33]


def test_an_operation_of_several_requests_is_bounded_as_a_whole():
    remote = Remote()
    store = TimeLimits(remote, 5.0, 10.0)
    remote.put(a_record())
    remote.given.clear()
    store.get_many(["db_pass", "other"])
    assert remote.given == [5, 5]


def test_an_outer_limit_that_ends_earlier_counts():
    remote = Remote()
    with deadline.within(2, "all of it"):
        resilient(remote, {}).put(a_record())
    assert remote.given == [2]


def test_time_between_two_rows_is_not_counted():
    remote = Remote()
    store = resilient(remote, {})
    for number in range(3):
        remote.put(a_record("name{0}".format(number)))
    remote.given.clear()
    for _row in store.list():
        assert deadline.remaining() == deadline.UNLIMITED
    assert remote.given == [5, 5, 5]


@pytest.mark.parametrize(("options", "requests"), [({}, 6), ({"max_retries": 0}, 1), ({"max_retries": 2}, 3)])
def test_the_number_of_repeats_is_an_option(options, requests):
    remote = Remote()
    remote.down = True
    with pytest.raises(Unavailable):
        resilient(remote, options).get("db_pass")
    assert remote.asked == requests


def test_a_backend_has_its_own_number_of_repeats():
    remote = Remote()
    remote.down, remote.default_retries = True, 3
    with pytest.raises(Unavailable):
        resilient(remote, {"max_retries": None}).get("db_pass")
    assert remote.asked == 4


def test_the_breaker_counts_operations_and_not_attempts():
    remote = Remote()
    remote.down = True
    store = resilient(remote, {"breaker_failures": 2})
    for expected in (Unavailable, Unavailable, CircuitOpen, CircuitOpen):
        with pytest.raises(expected) as caught:
            store.get("db_pass")
        assert caught.value.__class__ is expected
    assert remote.asked == 2 * 6


def test_without_a_breaker_every_request_is_made():
    remote = Remote()
    remote.down = True
    store = resilient(remote, {"breaker_failures": 0, "max_retries": 0})
    for _each in range(20):
        with pytest.raises(Unavailable) as caught:
            store.get("db_pass")
        assert caught.value.__class__ is Unavailable
    assert remote.asked == 20


def test_a_backend_on_this_machine_stays_as_it_is():
    local = Memory({}, BackendContext("here"))
    assert resilient(local, {}) is local


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_out_of_range_is_refused_by_name(option):
    least, most = RANGES[option]
    for wrong in (least - 1, most + 1, float("nan"), float("inf")):
        with pytest.raises(InvalidConfiguration) as caught:
            resilient(Memory({}, BackendContext("here")), {option: wrong})
        assert caught.value.option == option
        assert "Use {0:g} to {1:g}.".format(least, most) in str(caught.value)
    for allowed in (least, most, None):
        resilient(Remote(), {option: allowed})


def test_a_store_is_refused_with_a_limit_out_of_range():
    config = {"backend": "memory", "allow_plaintext": True, "encrypt": False, "audit": "off", "read_timeout": 0}
    with pytest.raises(InvalidConfiguration, match=r"option 'read_timeout', store 'prod': the value is out of range. Use 0.1 to 3600."):
        open_store(config, name="prod")
