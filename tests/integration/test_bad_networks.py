# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every backend on a server, behind a network that cuts, swallows, delays, resets and refuses: with the layers of a real store."""

from __future__ import annotations

import time
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.errors import CircuitOpen, NotFound, Timeout, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.stack import resilient
from tests.backends.discovery import HARNESSES, KINDS
from tests.conformance.records import NOON, a_record, value_of
from tests.conftest import PROFILE
from tests.servers import proxy

REMOTE = [kind for kind in KINDS if kind.server is not None and not kind.encrypted]
"""An encrypted kind meets the same network."""
STEP = 127 if PROFILE == "long" else 379
"""Bytes between two cuts."""
NEVER_ANSWERED = {"silent": proxy.SILENT, "unanswered": proxy.UNANSWERED}
UNHURRIED = {"read_timeout": 120, "write_timeout": 120}
"""For what ends by itself, however busy the machine is."""
BROKEN = {"refused": proxy.REFUSE, "reset": proxy.RESET, "hung up": proxy.HANG_UP}
SHORT = {"read_timeout": 0.5, "write_timeout": 0.5, "breaker_failures": 0}
pytestmark = pytest.mark.server


class Network:
    """A backend, the proxy in front of its server, and stores that go through it."""

    def __init__(self, kind, directory, between, options):
        self.kind = kind
        self.between = between
        self._options = options
        self._opened = []
        self.direct = self._store(kind.options(directory), {})

    def store(self, **limits):
        return self._store(self._options, limits)

    def _store(self, options, limits):
        backend = backend_class(self.kind.backend)(options, BackendContext("prod"))
        # The waits between repeats are of no interest here.
        store = resilient(backend, {"base_delay": 1e-3, "max_delay": 1e-3, **limits})
        store.connect()
        self._opened.append(store)
        return store

    def close(self):
        self.between.mode = proxy.PASS
        for store in self._opened:
            store.close()


@pytest.fixture(params=REMOTE, ids=lambda kind: kind.label)
def network(request, tmp_path):
    kind = request.param
    options, place = dict(kind.options(tmp_path)), HARNESSES[kind.backend].address
    server = urlsplit(options[place])
    with proxy.running(server.hostname, server.port) as between:
        options[place] = options[place].replace(":{0}".format(server.port), ":{0}".format(between.port))
        network = Network(kind, tmp_path, between, options)
        yield network
        network.close()


def written(value, number=0, **changes):
    return a_record(value=value, **changes).with_metadata(updated_at=NOON + timedelta(seconds=number))


def patiently(read):
    """What a read returns once it is in time: on a busy machine the short limits of a test may be too short for a sound network."""
    until = time.monotonic() + 120
    while True:
        try:
            return read()
        except Timeout:
            assert time.monotonic() < until


def create(store, name):
    store.put(written("new", 1, name=name), create=True)
    return "new"


def swap(store, name):
    store.put(written("new", 1, name=name), store.get(name).etag)
    return "new"


def patch(store, name):
    found = store.get(name)
    assert store.patch_metadata(found.with_metadata(description="new"), found.revision).revision == 1
    return "old"


def delete(store, name):
    store.delete(name, expected=store.get(name).etag)


def value_in(store, name):
    try:
        return value_of(store.get(name)).decode()
    except NotFound:
        return None


@pytest.mark.parametrize("cut", [proxy.cut_answer, proxy.cut_request])
@pytest.mark.parametrize("write", [create, swap, *(pytest.param(write, marks=pytest.mark.long) for write in (patch, delete))])
def test_a_write_is_done_once_wherever_the_connection_is_cut(network, write, cut):
    """At every so many bytes of it, in both directions: once the network is well again, the write ends as if nothing had been."""
    after, was_cut, store = 0, True, network.store(**UNHURRIED)
    while was_cut:
        name = "{0}{1}".format(write.__name__, after)
        if write is not create:
            network.direct.put(written("old", name=name), create=True)
        serial = network.direct.last_serial(name)
        network.between.set(cut(after, reset=after % 2 == 0), times=1)
        expected = write(store, name)
        was_cut = network.between.mode == proxy.PASS
        network.between.mode = proxy.PASS
        assert value_in(network.direct, name) == expected, after
        if expected == "new":
            assert network.direct.last_serial(name) == serial + 1, after
        after += STEP
    assert after > STEP, "nothing was cut"


