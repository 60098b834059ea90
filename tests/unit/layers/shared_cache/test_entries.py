# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of the shared cache: sealed whole, and good for one place and one time (F1)."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.entries import Entries
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.options import OPTIONS, address_of
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

KEY = bytes(range(32))
NOW = datetime(2026, 11, 22, tzinfo=timezone.utc)
RECORD = Record("app/db", "basic", {"password": Secret("s3cret")}, {}, Metadata(NOW, NOW), version="7", ends_at=NOW)


class World:
    """Entries of a store, and a clock."""

    def __init__(self, key=KEY, store=b"store", prefix="nebula"):
        self.now = 1000.0
        self.entries = Entries(key, prefix, store, lambda: self.now)

    def opened(self, entry, name="app/db", version=None):
        return self.entries.open(entry, name, version)


@pytest.fixture
def world():
    return World()


@pytest.fixture
def entry(world):
    return world.entries.seal(RECORD, None, 60)


def test_a_record_comes_back_until_its_time_is_over(world, entry):
    assert world.opened(entry) == RECORD
    world.now += 59
    assert world.opened(entry) == RECORD
    world.now += 1
    assert world.opened(entry) is None


@given(
    fields=st.dictionaries(st.text(max_size=5), st.binary(max_size=20).map(Secret), max_size=3),
    serial=st.none() | st.integers(0, 2**63 - 1),
    version=st.none() | st.text(max_size=5),
    record_id=st.none() | st.binary(min_size=16, max_size=16),
    verified=st.booleans(),
    user=st.none() | st.text(max_size=5),
    asked=st.none() | st.just("7"),
)
def test_every_record_comes_back_whole(fields, serial, version, record_id, verified, user, asked):
    world, metadata = World(), Metadata(NOW, NOW + timedelta(1), NOW, "text", {"a": "b"}, Scope("t", user=user, tags={"x": "y"}))
    record = Record("n", "basic", fields, fields, metadata, "current", version, serial, record_id, 3, None, verified)
    assert world.opened(world.entries.seal(record, asked, 60), "n", asked) == record


@given(place=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_no_byte_may_be_another_one(place, flip):
    world = World()
    entry = bytearray(world.entries.seal(RECORD, None, 60))
    entry[place % len(entry)] ^= flip
    assert world.opened(bytes(entry)) is None


@given(st.binary(max_size=200))
def test_what_is_no_entry_is_a_miss(content):
    assert World().opened(content) is None
    assert World().opened(b"NSC1" + content) is None


@pytest.mark.parametrize("asked", [{"name": "app/dc"}, {"version": "7"}, {"version": ""}])
def test_it_is_good_for_what_was_asked_for_alone(world, entry, asked):
    assert world.opened(entry, **asked) is None


@pytest.mark.parametrize("other", [{"key": os.urandom(32)}, {"store": b"other"}, {"prefix": "other"}])
def test_it_is_good_for_its_store_and_key_alone(entry, other):
    assert World(**other).opened(entry) is None


def test_two_entries_of_one_record_have_nothing_in_common(world, entry):
    again = world.entries.seal(RECORD, None, 60)
    assert len({entry[4:36], again[4:36]}) == 2
    assert entry[48:] != again[48:]


def test_places_differ_with_names_and_versions_and_tell_neither(world):
    spots = [world.entries.spot(name, version) for name in ("app/db", "app/dc") for version in (None, "", "7")]
    assert len(set(spots)) == 6
    assert len({spot.key for spot in spots}) == 2
    assert all(b"app" not in spot.key + spot.field for spot in spots)


def test_a_revoked_record_stays_what_it_is(world):
    record = RECORD.with_metadata(lifecycle="revoked")
    assert world.opened(world.entries.seal(replace(record, revision=2), None, 60)).full_metadata.lifecycle == "revoked"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://127.0.0.1", ("127.0.0.1", 6379, 0, False)),
        ("redis://[::1]:7000/3", ("::1", 7000, 3, False)),
        ("rediss://cache.example.com:6380/1", ("cache.example.com", 6380, 1, True)),
    ],
)
def test_addresses_are_read(url, expected):
    options = {name: option.get("default") for name, option in OPTIONS.items()}
    assert address_of({**options, "url": url}, print)[:4] == expected
