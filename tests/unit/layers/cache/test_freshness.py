# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When what was read before may be answered, and when it may not: writes, failures, clocks (F1, J1, J7)."""

from __future__ import annotations

import threading
import time

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context.cache_only import CacheMiss, cache_only
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import acting_as
from ansible_collections.nebula.credential.plugins.module_utils.errors import Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.lru import LruCache
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.catalog import traits_of
from tests.conformance.records import a_record, value_of
from tests.unit.layers.cache.world import World


def test_a_read_after_a_write_never_joins_a_fetch_from_before_it():
    """A lookup after a write sees the write, also where a slow reader is still under way."""
    world = World()
    world.backend.gate = threading.Event()
    answers = []
    reader = threading.Thread(target=lambda: answers.append(world.read()))
    reader.start()
    while not world.backend.asked:
        pass
    world.backend.gate, held = None, world.backend.gate
    world.cache.put(a_record("a", "new"))
    assert world.read() == b"new"
    held.set()
    reader.join(30)
    assert world.read() == b"new"


def test_what_was_requested_earlier_and_arrives_later_does_not_replace_a_newer_value():
    """A lookup with `fresh` is followed by others, and a slow fetch ahead of time may still be under way."""
    world = World()
    slow, old = world.cache.shelf.asking("a"), world.backend.inner.get("a")
    world.now = 1.0
    world.backend.inner.put(a_record("a", "new"))
    with acting_as(AccessContext(), "get", cacheable=False):
        assert world.read() == b"new"
    world.cache.shelf.put(("a", None), old, slow)
    assert world.read() == b"new"


@pytest.mark.parametrize("operation", ["credential", "credential_info", "credential_rotate", "store_key"])
def test_who_writes_or_describes_is_given_what_is_there_now(operation):
    """A play that sets a value would find it unchanged, where somebody else has changed it meanwhile."""
    world = World()
    world.read()
    world.backend.inner.put(a_record("a", "new"))
    with acting_as(AccessContext(), operation, cacheable=traits_of(operation).cacheable):
        assert world.read() == b"new"
        assert value_of(world.cache.get_many(["a"])["a"]) == b"new"
    assert world.read() == b"new"


def test_where_nothing_may_be_fetched_nothing_is():
    world = World()
    with cache_only(), pytest.raises(CacheMiss):
        world.read()
    with cache_only(), pytest.raises(CacheMiss):
        world.cache.get_many(["a", "b"])
    world.read()
    with cache_only():
        assert world.read() == b"a"
    with cache_only(), acting_as(AccessContext(), "credential", cacheable=False), pytest.raises(CacheMiss):
        world.read()
    assert world.backend.asked == ["a"]


def test_a_backend_that_did_not_answer_is_not_asked_by_everybody():
    """Each would wait as long as the first; the one that asks some seconds later finds out whether it is back."""
    world = World(serve_stale=50.0)
    world.read()
    world.now, world.backend.down = 120, True
    assert [world.read() for _each in range(10)] == [b"a"] * 10
    assert world.backend.asked == ["a", "a"]
    world.now, world.backend.down = 126, False
    world.backend.inner.put(a_record("a", "new"))
    assert world.read() == b"new"


def test_a_refresh_that_failed_is_not_tried_again_at_once():
    world = World(refresh_ahead=0.5)
    world.read()
    world.now, world.backend.down = 60, True
    world.read()
    world.later.pop()()
    world.read()
    assert world.later == []
    world.now = 66
    world.read()
    assert len(world.later) == 1


def test_a_batch_serves_stale_values_as_single_reads_do():
    world = World(serve_stale=50.0)
    world.cache.get_many(["a", "b"])
    world.now, world.backend.down = 120, True
    assert {name: value_of(record) for name, record in world.cache.get_many(["a", "b"]).items()} == {"a": b"a", "b": b"b"}
    with pytest.raises(Unavailable):
        world.cache.get_many(["a", "c"])


def test_a_value_is_as_old_as_its_request():
    """What was read before a write elsewhere is not kept for longer than since then, however long the answer took."""
    world = World()

    def slowly(name, version=None, stage="current"):
        world.now += 30
        return world.backend.inner.get(name, version, stage)

    world.backend.get = slowly
    world.read()
    assert world.cache.shelf.find(("a", None)).age == 30


def test_hits_and_misses_are_counted_as_they_were_for_the_caller():
    world = World()
    world.read()
    world.read()
    world.now = 100
    world.read()
    world.cache.get_many(["a", "b"])
    assert (world.cache.counts.hits, world.cache.counts.misses) == (2, 3)
    assert world.looked_up == [False, True, False, True, False]


def test_a_clock_that_is_set_changes_nothing(monkeypatch):
    """Ages are told by a clock that only goes forward."""
    world = World()
    world.cache.shelf._clock = LruCache(1, 1)._clock
    monkeypatch.setattr(time, "time", lambda: 0.0)
    world.read()
    for jump in (-1e9, 1e9):
        monkeypatch.setattr(time, "time", lambda jump=jump: 1.7e9 + jump)
        monkeypatch.setattr(time, "time_ns", lambda jump=jump: int(1.7e18 + jump * 1e9))
        assert world.read() == b"a"
    assert world.backend.asked == ["a"]


def test_clearing_holds_for_what_is_just_being_read():
    world = World()
    asked = world.cache.shelf.asking("a")
    world.cache.shelf.invalidate()
    world.cache.shelf.put(("a", None), a_record("a", "old"), asked)
    assert len(world.cache.shelf) == 0
