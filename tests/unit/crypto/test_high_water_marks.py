# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""High-water marks: one file put back is refused, and nothing makes a mark fall."""

from __future__ import annotations

import multiprocessing
import os
import shutil

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from ansible_collections.nebula.credential.plugins.module_utils.crypto import high_water_marks as marking
from ansible_collections.nebula.credential.plugins.module_utils.crypto.high_water_marks import HighWaterMarks, Mark
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, ReadOnly, RolledBack, StorageError, Tampered
from tests.unit.crypto.sealed_stores import FixedKeyring, a_record, a_store, file_of, keys_directory, value_of

FORK = multiprocessing.get_context("fork")
KEYRING = FixedKeyring()
RING = KEYRING.reload()
LIFE = b"r" * 16


@pytest.fixture
def marks(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return HighWaterMarks(KEYRING, "default", print)


def only_file():
    (path,) = keys_directory().glob("*.marks/*")
    return path


def test_a_mark_rises_and_never_falls(marks):
    assert marks.read(RING, "a") is None
    for serial, revision in ((3, 0), (2, 9), (3, 2), (3, 1), (1, 0)):
        marks.advance(RING, "a", Mark(LIFE, serial, revision), durable=True)
    assert marks.read(RING, "a") == Mark(LIFE, 3, 2)


def test_a_deleted_object_stays_deleted_until_something_newer_comes(marks):
    marks.advance(RING, "a", Mark(LIFE, 3, 0), durable=True)
    marks.bury(RING, "a", Mark(LIFE, 3, 0))
    assert marks.read(RING, "a").deleted
    marks.advance(RING, "a", Mark(LIFE, 3, 1), durable=True)
    assert marks.read(RING, "a").deleted
    marks.advance(RING, "a", Mark(b"n" * 16, 4, 0), durable=True)
    assert marks.read(RING, "a") == Mark(b"n" * 16, 4, 0)
    marks.bury(RING, "a", Mark(LIFE, 3, 0))
    assert not marks.read(RING, "a").deleted


def test_what_was_never_seen_can_be_buried_and_restored(marks):
    marks.bury(RING, "a", Mark(LIFE, 3, 0))
    assert marks.read(RING, "a") == Mark(LIFE, 3, 0, deleted=True)
    marks.restore(RING, "b", Mark(LIFE, 3, 0))
    assert marks.read(RING, "b").epoch == 1


def test_a_restore_raises_the_epoch_and_never_lowers_the_serial(marks):
    marks.advance(RING, "a", Mark(LIFE, 9, 0), durable=True)
    marks.restore(RING, "a", Mark(LIFE, 8, 0))
    assert marks.read(RING, "a") == Mark(LIFE, 9, 0, epoch=1)
    marks.restore(RING, "a", Mark(LIFE, 10, 0))
    assert marks.read(RING, "a") == Mark(LIFE, 10, 0, epoch=2)
    marks.advance(RING, "a", Mark(LIFE, 11, 0), durable=True)
    assert marks.read(RING, "a").epoch == 2


STEPS = st.lists(st.tuples(st.sampled_from(["advance", "bury", "restore"]), st.integers(1, 9), st.integers(0, 3)), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_whatever_happens_serial_and_epoch_only_rise(marks, steps):
    identity, last = os.urandom(8).hex(), (0, 0)
    for step, serial, revision in steps:
        seen = Mark(LIFE, serial, revision)
        if step == "advance":
            marks.advance(RING, identity, seen, durable=False)
        elif step == "bury":
            marks.bury(RING, identity, seen)
        else:
            marks.restore(RING, identity, seen)
        mark = marks.read(RING, identity)
        assert mark.epoch >= last[0]
        assert mark.serial >= last[1]
        last = (mark.epoch, mark.serial)


def test_every_flipped_bit_of_a_mark_is_noticed(marks):
    marks.advance(RING, "a", Mark(LIFE, 3, 0), durable=True)
    path, whole = only_file(), only_file().read_bytes()
    key_id = range(8, 24)
    for position in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[position] ^= 1 << bit
            path.write_bytes(flipped)
            if position in key_id:
                assert marks.read(RING, "a") is None  # a mark of a key that is gone is learnt anew, as one that is missing
            else:
                with pytest.raises(Tampered):
                    marks.read(RING, "a")
    path.write_bytes(whole + b"\x00")
    with pytest.raises(Tampered):
        marks.read(RING, "a")


@pytest.mark.parametrize("content", [b"", bytes(129)], ids=["empty", "zeros"])
def test_a_mark_that_a_power_cut_left_unwritten_is_none_yet(marks, content):
    marks.advance(RING, "a", Mark(LIFE, 3, 0), durable=True)
    only_file().write_bytes(content)
    assert marks.read(RING, "a") is None


def test_marks_are_not_swapped_between_objects_and_tenants(marks):
    other = HighWaterMarks(KEYRING, "other", print)
    marks.advance(RING, "a", Mark(LIFE, 3, 0), durable=True)
    whole = only_file().read_bytes()
    for holder, identity in ((marks, "b"), (other, "a")):
        target = only_file().parent / holder.place(identity).hex()
        target.write_bytes(whole)
        with pytest.raises(Tampered):
            holder.read(RING, identity)
        target.unlink()


def test_a_mark_is_smaller_than_a_sector_and_private(marks):
    marks.advance(RING, "a", Mark(LIFE, 3, 0), durable=True)
    assert only_file().stat().st_size == 129
    assert only_file().stat().st_mode & 0o777 == 0o600
    assert only_file().parent.stat().st_mode & 0o777 == 0o700


def _advance_often(directory, number):
    os.environ["XDG_CONFIG_HOME"] = str(directory)
    mine = HighWaterMarks(KEYRING, "default", print)
    for serial in range(number, 400, 4):
        mine.advance(RING, "a", Mark(LIFE, serial, 0), durable=False)
        assert mine.read(RING, "a").serial >= serial


def test_processes_that_raise_one_mark_at_once_lose_nothing(marks, tmp_path):
    processes = [FORK.Process(target=_advance_often, args=(tmp_path, number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert marks.read(RING, "a").serial == 399


def test_a_full_disk_is_told(marks, monkeypatch):
    monkeypatch.setattr(marking.os, "pwrite", lambda _descriptor, content, _offset: len(content) - 1)
    with pytest.raises(StorageError, match="whole"):
        marks.advance(RING, "a", Mark(LIFE, 3, 0), durable=True)


def test_a_mark_that_is_a_link_is_not_followed(marks, tmp_path):
    marks.prepare(RING)
    target = tmp_path / "target"
    target.write_bytes(b"")
    (directory,) = keys_directory().glob("*.marks")
    (directory / marks.place("a").hex()).symlink_to(target)
    with pytest.raises(CredentialError) as refusal:
        marks.read(RING, "a")
    assert refusal.value.code == "damaged"


def old_and_new(tmp_path):
    store = a_store(tmp_path)
    store.put(a_record(value=b"first"))
    old = file_of(tmp_path, "db_pass").read_bytes()
    store.put(a_record(value=b"second"))
    return store, old


def test_one_file_put_back_is_refused_everywhere(tmp_path):
    store, old = old_and_new(tmp_path)
    file_of(tmp_path, "db_pass").write_bytes(old)
    current = a_record()
    for operation in (
        lambda: store.get("db_pass"),
        lambda: store.get_many(["db_pass"]),
        lambda: store.put(current),
        lambda: store.patch_metadata(store.inner.get("db_pass"), 0),
        lambda: a_store(tmp_path).get("db_pass"),
    ):
        with pytest.raises(RolledBack, match="db_pass"):
            operation()


def test_older_metadata_put_back_is_refused(tmp_path):
    store = a_store(tmp_path)
    record = store.put(a_record())
    old = file_of(tmp_path, "db_pass").read_bytes()
    store.patch_metadata(record.with_metadata(description="revoked"), 0)
    file_of(tmp_path, "db_pass").write_bytes(old)
    with pytest.raises(RolledBack, match="metadata"):
        store.get("db_pass")


def test_a_file_put_back_after_a_delete_is_refused(tmp_path):
    store, _each = old_and_new(tmp_path)
    newest = file_of(tmp_path, "db_pass").read_bytes()
    store.delete("db_pass")
    file_of(tmp_path, "db_pass").write_bytes(newest)
    with pytest.raises(RolledBack, match="deleted"):
        store.get("db_pass")


def test_a_file_put_back_after_a_new_beginning_is_refused(tmp_path):
    store, old = old_and_new(tmp_path)
    store.delete("db_pass")
    assert store.put(a_record(value=b"third")).serial == 3
    file_of(tmp_path, "db_pass").write_bytes(old)
    with pytest.raises(RolledBack):
        store.get("db_pass")


def test_restore_accepts_it_as_a_new_version_and_what_was_undone_stays_refused(tmp_path):
    store, old = old_and_new(tmp_path)
    undone = file_of(tmp_path, "db_pass").read_bytes()
    file_of(tmp_path, "db_pass").write_bytes(old)
    restored = store.restore("db_pass")
    assert (value_of(restored), restored.serial) == (b"first", 3)
    assert value_of(a_store(tmp_path).get("db_pass")) == b"first"
    file_of(tmp_path, "db_pass").write_bytes(undone)
    with pytest.raises(RolledBack):
        store.get("db_pass")


def test_a_controller_without_a_mark_learns_it(tmp_path):
    _each, old = old_and_new(tmp_path)
    shutil.rmtree(next(keys_directory().glob("*.marks")))
    newcomer = a_store(tmp_path)
    assert value_of(newcomer.get("db_pass")) == b"second"
    file_of(tmp_path, "db_pass").write_bytes(old)
    with pytest.raises(RolledBack):
        newcomer.get("db_pass")


def test_what_another_controller_wrote_is_followed(tmp_path, monkeypatch):
    """Both hold the key, each has marks of its own."""
    store, old = old_and_new(tmp_path)
    ours = os.environ["XDG_CONFIG_HOME"]
    theirs = tmp_path / "theirs"
    shutil.copytree(ours, theirs)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(theirs))
    a_store(tmp_path).put(a_record(value=b"third"))
    monkeypatch.setenv("XDG_CONFIG_HOME", ours)
    assert value_of(store.get("db_pass")) == b"third"
    file_of(tmp_path, "db_pass").write_bytes(old)
    with pytest.raises(RolledBack, match="older than version 3"):
        store.get("db_pass")


def test_a_whole_store_put_back_with_its_marks_is_not_told(tmp_path):
    """Rule 8: that takes a counter outside, which there is none of. The page says so."""
    store = a_store(tmp_path)
    store.put(a_record(value=b"first"))
    shutil.copytree(keys_directory(), tmp_path / "keys")
    shutil.copytree(tmp_path / "store", tmp_path / "before")
    store.put(a_record(value=b"second"))
    shutil.rmtree(tmp_path / "store")
    shutil.rmtree(keys_directory())
    shutil.copytree(tmp_path / "before", tmp_path / "store")
    shutil.copytree(tmp_path / "keys", keys_directory())
    assert value_of(a_store(tmp_path).get("db_pass")) == b"first"


def test_reading_goes_on_where_marks_cannot_be_written_and_says_so_once(tmp_path, monkeypatch):
    store, _each = old_and_new(tmp_path)
    store.put(a_record("other"))
    shutil.rmtree(next(keys_directory().glob("*.marks")))
    reader = a_store(tmp_path)
    said = []
    reader.opener._warn = said.append

    def read_only(*_arguments, **_more):
        raise ReadOnly("the directory cannot be written")

    monkeypatch.setattr(HighWaterMarks, "_change", read_only)
    assert value_of(reader.get("db_pass")) == b"second"
    reader.get("other")
    assert len(said) == 1
    with pytest.raises(ReadOnly):
        reader.put(a_record())
