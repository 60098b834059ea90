# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A copy answers only while the backend says nothing, within its age, and never in the place of an answer."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context.caller import acting_as
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CircuitOpen,
    LoginFailed,
    NotFound,
    StorageError,
    Timeout,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.layer import Cache, CacheTerms
from ansible_collections.nebula.credential.plugins.module_utils.layers.fallback_copy import files
from ansible_collections.nebula.credential.plugins.module_utils.layers.fallback_copy.files import CopyFiles
from ansible_collections.nebula.credential.plugins.module_utils.layers.fallback_copy.layer import FallbackCopy
from ansible_collections.nebula.credential.plugins.module_utils.layers.scope_guard import ScopeGuard
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.entries import Entries
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from tests.conformance.records import a_record, value_of
from tests.unit.layers.cache.world import Watched

HOUR = 3600.0


class Failing(Watched):
    """Raises an error of the test's choice."""

    failure = None

    def get(self, name, version=None, stage="current"):
        if self.failure:
            raise self.failure
        return super().get(name, version, stage)

    def get_many(self, names):
        if self.failure:
            raise self.failure
        return super().get_many(names)


class World:
    """A backend with the names a and b, and copies of what is read of it."""

    def __init__(self, directory):
        self.directory, self.now = directory / "copies", time.time()
        self.backend = Failing()
        self.warned = self.backend.warned
        for name in ("a", "b"):
            self.backend.inner.put(a_record(name, name))
        self.store = self.another()

    def another(self, store=b"this store", key=b"k" * 32, max_age=HOUR):
        """The layer as another process has it."""
        entries = Entries(key, "copies", store, lambda: self.now)
        return FallbackCopy(self.backend, CopyFiles(str(self.directory), self.warned.append), lambda: entries, max_age)

    def files(self):
        return sorted(self.directory.iterdir()) if self.directory.exists() else []

    def goes_down(self, error=None):
        self.backend.failure = error or Unavailable("the backend is down")


@pytest.fixture
def world(tmp_path, monkeypatch):
    world = World(tmp_path)
    monkeypatch.setattr(time, "time", lambda: world.now)
    return world


@pytest.mark.parametrize("error", [Unavailable("x"), Timeout("x"), CircuitOpen("x")], ids=lambda error: error.code)
def test_what_was_read_answers_while_the_backend_says_nothing(world, error):
    read = world.store.get("a")
    world.goes_down(error)
    found = world.another().get("a")
    assert found == replace(read, copied_at=found.copied_at)
    assert abs(found.copied_at.timestamp() - world.now) < 1
    assert "'a', store 'test': the backend does not respond; a copy of its value is used" in world.warned[-1]


@pytest.mark.parametrize("error", [AccessDenied("x"), NotFound("x"), LoginFailed("x")], ids=lambda error: error.code)
def test_an_answer_of_the_backend_is_never_replaced(world, error):
    world.store.get("a")
    world.goes_down(error)
    with pytest.raises(type(error)):
        world.another().get("a")
    with pytest.raises(type(error)):
        world.another().get_many(["a"])


@pytest.mark.parametrize("error", [AccessDenied("x"), NotFound("x")], ids=lambda error: error.code)
def test_a_credential_that_is_denied_or_gone_loses_its_copy(world, error):
    world.store.get("a")
    world.store.get("b")
    world.goes_down(error)
    with pytest.raises(type(error)):
        world.store.get("a")
    world.goes_down()
    with pytest.raises(Unavailable):
        world.store.get("a")
    assert value_of(world.store.get("b")) == b"b"


def test_a_name_that_a_batch_does_not_find_loses_its_copy(world):
    world.store.get_many(["a", "b"])
    world.backend.inner.delete("a")
    assert set(world.store.get_many(["a", "b"])) == {"b"}
    world.goes_down()
    with pytest.raises(Unavailable):
        world.store.get("a")


def test_several_are_answered_together_or_not_at_all(world):
    world.store.get_many(["a", "b"])
    world.goes_down()
    assert {name: value_of(found) for name, found in world.store.get_many(["a", "b"]).items()} == {"a": b"a", "b": b"b"}
    with pytest.raises(Unavailable):
        world.store.get_many(["a", "never-read"])


def test_a_version_has_a_copy_of_its_own(world):
    version = world.store.get("a").version
    world.goes_down()
    with pytest.raises(Unavailable):
        world.store.get("a", version)
    world.backend.failure = None
    world.store.get("a", version)
    world.goes_down()
    assert world.store.get("a", version).version == version


@pytest.mark.parametrize("seconds", [HOUR + 1, -120], ids=["too old", "of the future"])
def test_a_copy_whose_age_is_too_great_or_not_known_does_not_answer(world, seconds):
    world.store.get("a")
    world.goes_down()
    world.now += seconds
    with pytest.raises(Unavailable):
        world.another().get("a")


@pytest.mark.parametrize("other", [{"store": b"another login"}, {"key": b"x" * 32}])
def test_another_store_or_key_gets_none(world, other):
    world.store.get("a")
    world.goes_down()
    with pytest.raises(Unavailable):
        world.another(**other).get("a")


def test_what_compares_or_reads_past_the_caches_gets_none(world):
    world.store.get("a")
    world.goes_down()
    with acting_as(AccessContext(), "credential_info", cacheable=False), pytest.raises(Unavailable):
        world.store.get("a")
    with acting_as(AccessContext(), "get", cacheable=False), pytest.raises(Unavailable):
        world.store.get("a")


def test_what_is_read_to_describe_is_not_copied(world):
    with acting_as(AccessContext(), "credential_info", cacheable=False):
        world.store.get("a")
    assert world.files() == []


