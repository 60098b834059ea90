# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a local store: history, tombstones, what is left over, what is wiped, locks."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import ExitStack

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    Damaged,
    NotFound,
    Timeout,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem import atomic as durable
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import TEMPORARY_PREFIX, TEMPORARY_SUFFIX
from tests.conformance.records import a_record, value_of
from tests.unit.backends.local.stores import opened


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


def test_a_damaged_tombstone_is_told(root):
    """The last serial is not guessed: the error names the file."""
    store = opened(root)
    store.put(a_record())
    store.delete("db_pass")
    path = root / ".nebula" / "tombstones" / "current" / "db_pass"
    for damage in ("", "{}", '{"serial": "1"}', "[1]"):
        path.write_text(damage)
        for call in (lambda: store.put(a_record()), lambda: store.last_serial("db_pass")):
            with pytest.raises(Damaged) as caught:
                call()
            assert str(path) in str(caught.value)
    path.unlink()
    store.put(a_record())


def test_a_file_left_in_history_by_a_crash_is_no_version(root):
    """A second name of the current value, made before a writer died, is neither listed nor trusted."""
    store = opened(root)
    store.put(a_record(value="1"))
    store.put(a_record(value="2"))
    os.link(root / "db_pass.json", root / ".nebula" / "versions" / "db_pass" / "2.json")
    store.patch_metadata(store.get("db_pass"), 0)
    assert [info.version for info in store.versions("db_pass")] == ["2", "1"]
    store.put(a_record(value="3"))
    assert store.get("db_pass", "2").revision == 1


def test_without_hard_links_versions_are_copies(root, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_paths: (_each for _each in ()).throw(PermissionError(1, "no links")))
    store = opened(root)
    for value in "123":
        store.put(a_record(value=value))
    assert [value_of(store.get("db_pass", version)) for version in "123"] == [b"1", b"2", b"3"]
    assert durable.create_exclusively(str(root / "once"), b"1")
    assert not durable.create_exclusively(str(root / "once"), b"2")
    assert (root / "once").read_bytes() == b"1"


def test_no_versions_are_kept_where_none_are_wanted(root):
    store = opened(root, keep_versions=0)
    for value in "123":
        store.put(a_record(value=value))
    assert [info.version for info in store.versions("db_pass")] == ["3"]
    with pytest.raises(NotFound):
        store.get("db_pass", "2")


def test_fewer_versions_are_kept_after_the_option_was_lowered(root):
    for value in "12345":
        opened(root).put(a_record(value=value))
    store = opened(root, keep_versions=1)
    store.put(a_record(value="6"))
    assert [info.version for info in store.versions("db_pass")] == ["6", "5"]


def test_a_replaced_value_is_durable_under_its_second_name_first(root, monkeypatch):
    """The order of system calls: new content synced, old name kept and synced, then the rename, then its directory."""
    store = opened(root)
    store.put(a_record())
    store.put(a_record())
    calls = []

    def noting(name):
        real = getattr(os, name)

        def call(*arguments, **options):
            target = arguments[-1]
            shown = os.readlink("/proc/self/fd/{0}".format(target)) if isinstance(target, int) else str(target)
            calls.append((name, shown.replace(str(root), "").replace("/.nebula/versions/db_pass", "V")))
            return real(*arguments, **options)

        monkeypatch.setattr(os, name, call)

    for name in ("fsync", "link", "rename"):
        noting(name)
    store.put(a_record())
    steps = [(name, "T" if TEMPORARY_PREFIX in path else path) for name, path in calls]
    assert steps == [("link", "V/2.json"), ("fsync", "T"), ("fsync", "V"), ("rename", "/db_pass.json"), ("fsync", "")]


def leave_temporary(root, age):
    path = root / (TEMPORARY_PREFIX + "99-abc" + TEMPORARY_SUFFIX)
    path.write_bytes(b"half")
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def test_temporary_files_of_killed_writers_are_swept(root):
    """Old ones whose writer is gone go with the next process that writes; young ones and those in use stay."""
    opened(root).put(a_record())
    (root / ".nebula" / "swept").unlink()
    old = leave_temporary(root, 3600)
    opened(root).put(a_record())
    assert not old.exists()
    young = leave_temporary(root, 1)
    opened(root).put(a_record())
    assert young.exists()
    (root / ".nebula" / "swept").unlink()
    opened(root).put(a_record())
    assert young.exists()


