# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What failed for one host answers the same task of the others, and no host twice: it may be there when the host asks again."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context.cache_only import misses_accepted
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import acting_as
from ansible_collections.nebula.credential.plugins.module_utils.errors import LoginFailed, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from tests.conformance.records import a_record
from tests.unit.layers.cache.world import World


def reading_for(host, task="task", *, cacheable=True):
    """The caller that a lookup has in a task of a host; `cacheable` is false for a module."""
    return acting_as(AccessContext(host=host, task=task), "get", cacheable=cacheable)


def read_missing(world, host, task="task", *, several=False, cacheable=True):
    """Read what is missing. Return how many requests that took."""
    before = len(world.backend.asked)
    with reading_for(host, task, cacheable=cacheable):
        if several:
            assert world.cache.get_many(["gone"]) == {}
        else:
            with pytest.raises(NotFound):
                world.read("gone")
    return len(world.backend.asked) - before


def refuse_logins(world, monkeypatch):
    """Have the backend refuse the login of each read."""

    def refused(name, *_more):
        world.backend.asked.append(name)
        raise LoginFailed("wrong")

    monkeypatch.setattr(world.backend, "get", refused)
    monkeypatch.setattr(world.backend, "get_many", refused)
    monkeypatch.setattr(world.cache._gathering, "_one", refused)


def read_refused(world, host, name="a", task="task"):
    """Read with a login that is refused. Return how many requests that took."""
    before = len(world.backend.asked)
    with reading_for(host, task), pytest.raises(LoginFailed, match="wrong"):
        world.read(name)
    return len(world.backend.asked) - before


@pytest.mark.parametrize("several", [False, True])
def test_a_missing_name_is_asked_for_once_by_all_hosts_of_a_task(several):
    world = World()
    assert [read_missing(world, host, several=several) for host in ("one", "two", "three")] == [1, 0, 0]


@pytest.mark.parametrize("several", [False, True])
def test_a_host_that_reads_again_asks_again(several):
    """It waits for it by `until`, or goes on after the failure; what it finds then answers the others anew."""
    world = World()
    assert [read_missing(world, host, several=several) for host in ("one", "two", "two", "one", "three")] == [1, 0, 1, 0, 0]


def test_another_task_asks_again():
    world = World()
    assert [read_missing(world, *each) for each in (("one", "a"), ("two", "b"), ("one", "b"), ("three", "a"))] == [1, 1, 0, 1]


def test_a_read_that_must_see_what_is_stored_now_asks_again():
    world = World()
    assert (read_missing(world, "one"), read_missing(world, "two", cacheable=False)) == (1, 1)


@pytest.mark.parametrize("several", [False, True])
def test_a_read_that_accepts_a_miss_and_must_see_what_is_stored_now_asks_again(several):
    world = World()
    with misses_accepted(True):
        requests = [read_missing(world, "one", several=several, cacheable=cacheable) for cacheable in (True, True, False)]
    assert requests == [1, 0, 1]


@pytest.mark.parametrize("reader", [("one", None), (None, "task")])
def test_a_reader_that_is_not_known_asks_each_time(reader):
    world = World()
    assert [read_missing(world, *reader) for _each in range(2)] == [1, 1]


def test_a_failure_answers_for_its_time_alone():
    world = World(ttl_missing=5)
    read_missing(world, "one")
    world.now = 4.9
    assert read_missing(world, "two") == 0
    world.now = 5
    assert read_missing(world, "three") == 1
    assert [read_missing(World(ttl_missing=0), host) for host in ("one", "two")] == [1, 1]


def test_what_was_created_meanwhile_is_read():
    world = World()
    read_missing(world, "one")
    world.cache.put(a_record("gone", "new"))
    with reading_for("two"):
        assert world.read("gone") == b"new"


def test_a_refused_login_answers_the_other_hosts_whatever_they_read(monkeypatch):
    world = World()
    refuse_logins(world, monkeypatch)
    assert [read_refused(world, host, name) for host, name in (("one", "a"), ("two", "b"), ("three", "a"))] == [1, 0, 0]
    with reading_for("four"), pytest.raises(LoginFailed):
        world.cache.get_many(["a", "b"])
    assert world.backend.asked == ["a"]
    assert read_refused(world, "two") == 1
    assert read_refused(world, "two", task="next") == 1


def test_a_login_that_works_again_ends_the_refusal(monkeypatch):
    world = World()
    with monkeypatch.context() as patched:
        refuse_logins(world, patched)
        read_refused(world, "one")
    with reading_for("one"):
        assert world.read("a") == b"a"
    with reading_for("two"):
        assert world.read("b") == b"b"
