# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The index of an encrypted local store: a search costs what it finds and what changed, and never leaves out what is stored."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.local import change_log
from ansible_collections.nebula.credential.plugins.module_utils.errors import NotEncrypted
from tests.conformance.records import METADATA, a_record
from tests.conformance.sealing import Sealing
from tests.integration.killing import survives
from tests.unit.backends.local.stores import opened

FORK = multiprocessing.get_context("fork")
WANTED = Filter(tags=(("env", "prod"),))


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


def an_open_store(root):
    return Sealing(opened(root, "encrypted"))


def put(store, name, env):
    return store.put(a_record(name, metadata=replace(METADATA, tags={"env": env})))


def filled(root, number=40):
    """A store with one credential of production, whose index is up to date."""
    store = an_open_store(root)
    for each in range(number):
        put(store, "n{0:04d}".format(each), "test")
    put(store, "one", "prod")
    for _each in range(2):  # a log of changes is trusted when a search finds it in use
        assert names(store) == ["one"]
    return store


def names(store, wanted=WANTED):
    return sorted(record.name for record in store.list(wanted))


def log_of(root):
    (path,) = (root.parent / "indices").glob("*.log")
    return path


class Watched:
    """Counts what a piece of work opens and lists, by an audit hook."""

    now = None

    def __init__(self):
        self.opened, self.listed = [], 0

    def __enter__(self):
        Watched.now = self
        return self

    def __exit__(self, *_failure):
        Watched.now = None


def _hook(event, arguments):
    if Watched.now is not None and event == "open":
        Watched.now.opened.append(os.path.basename(str(arguments[0])))
    if Watched.now is not None and event in ("os.listdir", "os.scandir"):
        Watched.now.listed += 1


sys.addaudithook(_hook)


def records_in(opened_files):
    return sorted(file for file in opened_files if file.endswith(".enc"))


@pytest.mark.parametrize("wanted", [WANTED, Filter(prefix="on"), Filter(tags=(("env", "prod"),), names_only=True)])
def test_a_search_opens_what_it_finds(root, wanted):
    store = filled(root)
    names(store, wanted)
    with Watched() as seen:
        assert names(store, wanted) == ["one"]
    assert records_in(seen.opened) == ["one.enc"]
    assert seen.listed == 0


def test_names_by_prefix_are_found_without_opening_one(root):
    store = filled(root)
    with Watched() as seen:
        assert names(store, Filter(prefix="on", names_only=True)) == ["one"]
    assert (records_in(seen.opened), seen.listed) == ([], 0)


def test_after_writes_a_search_opens_what_was_written_too(root):
    store = filled(root)
    put(store, "n0001", "prod")
    put(store, "new", "test")
    store.delete("n0002")
    with Watched() as seen:
        assert names(store) == ["n0001", "one"]
    assert records_in(seen.opened) == ["n0001.enc", "n0001.enc", "new.enc", "one.enc"]
    assert seen.listed == 0


def steps_of_a_search(store, monkeypatch):
    """Count the steps of SQLite's virtual machine that a search takes."""
    steps = []

    class Counting(sqlite3.Connection):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.set_progress_handler(lambda: steps.append(1), 1)

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", Counting)
        assert names(store) == ["one"]
        assert names(store, Filter(prefix="one")) == ["one"]
    return len(steps)


def test_a_search_reads_as_many_entries_however_many_there_are(root, tmp_path, monkeypatch):
    few, many = filled(root, 10), filled(tmp_path / "many" / "store", 300)
    names(many, Filter(prefix="one"))
    assert 0 < steps_of_a_search(many, monkeypatch) <= steps_of_a_search(few, monkeypatch) + 20


def test_a_write_pays_for_an_index_with_one_file_that_is_not_synced(root, tmp_path, monkeypatch):
    """The log of changes. Without an index it is looked for."""
    synced, fsync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(descriptor) or fsync(descriptor))
    costs = []
    for store in (Sealing(opened(tmp_path / "plain" / "store", "encrypted", indices=None)), filled(root)):
        put(store, "one", "prod")
        put(store, "one", "prod")
        synced.clear()
        with Watched() as seen:
            put(store, "one", "prod")
        costs.append((len(seen.opened), len(synced)))
    assert costs[1] == (costs[0][0] + 1, costs[0][1])


def test_every_change_of_the_store_shows(root):
    store = filled(root)
    put(store, "n0001", "prod")
    assert names(store) == ["n0001", "one"]
    found = store.get("one")
    store.patch_metadata(found.with_metadata(tags={"env": "test"}), 0)
    assert names(store) == ["n0001"]
    store.delete("n0001")
    assert names(store) == []
    put(store, "n0001", "prod")
    assert names(an_open_store(root)) == ["n0001"]


def test_what_another_program_puts_in_or_takes_out_shows(root, tmp_path):
    """So does what a release did that kept no log, and what is written by another user, whose index is elsewhere."""
    store = filled(root)
    other = Sealing(opened(root, "encrypted", indices="of another"))
    put(other, "n0003", "prod")
    assert names(store) == ["n0003", "one"]
    os.rename(root / "one.enc", tmp_path / "away")
    assert names(store) == ["n0003"]
    os.rename(tmp_path / "away", root / "one.enc")
    assert names(store) == ["n0003", "one"]
    (root / "broken.enc").write_bytes(b"x")
    assert [type(row.problem) for row in store.list(WANTED) if row.name == "broken"] == [NotEncrypted]


