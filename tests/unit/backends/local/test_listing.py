# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listing a local store, and the indices that narrow it."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import HEALTHY, Filter
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Damaged,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem import reading
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import TEMPORARY_PREFIX, TEMPORARY_SUFFIX
from tests.conformance.records import METADATA, NOON, a_record
from tests.unit.backends.local.stores import opened


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


def test_foreign_files_are_not_listed(root):
    """Nor are other formats, names that this collection does not write, and what is under way."""
    store = opened(root)
    store.put(a_record("a"))
    for name in (
        "README.md",
        "b.enc",
        "A.json",
        "^.json",
        "^9.json",
        "a b.json",
        ".json",
        "a..json",
        TEMPORARY_PREFIX + "1" + TEMPORARY_SUFFIX,
    ):
        (root / name).write_text("x")
    assert [record.name for record in store.list(Filter(names_only=True))] == ["a"]
    assert [record.name for record in store.list()] == ["a"]


def settled(monkeypatch):
    """Let the clock be a minute ahead, so that the files just written count as settled."""
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 60_000_000_000)


def opened_files(monkeypatch):
    """Count the record files that are opened."""
    seen = []
    real = reading.read_file

    def counting(path, most):
        seen.append(os.path.basename(path))
        return real(path, most)

    monkeypatch.setattr("ansible_collections.nebula.credential.plugins.module_utils.backends.local.record_files.read_file", counting)
    return seen


def fill(store):
    for number in range(10):
        metadata = replace(METADATA, created_at=NOON + timedelta(days=number))
        store.put(a_record("n{0}".format(number), type="database" if number == 3 else "basic", metadata=metadata))


BY_TYPE = Filter(type="database")
BY_TIME = Filter(created_after=NOON + timedelta(days=2), created_before=NOON + timedelta(days=4))


def names(store, wanted):
    return sorted(record.name for record in store.list(wanted))


def test_an_index_narrows_a_listing(root, monkeypatch):
    """The second listing opens only what matches."""
    store = opened(root)
    fill(store)
    settled(monkeypatch)
    assert (names(store, BY_TYPE), names(store, BY_TIME)) == (["n3"], ["n2", "n3"])
    seen = opened_files(monkeypatch)
    assert names(store, BY_TYPE) == ["n3"]
    assert seen == ["n3.json"]
    seen.clear()
    assert names(store, BY_TIME) == ["n2", "n3"]
    assert sorted(seen) == ["n2.json", "n3.json"]
    seen.clear()
    assert names(store, replace(BY_TIME, type="database", names_only=True)) == ["n3"]
    assert seen == ["n3.json"]


def test_an_index_hides_no_record(root, monkeypatch):
    """What changed, came or went since the index was written shows, whether by the store or by hand."""
    store = opened(root)
    fill(store)
    settled(monkeypatch)
    names(store, BY_TYPE)
    store.put(a_record("n5", type="database"))
    store.put(a_record("new", type="database"))
    store.delete("n3")
    assert names(store, BY_TYPE) == ["n5", "new"]
    path = root / "n6.json"
    times = path.stat()
    path.write_text(path.read_text().replace('"type": "basic"', '"type": "database"').replace("line two", "line"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert names(store, BY_TYPE) == ["n5", "n6", "new"]


def test_fresh_files_are_not_entered(root, monkeypatch):
    """A file that could change again within one tick of the clock is opened at every listing."""
    store = opened(root)
    fill(store)
    names(store, BY_TYPE)
    seen = opened_files(monkeypatch)
    names(store, BY_TYPE)
    assert len(set(seen)) == 10


def index_of(root):
    (path,) = (path for path in (root.parent / "indices").iterdir() if not path.suffix)
    return path


@pytest.mark.parametrize("damage", [b"garbage", b"", None])
def test_a_damaged_index_heals(root, monkeypatch, damage):
    store = opened(root)
    fill(store)
    settled(monkeypatch)
    names(store, BY_TYPE)
    path = index_of(root)
    good = path.read_bytes()
    path.write_bytes(good[:4096] + b"x" * (len(good) - 4096) if damage is None else damage)
    assert "n3" in names(store, BY_TYPE)
    names(store, BY_TYPE)
    seen = opened_files(monkeypatch)
    assert names(store, BY_TYPE) == ["n3"]
    assert seen == ["n3.json"]


def test_an_index_that_cannot_be_written_is_done_without(root):
    """Something else has its name, or others could write another one."""
    store = opened(root)
    fill(store)
    names(store, BY_TYPE)
    directory, path = root.parent / "indices", index_of(root)
    path.unlink()
    os.mkfifo(path)
    assert len(names(store, BY_TYPE)) == 10, "every file is opened, and the caller filters"
    path.unlink()
    directory.chmod(0o777)
    assert len(names(store, BY_TYPE)) == 10
    assert not path.exists()


def test_without_a_place_for_it_there_is_no_index(root):
    store = opened(root, indices=None)
    fill(store)
    assert len(names(store, BY_TYPE)) == len(names(store, BY_TIME)) == 10


@pytest.mark.parametrize("wanted", [Filter(), BY_TYPE, BY_TIME], ids=["all", "by type", "by time"])
def test_a_record_that_cannot_be_read_ends_no_listing(root, wanted):
    """It is a row with the reason, whatever the filter: nothing of it is known."""
    store = opened(root)
    fill(store)
    (root / "n4.json").write_text("{")
    os.mkfifo(root / "n6.json.new")
    os.rename(root / "n6.json.new", root / "n6.json")
    rows = {record.name: record.problem for record in store.list(wanted)}
    assert {name: type(problem) for name, problem in rows.items() if problem} == {"n4": Damaged, "n6": Damaged}
    assert "n3" in rows
    assert len(names(store, Filter(names_only=True))) == 10


def entries_read(monkeypatch):
    """Count the entries of directories that are read."""
    seen = []

    class Counting:
        def __init__(self, path):
            self._entries = real(path)

        def __enter__(self):
            return self

        def __exit__(self, *_failure):
            self._entries.close()

        def __iter__(self):
            return self

        def __next__(self):
            seen.append(entry := next(self._entries))
            return entry

    real, real_list = os.scandir, os.listdir
    monkeypatch.setattr(os, "scandir", Counting)
    monkeypatch.setattr(os, "listdir", lambda path: seen.extend(found := real_list(path)) or found)
    return seen


def test_the_health_of_a_store_reads_no_list_of_its_credentials(root, monkeypatch):
    store = opened(root)
    fill(store)
    seen = entries_read(monkeypatch)
    assert store.health().status == HEALTHY
    assert len(seen) == 1
    assert len(list(store.list(Filter(names_only=True)))) == 10
    assert len(seen) > 10, "the count counts"
