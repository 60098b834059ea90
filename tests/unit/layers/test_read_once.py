# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An operation reads each value once, and sees what it wrote."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import is_scope_checked
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.layers.read_once import ReadOnce
from ansible_collections.nebula.credential.plugins.module_utils.model.record import (
    ABSENT,
    CURRENT,
    JOURNAL,
    PENDING,
    PREVIOUS,
    STAGES,
    Metadata,
    Record,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from tests.unit.store.managing import START


class Counting(Layer):
    """Notes each read, and whether the scope counted as checked at each write."""

    def __init__(self, inner):
        super().__init__(inner)
        self.reads, self.checked, self.stages = [], [], STAGES[1:]

    def get(self, name, version=None, stage=CURRENT):
        self.reads.append((name, stage))
        return super().get(name, version, stage)

    def find_stages(self, name):
        self.reads.append((name, "stages"))
        return self.stages

    def put(self, record, expected=None, *, create=False):
        assert expected in (None, ABSENT) if create else expected is not None
        self.read_before = expected == ABSENT
        self.checked.append(is_scope_checked(record.name))
        return super().put(record, expected, create=create)


def build(name="db", value="one", **changes):
    return Record(name, "basic", {"password": Secret(value)}, metadata=Metadata(created_at=START, updated_at=START), **changes)


@pytest.fixture
def store():
    memory = Memory({}, BackendContext("test"))
    memory.connect()
    memory.put(build(), create=True)
    return Counting(memory)


@pytest.fixture
def once(store):
    return ReadOnce(store, "db")


def test_a_stage_is_read_once_whether_it_has_a_value_or_not(store, once):
    for _each in range(2):
        assert once.get("db").fields["password"] == Secret("one")
        with pytest.raises(NotFound, match="no pending value"):
            once.get("db", stage=PENDING)
    assert store.reads == [("db", CURRENT), ("db", "stages"), ("db", PENDING)]


def test_a_stage_that_has_no_value_as_one_request_showed_is_not_read(store, once):
    store.stages = [JOURNAL]
    for stage in STAGES[1:]:
        with pytest.raises(NotFound):
            once.get("db", stage=stage)
    assert store.reads == [("db", "stages"), ("db", JOURNAL)]


def test_a_new_value_says_whether_it_was_read_that_there_is_none(store, once):
    once.put(build(stage=PREVIOUS), create=True)
    assert not store.read_before
    with pytest.raises(NotFound):
        once.get("db", stage=PENDING)
    once.put(build(stage=PENDING), create=True)
    assert store.read_before


def test_what_was_written_is_what_is_read_and_what_the_next_write_replaces(store, once):
    found = once.get("db")
    again = once.put(build(value="two"), found.etag)
    patched = once.patch_metadata(again.with_metadata(description="new"), again.revision)
    assert once.get("db") == patched
    assert (patched.fields["password"], patched.full_metadata.description) == (Secret("two"), "new")
    once.put(build(value="three"), patched.etag)
    once.put(build(value="later", stage=PENDING), create=True)
    once.delete("db", stage=PENDING, expected=once.get("db", stage=PENDING).etag)
    with pytest.raises(NotFound):
        once.get("db", stage=PENDING)
    assert store.reads == [("db", CURRENT)]


def test_after_a_write_that_failed_everything_is_read_anew(store, once):
    found = once.get("db")
    with pytest.raises(NotFound):
        once.get("db", stage=PENDING)
    store.inner.put(build(value="theirs"), found.etag)
    with pytest.raises(Conflict):
        once.put(build(value="ours"), found.etag)
    store.inner.put(build(value="theirs", stage=PENDING), create=True)
    assert once.get("db").fields["password"] == Secret("theirs")
    assert once.get("db", stage=PENDING).fields["password"] == Secret("theirs")


def test_the_scope_counts_as_checked_only_after_the_current_value_was_read(store, once):
    once.put(build(stage=PENDING), create=True)
    found = once.get("db")
    once.put(build(value="two"), found.etag)
    with pytest.raises(Conflict):
        once.put(build(value="three"), found.etag)
    with pytest.raises(Conflict):
        once.put(build(value="three"), found.etag)
    assert store.checked == [False, True, True, False]
    assert not is_scope_checked("db")


def test_a_deleted_current_value_is_not_there(store, once):
    once.delete("db", expected=once.get("db").etag)
    with pytest.raises(NotFound, match="no credential of that name"):
        once.get("db")


def test_other_credentials_and_versions_are_passed_on(store, once):
    once.put(build("other"), create=True)
    once.put(replace(once.get("other"), serial=None), once.get("other").etag)
    first = once.get("db")
    once.put(build(value="two"), first.etag)
    assert once.get("db", first.version).fields["password"] == Secret("one")
    assert store.reads == [("other", CURRENT), ("other", CURRENT), ("db", CURRENT), ("db", CURRENT)]