def test_a_temporary_file_in_use_is_not_swept(root):
    root.mkdir(0o700)
    path = leave_temporary(root, 3600)
    with open(path, "rb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        opened(root).put(a_record())
        assert path.exists()


def test_what_is_deleted_is_overwritten(root):
    """Through a descriptor that was open before: the value, its versions, but no file that has another name."""
    store = opened(root)
    store.put(a_record(value="first-value"))
    store.put(a_record(value="second-value"))
    with open(root / "db_pass.json", "rb") as current, open(root / ".nebula" / "versions" / "db_pass" / "1.json", "rb") as older:
        store.delete("db_pass")
        for content in (current.read(), older.read()):
            assert content == bytes(len(content))
            assert content
    assert not (root / ".nebula" / "versions" / "db_pass").exists()


def test_wiping_can_be_left_out(root):
    store = opened(root, secure_delete=False)
    store.put(a_record())
    with open(root / "db_pass.json", "rb") as file:
        store.delete("db_pass")
        assert b"s3cret" in file.read()


def test_a_file_with_another_name_is_not_overwritten(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    os.link(tmp_path / "a", tmp_path / "b")
    durable.wipe(str(tmp_path / "a"))
    assert (tmp_path / "b").read_bytes() == b"content"


def test_a_reader_of_a_file_that_went_looks_again(root, monkeypatch):
    """A value unlinked and wiped while it is read is NotFound, never zeros."""
    store = opened(root)
    store.put(a_record())
    real = os.read

    def slow(descriptor, size):
        monkeypatch.setattr(os, "read", real)
        opened(root).delete("db_pass")
        return real(descriptor, size)

    monkeypatch.setattr(os, "read", slow)
    with pytest.raises(NotFound):
        store.get("db_pass")


def test_a_lock_that_others_hold_is_a_timeout(root):
    """The message names the operation, the credential and the seconds."""
    store = opened(root, lock_timeout=0.05)
    store.put(a_record())
    with ExitStack() as held:
        for path in (root / ".nebula" / "locks").iterdir():
            fcntl.flock(held.enter_context(open(path, "rb")), fcntl.LOCK_EX)
        with pytest.raises(Timeout) as caught:
            store.put(a_record())
        assert "put of 'db_pass' waited 0.05 seconds" in str(caught.value)
        assert value_of(store.get("db_pass")) == b"s3cret"
    store.put(a_record())


def test_a_store_whose_hidden_folder_went_goes_on(root):
    """Values stay; versions are lost with the folder, and the next process makes it again."""
    opened(root).put(a_record())
    os.rename(root / ".nebula", root.parent / "gone")
    store = opened(root)
    assert value_of(store.get("db_pass")) == b"s3cret"
    assert [record.name for record in store.list(Filter(type="database"))] == []
    assert store.put(a_record(value="2")).serial == 2


def test_errors_hold_no_value(root):
    """A value in a damaged file, or offered in vain, is in no message and no chained error."""
    store = opened(root)
    store.put(a_record(value="CANARY-7301"))
    path = root / "db_pass.json"
    path.write_text(path.read_text()[:-40])
    problems = [row.problem for row in store.list()]
    for call in (lambda: store.get("db_pass"), lambda: store.put(a_record(value="CANARY-7301"))):
        with pytest.raises(CredentialError) as caught:
            call()
        problems.append(caught.value)
    assert len(problems) == 3
    for problem in problems:
        assert "CANARY" not in str(problem) + repr(problem)
        assert problem.__suppress_context__ or problem.__context__ is None


def test_versions_behind_a_gap_in_the_serials_are_pruned(root):
    """A serial may be skipped (another controller knows a higher one): the number of kept values still holds."""
    store = opened(root, keep_versions=2)
    for serial in (1, 2, 5, 6, 20, 21, 22):
        store.put(a_record(serial=serial))
        assert len(list((root / ".nebula" / "versions").rglob("*.json"))) <= 2
    assert [info.version for info in store.versions("db_pass")] == ["22", "21", "20"]