def test_what_is_overwritten_in_its_place_shows_within_the_hour(root, monkeypatch):
    """Nothing of the directory changes then, and to look at every file each time would cost what an index saves."""
    store = filled(root)
    content = store.inner.get("one").envelope
    put(store, "one", "test")
    assert names(store) == []
    (root / "one.enc").write_bytes(content)
    real, later = time.time, 3601
    monkeypatch.setattr(time, "time", lambda: real() + later)
    assert names(store) == ["one"]


def test_what_was_overwritten_with_something_else_is_not_found(root):
    """The record decides, not its entry."""
    store = filled(root)
    put(store, "other", "test")
    content = store.inner.get("other").envelope
    names(store)
    (root / "one.enc").write_bytes(content)
    assert names(store) == []


def test_a_log_that_another_process_holds_stops_no_write(root, monkeypatch):
    store = filled(root)
    monkeypatch.setattr(change_log, "_LONGEST_WAIT", 0.05)
    with open(log_of(root), "ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        put(store, "n0001", "prod")
    assert names(store) == ["n0001", "one"]


def test_a_log_that_is_too_long_is_begun_anew(root, monkeypatch):
    store = filled(root)
    monkeypatch.setattr(change_log, "_MOST_BYTES", 200)
    for number in range(10):
        put(store, "n{0:04d}".format(number), "prod")
        assert log_of(root).stat().st_size < 600
    assert len(names(store)) == 11


@pytest.mark.parametrize("tail", ["one.enc", "one.enc\t1:2:3:4\t5:6:7:8\n", "\n", "\ufffd"])
def test_a_log_that_makes_no_sense_hides_nothing(root, tail):
    store = filled(root)
    with open(log_of(root), "a", encoding="utf-8") as log:
        log.write(tail)
    put(store, "n0001", "prod")
    assert names(store) == ["n0001", "one"]
    put(store, "n0002", "prod")
    assert names(store) == ["n0001", "n0002", "one"]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM state",
        "UPDATE state SET compared = 'x'",
        "UPDATE state SET log_end = 'x'",
        "INSERT INTO records VALUES (x'ff', NULL, 0, NULL, NULL)",
        "INSERT INTO records VALUES ('one' || char(0), NULL, 0, NULL, NULL)",
        "INSERT INTO records VALUES (CAST(x'ff' AS TEXT), NULL, 0, NULL, NULL)",
        b"\xb4 \xb4type",
    ],
)
def test_an_index_with_something_else_in_it_is_made_anew(root, damage):
    """SQLite has no checksum, and its message quotes a part of the file that it cannot parse."""
    store = filled(root, 3)
    path = log_of(root).with_suffix("")
    if isinstance(damage, bytes):
        path.write_bytes(path.read_bytes().replace(b"by_type", damage))
    else:
        with closing(sqlite3.connect(str(path), isolation_level=None)) as database:
            database.execute(damage)
    assert "one" in names(store), "every file is opened, and the caller filters"
    assert names(store) == ["one"]
    with Watched() as watched:
        assert names(store) == ["one"]
    assert records_in(watched.opened) == ["one.enc"]


CHANGES = {
    "put": lambda store: put(store, "moving", "prod"),
    "delete": lambda store: store.delete("moving"),
    "patch": lambda store: store.patch_metadata(store.get("moving").with_metadata(tags={"env": "prod"}), 0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_writer_may_die_at_every_system_call(root, change):
    """Whatever it has done then, a search finds what a listing of everything does."""
    store, steps, finished = filled(root, 3), 0, False
    while not finished:
        steps += 1
        put(store, "moving", "test")
        names(store)
        finished = survives(steps, lambda: an_open_store(root), CHANGES[change])
        expected = sorted(row.name for row in store.list() if row.full_metadata.tags["env"] == "prod")
        assert names(store) == names(an_open_store(root)) == expected
    assert steps > 10


@pytest.mark.parametrize("begin", ["built", "empty"])
def test_a_search_may_die_at_every_system_call(root, begin):
    """It leaves an index that is complete, or none."""
    store, steps, finished = filled(root, 3), 0, False
    while not finished:
        steps += 1
        if begin == "empty":
            for path in (root.parent / "indices").iterdir():
                path.unlink()
        put(store, "moving", "prod" if steps % 2 else "test")
        finished = survives(steps, lambda: an_open_store(root), names)
        assert names(store) == (["moving", "one"] if steps % 2 else ["one"])
    assert steps > 3


def write_many(root, number, told):
    store = an_open_store(root)
    for each in range(30):
        put(store, "w{0}_{1}".format(number, each % 7), "prod" if each % 3 else "test")
        if each == 29:
            put(store, "w{0}_end".format(number), "prod")
    told.send(number)


def test_a_search_finds_what_other_processes_have_written_meanwhile(root):
    """Three writers at once, and searches all the while: what was acknowledged before a search is found by it."""
    store, pipes = filled(root, 5), [FORK.Pipe() for _each in range(3)]
    writers = [FORK.Process(target=write_many, args=(root, number, pipe[1])) for number, pipe in enumerate(pipes)]
    for writer in writers:
        writer.start()
    left = {number: pipe[0] for number, pipe in enumerate(pipes)}
    while left:
        acknowledged = [number for number, pipe in left.items() if pipe.poll(0.01)]
        found = names(store)
        for number in acknowledged:
            left.pop(number)
            assert "w{0}_end".format(number) in found
    for writer in writers:
        writer.join(60)
    expected = sorted(row.name for row in store.list() if row.full_metadata.tags["env"] == "prod")
    assert names(store) == expected
