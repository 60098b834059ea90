# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read once is read once, and what was written is never answered as it was before (F1, J1, J7)."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.asking import asked_by
from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache import Cache, CacheTerms, NotHeld, only_held
from ansible_collections.nebula.credential.plugins.module_utils.providers.base import ProviderContext
from ansible_collections.nebula.credential.plugins.module_utils.providers.memory import Memory
from ansible_collections.nebula.credential.plugins.module_utils.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.shelf import Shelf
from tests.conformance.records import a_record, value_of

NAMES = ("a", "b", "c")


class Watched(Layer):
    """Counts what reaches the backend; can be down, and can make readers wait."""

    def __init__(self):
        self.warned = []
        super().__init__(Memory({}, ProviderContext("test", self.warned.append)))
        self.asked = []
        self.down = False
        self.gate = None

    def get(self, name, version=None, stage="current"):
        self.asked.append(name)
        if self.gate:
            self.gate.wait(30)
        if self.down:
            raise Unavailable("the backend is down")
        return self.inner.get(name, version, stage)

    def get_many(self, names):
        self.asked.append(tuple(names))
        if self.down:
            raise Unavailable("the backend is down")
        return self.inner.get_many(names)


class World:
    """A backend with the names a, b and c, a cache before it, and a clock."""

    def __init__(self, **terms):
        self.backend = Watched()
        self.now = 0.0
        self.later = []
        self.looked_up = []
        self.cache = Cache(self.backend, replace_terms(terms), self.later.append, self.looked_up.append)
        self.cache.shelf._clock = lambda: self.now
        for name in NAMES:
            self.backend.inner.put(a_record(name, name))

    def read(self, name="a", version=None):
        return value_of(self.cache.get(name, version))


def replace_terms(terms):
    return CacheTerms(**{"ttl": 100.0, **terms})


def test_a_value_is_read_once_for_its_time_to_live():
    world = World()
    for second in (0, 1, 50):
        world.now = second
        assert world.read() == b"a"
    assert world.backend.asked == ["a"]
    world.now = 100
    world.read()
    assert world.backend.asked == ["a", "a"]


def test_versions_and_the_current_value_are_kept_apart():
    world = World()
    world.backend.inner.put(a_record("a", "a2"))
    assert (world.read(), world.read("a", "1"), world.read("a", "1")) == (b"a2", b"a", b"a")
    assert world.backend.asked == ["a", "a"]


@pytest.mark.parametrize("stage", ["pending", "previous", "journal"])
def test_a_rotation_sees_its_stages_as_they_are(stage):
    world = World()
    world.cache.put(a_record("a", "one", stage=stage))
    for value in ("one", "two"):
        world.backend.inner.put(a_record("a", value, stage=stage))
        assert value_of(world.cache.get("a", stage=stage)) == value.encode()


def test_every_kind_of_write_drops_what_was_read():
    """Put, state, metadata and delete: the next read asks the backend."""
    world = World()
    world.read()
    changed = world.cache.put(a_record("a", "new"))
    assert world.read() == b"new"
    changed = world.cache.update_state("a", {}, changed.version)
    assert world.cache.get("a").state == {}
    patched = world.cache.get("a").with_metadata(description="other")
    world.cache.patch_metadata(patched, 0)
    assert world.cache.get("a").known.description == "other"
    world.cache.delete("a")
    with pytest.raises(NotFound):
        world.read()


def test_a_failed_write_drops_too():
    """Its outcome may be unknown."""
    world = World()
    world.read()
    with pytest.raises(Exception, match="version 9 was expected"):
        world.cache.put(a_record("a", "new"), "9")
    world.read()
    assert world.backend.asked.count("a") == 2


def test_what_was_read_while_it_was_written_is_not_kept():
    """A reader that asked before a write and is answered after it keeps nothing."""
    world = World()
    world.backend.gate = threading.Event()
    answers = []
    reader = threading.Thread(target=lambda: answers.append(world.read()))
    reader.start()
    while not world.backend.asked:
        pass
    world.backend.inner.put(a_record("a", "new"))
    with world.cache.shelf.changing("a"):
        pass
    world.backend.gate.set()
    reader.join(30)
    assert answers
    assert len(world.cache.shelf) == 0


def test_many_that_ask_at_once_make_one_request():
    world = World()
    world.backend.gate = threading.Event()
    answers = []
    readers = [threading.Thread(target=lambda: answers.append(world.read())) for _each in range(50)]
    for reader in readers:
        reader.start()
    while world.cache.counts.shared < 49:
        pass
    world.backend.gate.set()
    for reader in readers:
        reader.join(30)
    assert answers == [b"a"] * 50
    assert world.backend.asked == ["a"]