@pytest.mark.parametrize("mode", NEVER_ANSWERED)
def test_a_server_that_never_answers_is_a_timeout_and_recovers(network, mode):
    network.direct.put(written("old"))
    store = network.store(**SHORT)
    network.between.mode = NEVER_ANSWERED[mode]
    with pytest.raises(Timeout) as caught:
        store.get("db_pass")
    assert not caught.value.outcome_unknown
    with pytest.raises(Timeout):
        store.put(written("new"), create=True)
    network.between.mode = proxy.PASS
    assert value_of(network.store().get("db_pass")) == b"old"
    assert value_of(patiently(lambda: store.get("db_pass"))) == b"old"


def test_a_write_whose_answer_never_comes_was_not_made_or_says_that_its_outcome_is_open(network):
    """Which of the two depends on the backend: whether the first request of a write is the one that counts."""
    stored = network.direct.put(written("old"))
    store = network.store(**SHORT)
    assert patiently(lambda: store.get("db_pass")).version == stored.version
    network.between.mode = proxy.UNANSWERED
    with pytest.raises(Timeout) as caught:
        store.put(written("new", 1), stored.etag)
    assert caught.value.outcome_unknown == ("whether the change was made is not known" in str(caught.value))
    network.between.mode = proxy.HANG_UP
    assert caught.value.outcome_unknown or value_in(network.direct, "db_pass") == "old"


@pytest.mark.parametrize("mode", BROKEN)
def test_a_connection_that_breaks_is_told_as_such_and_recovers(network, mode):
    network.direct.put(written("old"))
    store = network.store(read_timeout=1.5, write_timeout=1.5, breaker_failures=0)
    assert value_of(patiently(lambda: store.get("db_pass"))) == b"old"
    network.between.mode = BROKEN[mode]
    # A database is asked what is wrong with it, which may take the time that is left.
    with pytest.raises((Unavailable, Timeout)) as caught:
        store.get("db_pass")
    assert not caught.value.outcome_unknown
    with pytest.raises((Unavailable, Timeout)) as caught:
        store.put(written("new"), create=True)
    assert not (caught.value.outcome_unknown and mode == "refused")
    network.between.mode = proxy.PASS
    assert value_of(patiently(lambda: store.get("db_pass"))) == b"old"


def test_a_server_that_is_not_there_is_asked_as_often_as_its_backend_says(network):
    store = network.store(read_timeout=60)
    network.between.mode = proxy.REFUSE
    with pytest.raises(Unavailable) as caught:
        store.get("db_pass")
    assert "({0} attempts in ".format(1 + backend_class(network.kind.backend).default_retries) in str(caught.value)


def test_a_slow_network_is_no_failure(network):
    network.between.mode = proxy.slow(0.01)
    store = network.store()
    stored = store.put(written("new"), create=True)
    assert value_of(store.get("db_pass")) == b"new"
    assert stored.serial == 1


def test_a_server_that_stays_away_is_left_alone(network):
    network.direct.put(written("old"))
    store = network.store(breaker_failures=2, max_retries=0)
    network.between.mode = proxy.REFUSE
    for expected in (Unavailable, Unavailable, CircuitOpen):
        with pytest.raises(Unavailable) as caught:
            store.get("db_pass")
        assert caught.value.__class__ is expected
    network.between.mode = proxy.PASS
    with pytest.raises(CircuitOpen):
        store.get("db_pass")