@pytest.mark.parametrize(
    "changed",
    [{"lifecycle": "revoked"}, {"expires_at": datetime.now(timezone.utc) - timedelta(seconds=1)}],
    ids=lambda changed: next(iter(changed)),
)
def test_a_value_that_may_not_be_used_any_more_loses_its_copy(world, changed):
    record = world.store.get("a")
    assert len(world.files()) == 1
    world.backend.inner.patch_metadata(record.with_metadata(**changed), record.revision)
    world.store.get("a")
    assert world.files() == []


def test_a_value_with_a_short_life_is_not_copied(world):
    for kind in ("totp", "oauth2"):
        world.backend.inner.put(replace(a_record(kind, "v"), type=kind))
        world.store.get(kind)
    assert world.files() == []


def test_a_write_drops_the_copy(world):
    read = world.store.get("a")
    world.store.put(a_record("a", "new"), read.etag)
    world.goes_down()
    with pytest.raises(Unavailable):
        world.store.get("a")


def test_a_record_of_files_keeps_the_copy(world):
    """A run that reads a credential and writes it to hosts records that at its end."""
    world.store.get("a")
    world.store.put(a_record("a", "files", stage="deployed"), create=True)
    world.store.delete("a", stage="deployed")
    world.goes_down()
    assert value_of(world.store.get("a")) == b"a"


def test_files_are_private_and_show_neither_name_nor_value(world):
    world.backend.inner.put(a_record("a-telling-name", "a-telling-value"))
    world.store.get("a-telling-name")
    (file,) = world.files()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(world.directory.stat().st_mode) == 0o700
    assert b"telling" not in file.read_bytes() + os.fsencode(file.name)


@pytest.mark.parametrize("damage", [lambda whole: whole[:-1], lambda _whole: b"", lambda whole: whole[:-1] + bytes((whole[-1] ^ 1,))])
def test_a_damaged_copy_is_none_and_is_named(world, damage):
    world.store.get("a")
    (file,) = world.files()
    file.write_bytes(damage(file.read_bytes()))
    world.goes_down()
    with pytest.raises(Unavailable):
        world.store.get("a")
    assert "the copy of credential 'a' is damaged, or was changed, and is not used" in world.warned[-1]


def test_a_copy_in_the_place_of_another_is_none(world):
    world.store.get("a")
    (of_a,) = world.files()
    world.store.get("b")
    (of_b,) = set(world.files()) - {of_a}
    of_b.write_bytes(of_a.read_bytes())
    world.goes_down()
    with pytest.raises(Unavailable):
        world.store.get("b")


def test_a_directory_that_others_can_read_is_not_used_and_fails_no_read(world):
    world.store.get("a")
    world.directory.chmod(0o755)
    assert value_of(world.store.get("a")) == b"a"
    assert "fallback copy" in world.warned[-1]
    world.goes_down()
    with pytest.raises(Unavailable):
        world.store.get("a")


def test_an_unchanged_value_is_not_written_again_at_each_read(world):
    world.store.get("a")
    (file,) = world.files()
    before = file.stat().st_ino
    world.another().get("a")
    assert file.stat().st_ino == before
    world.now += 0.2 * HOUR
    world.another().get("a")
    assert file.stat().st_ino != before


@pytest.mark.parametrize("why", ["the disk is full", "it is too large"])
def test_a_value_that_cannot_be_copied_leaves_none_of_the_one_before(world, monkeypatch, why):
    def refuse(*_arguments):
        raise StorageError(why)

    world.store.get("a")
    (file,) = world.files()
    world.backend.inner.put(a_record("a", "another one" * 100), world.backend.inner.get("a").etag)
    with monkeypatch.context() as patched:
        if why == "it is too large":
            patched.setattr(files, "_MOST_BYTES", file.stat().st_size)
        else:
            patched.setattr(CopyFiles, "keep", refuse)
        assert value_of(world.store.get("a")) == b"another one" * 100
    world.goes_down()
    with pytest.raises(Unavailable):
        world.store.get("a")


def test_copies_that_have_ended_are_removed_by_another_process(world):
    world.store.get("a")
    (file,) = world.files()
    os.utime(file, (1, 1))
    world.another().get("b")
    assert file not in world.files()


def test_the_scope_of_a_copy_is_checked_for_each_caller(world):
    record = a_record("scoped", "v")
    world.backend.inner.put(record.with_metadata(scope=Scope(workflow="deploy")))
    guarded = ScopeGuard(world.store)
    mine = AccessContext(workflow="deploy")
    with acting_as(mine):
        guarded.get("scoped")
    world.goes_down()
    with acting_as(mine):
        assert guarded.get("scoped").copied_at is not None
    with acting_as(AccessContext(workflow="other")), pytest.raises(AccessDenied):
        guarded.get("scoped")


def test_no_cache_keeps_a_copy(world):
    cache = Cache(world.store, CacheTerms(ttl=100.0), lambda work: work())
    world.store.get("a")
    world.goes_down()
    assert cache.get("a").copied_at is not None
    world.backend.failure = None
    assert cache.get("a").copied_at is None


def test_a_copy_replaces_no_value_that_is_still_valid_in_the_cache(world):
    cache = Cache(world.store, CacheTerms(ttl=100.0, refresh_ahead=0.5), lambda work: work())
    cache.shelf._clock = lambda: moment
    moment = 0.0
    cache.get("a")
    world.goes_down()
    moment = 60.0
    assert [cache.get("a").copied_at for _read in range(2)] == [None, None]
