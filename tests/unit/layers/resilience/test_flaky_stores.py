# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever faults a seed decides on, many writers at once lose nothing, and are told the truth."""

from __future__ import annotations

import itertools
import os
import threading
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.backend import Local
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError, NotFound, Timeout, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.encryption.encrypt import wrap_in_encryption
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.retry import Retry
from tests.conformance.records import NOON, a_record, value_of
from tests.faults.flaky import Fault, Flaky, scripted, seeded

WRITERS = 32
ENOUGH = 1000
"""Repeats, more than any of these tests needs."""
PATIENCE = 120.0
FEW = settings(max_examples=max(8, settings.default.max_examples // 20))
seeds = st.integers(0, 2**32)
rates = st.floats(0, 0.9)


def give_way(_seconds=0.0):
    """Let another thread go on: nothing waits here, and every order of requests is to be seen."""
    os.sched_yield()


class Outcomes:
    """What the writers of a counter were told."""

    def __init__(self):
        self.acknowledged = 0
        self.unknown = 0
        self.codes = set()
        self._lock = threading.Lock()

    def acknowledge(self):
        with self._lock:
            self.acknowledged += 1

    def leave_open(self):
        with self._lock:
            self.unknown += 1


def increment(store, times, moments, outcomes):
    """Add one to the counter by compare-and-swap, again until it is acknowledged or nobody can know."""
    for _each in range(times):
        while True:
            try:
                found = store.get("counter")
                changed = a_record("counter", str(int(value_of(found)) + 1)).with_metadata(updated_at=next(moments))
                store.put(changed, found.etag)
                outcomes.acknowledge()
                break
            except CredentialError as error:
                outcomes.codes.add(error.code)
                if error.outcome_unknown:
                    outcomes.leave_open()
                    break


def counted(truth, store, writers=WRITERS, times=1):
    """Let all writers at the counter; answer what they were told."""
    outcomes = Outcomes()
    moments = Locked(NOON + timedelta(microseconds=number) for number in itertools.count(2))
    truth.put(a_record("counter", "0"))
    threads = [threading.Thread(target=increment, args=(store, times, moments, outcomes)) for _each in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert outcomes.codes <= {Conflict.code, Unavailable.code, Timeout.code}
    return outcomes


class Locked:
    """An iterator for many threads."""

    def __init__(self, inner):
        self._inner = inner
        self._lock = threading.Lock()

    def __next__(self):
        with self._lock:
            return next(self._inner)


@FEW
@given(seed=seeds, rate=st.floats(0, 0.4))
def test_no_update_of_many_writers_is_lost_or_made_twice(seed, rate):
    truth = Memory({"keep_versions": 200}, BackendContext("truth"))
    flaky = Flaky(truth, seeded(seed, rate), give_way)
    outcomes = counted(truth, Retry(flaky, ENOUGH, sleep=give_way))
    flaky.settle()
    assert outcomes.unknown == 0, "the versions tell, and there are repeats enough"
    assert outcomes.acknowledged == WRITERS
    assert int(value_of(truth.get("counter"))) == WRITERS


@FEW
@given(seed=seeds, rate=rates, repeats=st.integers(0, 5))
def test_with_few_repeats_what_is_open_is_said_to_be(seed, rate, repeats):
    """The counter ends between what was acknowledged, and that with all that was left open."""
    truth = Memory({"keep_versions": 200}, BackendContext("truth"))
    flaky = Flaky(truth, seeded(seed, rate), give_way)
    outcomes = counted(truth, Retry(flaky, repeats, sleep=give_way), writers=8, times=2)
    flaky.settle()
    assert outcomes.acknowledged <= int(value_of(truth.get("counter"))) <= outcomes.acknowledged + outcomes.unknown


@pytest.mark.parametrize("seed", range(3))
def test_a_store_of_files_loses_nothing_either(seed, tmp_path):
    options = {"path": str(tmp_path / "store"), "format": "json", "allow_plaintext": True, "keep_versions": 100, "lock_timeout": 60.0}
    truth = Local(options, BackendContext("truth"))
    truth.connect()
    flaky = Flaky(truth, seeded(seed, 0.3), give_way)
    outcomes = counted(truth, Retry(flaky, ENOUGH, sleep=give_way), writers=8, times=2)
    flaky.settle()
    assert (outcomes.unknown, outcomes.acknowledged) == (0, 16)
    assert value_of(truth.get("counter")) == b"16"


@FEW
@given(seed=seeds, rate=st.floats(0, 0.4))
def test_an_encrypted_store_loses_nothing_either(seed, rate):
    """Envelopes are compared byte by byte, and the layer outside writes by compare-and-swap always."""
    truth = Memory({"keep_versions": 200}, BackendContext("truth"))
    flaky = Flaky(truth, seeded(seed, rate), give_way)
    store = wrap_in_encryption(Retry(flaky, ENOUGH, sleep=give_way), {})
    store.connect()
    outcomes = counted(store, store, writers=8, times=2)
    flaky.settle()
    assert (outcomes.unknown, outcomes.acknowledged) == (0, 16)
    assert value_of(store.get("counter")) == b"16"


@given(
    seed=seeds, rate=rates, repeats=st.integers(0, 8), writes=st.lists(st.sampled_from(["put", "swap", "create", "delete"]), max_size=12)
)
def test_every_acknowledged_write_is_there(seed, rate, repeats, writes):
    """One writer: what it was told last is what a reader finds, unless something was left open since."""
    truth = Memory({"keep_versions": 200}, BackendContext("truth"))
    flaky = Flaky(truth, seeded(seed, rate))
    store = Retry(flaky, repeats, sleep=lambda _seconds: None)
    expected, is_open = None, False
    for number, write in enumerate(writes):
        value = "value {0}".format(number)
        try:
            expected, is_open = written(store, truth, write, value, number), False
        except NotFound:
            assert write == "delete"
            assert is_open or expected is None
        except Conflict:
            # Refused for what is there, or for a late request of before that has come in between.
            assert is_open or (write == "create" and expected is not None)
        except (Unavailable, Timeout) as error:
            is_open = is_open or error.outcome_unknown
        if not is_open:
            assert now(truth) == expected
        flaky.settle()
        is_open = is_open and now(truth) != expected
        expected = now(truth) if is_open else expected


def written(store, truth, write, value, number):
    """Make a write; answer the value that is there after it."""
    record = a_record(value=value).with_metadata(updated_at=NOON + timedelta(seconds=number))
    if write == "delete":
        store.delete("db_pass")
        return None
    if write == "swap" and now(truth) is not None:
        store.put(record, truth.get("db_pass").etag)
    else:
        store.put(record, create=write == "create")
    return value


def now(truth):
    try:
        return value_of(truth.get("db_pass")).decode()
    except NotFound:
        return None


@given(seed=seeds, rate=st.floats(0, 0.9), size=st.integers(0, 30))
def test_a_listing_is_whole_or_fails(seed, rate, size):
    truth = Memory({}, BackendContext("truth"))
    names = ["name{0}".format(number) for number in range(size)]
    for name in names:
        truth.put(a_record(name))
    store = Retry(Flaky(truth, seeded(seed, rate)), 5, sleep=lambda _seconds: None)
    try:
        assert sorted(row.name for row in store.list()) == sorted(names)
    except (Unavailable, Timeout):
        assert rate > 0


def test_faults_are_the_same_for_the_same_seed():
    first, second, other = (list(itertools.islice(seeded(seed, 0.5), 50)) for seed in (7, 7, 8))
    assert first == second != other
    assert set(first) == set(Fault)
    assert set(itertools.islice(seeded(1, 0), 50)) == {Fault.NONE}


def test_a_late_write_arrives_after_other_requests():
    truth = Memory({}, BackendContext("truth"))
    truth.put(a_record())
    for fault, requests in ((Fault.LATE, 1), (Fault.LATER, 3)):
        flaky = Flaky(truth, scripted([fault]))
        with pytest.raises(Timeout) as caught:
            flaky.put(a_record(value=fault.name))
        assert caught.value.outcome_unknown
        seen = [now(flaky) for _each in range(requests + 1)]
        assert [value == fault.name for value in seen] == [False] * requests + [True]


def test_what_is_lost_never_arrives():
    truth = Memory({}, BackendContext("truth"))
    flaky = Flaky(truth, scripted([Fault.LOST]))
    with pytest.raises(Timeout):
        flaky.put(a_record())
    flaky.settle()
    assert now(truth) is None
