# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read once is read once, and what was written is never answered as it was before (F1, J1, J7)."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.context.cache_only import misses_accepted
from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.lru import LruCache
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Etag
from tests.conformance.records import a_record, put_state, value_of
from tests.unit.layers.cache.world import World


def test_a_value_is_read_once_for_its_time_to_live():
    world = World()
    for second in (0, 1, 50):
        world.now = second
        assert world.read() == b"a"
    assert world.backend.asked == ["a"]
    world.now = 100
    world.read()
    assert world.backend.asked == ["a", "a"]


def test_a_value_whose_type_no_cache_may_keep_is_read_each_time_alone_and_with_others():
    world = World()
    world.backend.inner.put(a_record("code", "key", type="totp"))
    for _each in range(2):
        assert world.read("code") == b"key"
        assert set(world.cache.get_many(["a", "code"])) == {"a", "code"}
    assert world.backend.asked == ["code", ("a", "code"), "code", ("code",)]
    assert world.cache.shelf.count() == 1


def test_a_value_that_another_type_replaces_is_dropped_if_no_cache_may_keep_that():
    world = World()
    world.read()
    world.backend.inner.delete("a")
    world.backend.inner.put(a_record("a", "key", type="totp"))
    world.now = 100
    world.read()
    assert world.cache.shelf.count() == 0


def test_what_is_missing_is_looked_for_each_time():
    """Somebody may create it at any moment."""
    world = World()
    for _each in range(2):
        with pytest.raises(NotFound):
            world.read("new")
    world.backend.inner.put(a_record("new", "b"))
    assert world.read("new") == b"b"
    assert world.backend.asked == ["new", "new", "new"]


def read_or_default(world, name="new", *, batch=False):
    """Read as a lookup with a default does."""
    with misses_accepted(True):
        if batch:
            return {found: value_of(record) for found, record in world.cache.get_many([name, "a"]).items()}
        try:
            return world.read(name)
        except NotFound as error:
            return str(error)


def test_a_miss_answers_who_has_a_default_for_its_time():
    world = World(ttl_missing=5)
    first = read_or_default(world)
    world.now = 4.9
    assert read_or_default(world) == first
    assert read_or_default(world, batch=True) == {"a": b"a"}
    assert world.backend.asked == ["new", ("a",)]
    with pytest.raises(NotFound):
        world.read("new")
    assert world.backend.asked == ["new", ("a",), "new"]
    world.now = 4.9 + 5
    read_or_default(world)
    assert world.backend.asked == ["new", ("a",), "new", "new"]


def test_a_miss_ends_with_a_write_and_with_what_was_found():
    world = World(ttl_missing=5)
    read_or_default(world)
    world.cache.put(a_record("new", "b"))
    assert read_or_default(world) == b"b"
    world = World(ttl_missing=5)
    read_or_default(world)
    world.cache.shelf.invalidate(None)
    read_or_default(world)
    assert world.backend.asked == ["new", "new"]
    world.backend.inner.put(a_record("new", "b"))
    assert world.read("new") == b"b"
    assert read_or_default(world) == b"b"


def test_a_miss_of_a_name_that_was_written_meanwhile_is_not_remembered():
    shelf = LruCache(10, 1000)
    asked = shelf.asking("new")
    with shelf.changing("new"):
        pass
    shelf.put_missing("new", NotFound("it is missing"), asked)
    assert shelf.find_missing("new", 5, accepted=True) is None


def test_misses_are_bounded():
    shelf = LruCache(3, 1000)
    for each in range(5):
        shelf.put_missing(str(each), NotFound("it is missing"), shelf.asking(str(each)))
    assert [shelf.find_missing(str(each), 5, accepted=True) is not None for each in range(5)] == [False, False, True, True, True]


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
    put_state(world.cache, "a", {}, changed.etag)
    assert world.cache.get("a").state == {}
    patched = world.cache.get("a").with_metadata(description="other")
    world.cache.patch_metadata(patched, 0)
    assert world.cache.get("a").full_metadata.description == "other"
    world.cache.delete("a")
    with pytest.raises(NotFound):
        world.read()


def test_a_failed_write_drops_too():
    """Its outcome may be unknown."""
    world = World()
    world.read()
    with pytest.raises(Exception, match="version 9 was expected"):
        world.cache.put(a_record("a", "new"), Etag("9"))
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
    assert "for 50 s beyond its TTL at most" in world.backend.warned[0]
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


def test_batches_that_ask_at_once_fetch_each_name_once():
    """What another batch, or a single read, fetches already is waited for; only the rest is asked for."""
    world = World()
    world.backend.gate = threading.Event()
    answers = []
    wanted = [["a", "b"]] * 10 + [["b", "c", "absent"]]
    readers = []
    for names in wanted:
        readers.append(threading.Thread(target=lambda names=names: answers.append(sorted(world.cache.get_many(names)))))
        readers[-1].start()
        while world.cache.counts.misses < sum(map(len, wanted[: len(readers)])):
            pass
    readers.append(threading.Thread(target=lambda: answers.append([value_of(world.cache.get("a")).decode()])))
    readers[-1].start()
    while world.cache.counts.shared < 1 or world.cache.counts.misses < 24:
        pass
    world.backend.gate.set()
    for reader in readers:
        reader.join(30)
    assert sorted(answers) == sorted([["a", "b"]] * 10 + [["b", "c"], ["a"]])
    assert world.backend.asked == [("a", "b"), ("c", "absent")]


def test_a_fetch_that_lands_while_another_is_about_to_begin_serves_both():
    world = World()
    find = world.cache.shelf.find

    def somebody_else_is_faster(_key):
        world.cache.shelf.find = find
        world.read()

    world.cache.shelf.find = somebody_else_is_faster
    assert (world.read(), world.backend.asked) == (b"a", ["a"])


@pytest.mark.parametrize("several", [False, True])
def test_a_fetch_that_finds_nothing_while_another_is_about_to_begin_serves_both(monkeypatch, several):
    """The reader has looked, and has seen neither a value nor a miss; then the fetch of another one ends."""
    world = World(ttl_missing=5)
    asking = world.cache.shelf.asking

    def land_first(name):
        monkeypatch.undo()
        with pytest.raises(NotFound):
            world.read("gone")
        return asking(name)

    monkeypatch.setattr(world.cache.shelf, "asking", land_first)
    with misses_accepted(True):
        if several:
            assert world.cache.get_many(["gone"]) == {}
        else:
            with pytest.raises(NotFound):
                world.read("gone")
    assert world.backend.asked == ["gone"]


@given(
    reads=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 40)), max_size=60),
    entries=st.integers(1, 5),
    room=st.integers(1, 80),
)
def test_a_shelf_never_holds_more_than_it_may(reads, entries, room):
    """Whatever is kept, in whatever order: number and bytes stay within their bounds, and the last one that fits is there."""
    shelf = LruCache(entries, room)
    for name, size in reads:
        record = a_record(name, b"x" * size, state={})
        fits = sum(len(value) for value in record.fields.values()) + len(record.envelope or b"") <= room
        shelf.put((name, None), record, shelf.asking(name))
        assert (len(shelf) <= entries, shelf.size <= room) == (True, True)
        assert (shelf.find((name, None)) is not None) == fits
    shelf.invalidate()
    assert (len(shelf), shelf.size) == (0, 0)