def test_many_that_ask_at_once_all_hear_of_a_failure():
    world = World()
    world.backend.down = True
    world.backend.gate = threading.Event()
    errors = []

    def read():
        try:
            world.read()
        except Unavailable as error:
            errors.append(str(error))

    readers = [threading.Thread(target=read) for _each in range(10)]
    for reader in readers:
        reader.start()
    while world.cache.counts.shared < 9:
        pass
    world.backend.gate.set()
    for reader in readers:
        reader.join(30)
    assert len(errors) == 10
    world.backend.down = False
    assert world.read() == b"a"


def test_a_value_is_fetched_ahead_of_its_end_while_the_old_one_serves():
    world = World(refresh_ahead=0.8)
    world.read()
    world.backend.inner.put(a_record("a", "new"))
    world.now = 81
    assert (world.read(), world.read(), len(world.later)) == (b"a", b"a", 1)
    world.later.pop()()
    assert world.read() == b"new"
    assert world.backend.asked == ["a", "a"]


def test_a_refresh_that_fails_leaves_the_value_that_serves():
    world = World(refresh_ahead=0.5)
    world.read()
    world.now, world.backend.down = 60, True
    world.read()
    world.later.pop()()
    assert world.read() == b"a"
    assert world.backend.warned == []


def test_nothing_stale_is_served_unless_allowed():
    world = World()
    world.read()
    world.now, world.backend.down = 100, True
    with pytest.raises(Unavailable):
        world.read()


def test_a_stale_value_is_served_for_as_long_as_allowed_and_said():
    world = World(serve_stale=50.0)
    world.read()
    world.now, world.backend.down = 120, True
    assert world.read() == b"a"
    assert "for 50 s beyond its time at most" in world.backend.warned[0]
    world.now = 151
    with pytest.raises(Unavailable):
        world.read()


def test_what_was_deleted_elsewhere_is_not_served_stale():
    world = World(serve_stale=1000.0)
    world.read()
    world.backend.inner.delete("a")
    world.now = 101
    with pytest.raises(NotFound):
        world.read()
    world.backend.down = True
    with pytest.raises(Unavailable):
        world.read()


def test_a_batch_asks_for_what_is_not_there_in_one_call():
    world = World()
    world.read("b")
    found = world.cache.get_many(["a", "b", "c", "absent"])
    assert {name: value_of(record) for name, record in found.items()} == {"a": b"a", "b": b"b", "c": b"c"}
    assert world.backend.asked == ["b", ("a", "c", "absent")]
    world.read("a")
    assert len(world.backend.asked) == 2


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


@pytest.mark.parametrize("operation", ["credential", "credential_info", "credential_rotate", "store_key"])
def test_who_writes_or_describes_is_given_what_is_there_now(operation):
    """A play that sets a value would find it unchanged, where somebody else has changed it meanwhile."""
    world = World()
    world.read()
    world.backend.inner.put(a_record("a", "new"))
    with asked_by(AccessContext(), operation):
        assert world.read() == b"new"
        assert value_of(world.cache.get_many(["a"])["a"]) == b"new"
    assert world.read() == b"new"


def test_where_nothing_may_be_fetched_nothing_is():
    world = World()
    with only_held(), pytest.raises(NotHeld):
        world.read()
    with only_held(), pytest.raises(NotHeld):
        world.cache.get_many(["a", "b"])
    world.read()
    with only_held():
        assert world.read() == b"a"
    with only_held(), asked_by(AccessContext(), "credential"), pytest.raises(NotHeld):
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
    world.cache.shelf._clock = Shelf(1, 1)._clock
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
    world.cache.shelf.drop()
    world.cache.shelf.keep(("a", None), a_record("a", "old"), asked)
    assert len(world.cache.shelf) == 0


@given(
    reads=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 40)), max_size=60),
    entries=st.integers(1, 5),
    room=st.integers(1, 80),
)
def test_a_shelf_never_holds_more_than_it_may(reads, entries, room):
    """Whatever is kept, in whatever order: number and bytes stay within their bounds, and the last one that fits is there."""
    shelf = Shelf(entries, room)
    for name, size in reads:
        record = a_record(name, b"x" * size, state={})
        fits = sum(len(value) for value in record.fields.values()) + len(record.envelope or b"") <= room
        shelf.keep((name, None), record, shelf.asking(name))
        assert (len(shelf) <= entries, shelf.size <= room) == (True, True)
        assert (shelf.find((name, None)) is not None) == fits
    shelf.drop()
    assert (len(shelf), shelf.size) == (0, 0)
