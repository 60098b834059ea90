# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups of a local store: copies of what is overwritten and deleted, until their retention ends."""

from __future__ import annotations

import os
from datetime import date

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.local import backups
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.backend import Local
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.backups import Backups
from ansible_collections.nebula.credential.plugins.module_utils.errors import InsecurePermissions, StorageFull
from ansible_collections.nebula.credential.plugins.module_utils.filesystem import atomic as durable
from tests.conformance.records import a_record, value_of


def opened(path, warn=lambda _message: None, **options):
    store = Local({"path": str(path), "format": "json", "allow_plaintext": True, **options}, BackendContext("test", warn))
    store.connect()
    return store


def copies(location):
    return sorted(str(path.relative_to(location)) for path in location.rglob("*") if path.is_file())


@pytest.fixture
def day(monkeypatch):
    """Set the day that it is."""
    return lambda *parts: monkeypatch.setattr(backups.Backups.__init__, "__defaults__", (lambda: date(*parts),))


def test_without_the_option_there_are_none(tmp_path):
    store = opened(tmp_path / "store")
    store.put(a_record())
    store.delete("db_pass")
    assert not (tmp_path / "store" / ".nebula" / "backups").exists()


def test_overwritten_and_deleted_values_are_copied(tmp_path, day):
    """By day, credential and serial; a copy is the file as it was, and outlives the wiping of the original."""
    day(2026, 11, 22)
    store = opened(tmp_path / "store", backup=True)
    store.put(a_record("Db/x", "1"))
    store.put(a_record("Db/x", "2"))
    first = (tmp_path / "store" / ".nebula" / "versions" / "^db^0x" / "1.json").read_bytes()
    store.delete("Db/x")
    location = tmp_path / "store" / ".nebula" / "backups"
    assert copies(location) == ["2026-11-22/^db^0x/1.json", "2026-11-22/^db^0x/2.json"]
    assert (location / "2026-11-22" / "^db^0x" / "1.json").read_bytes() == first


def test_a_copy_put_back_by_hand_is_the_value(tmp_path, day):
    day(2026, 11, 22)
    store = opened(tmp_path / "store", backup=True, backup_path=str(tmp_path / "elsewhere"))
    store.put(a_record())
    store.delete("db_pass")
    copy = tmp_path / "elsewhere" / "2026-11-22" / "db_pass" / "1.json"
    (tmp_path / "store" / "db_pass.json").write_bytes(copy.read_bytes())
    assert value_of(store.get("db_pass")) == b"s3cret"


def test_days_past_their_retention_go(tmp_path, day):
    location = tmp_path / "elsewhere"
    for number in (1, 2, 3, 4):
        day(2026, 11, number)
        store = opened(tmp_path / "store", backup=True, backup_path=str(location), backup_retention=2)
        store.put(a_record(value=str(number)))
    (location / "notes").mkdir()
    store.put(a_record())
    assert sorted(path.name for path in location.iterdir()) == ["2026-11-02", "2026-11-03", "2026-11-04", "notes"]


def test_a_backup_folder_that_others_can_read_is_refused(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    store = opened(tmp_path / "store", backup=True, backup_path=str(tmp_path / "open"))
    with pytest.raises(InsecurePermissions):
        store.put(a_record())


def test_a_value_that_cannot_be_backed_up_is_not_overwritten(tmp_path, monkeypatch):
    store = opened(tmp_path / "store", backup=True)
    store.put(a_record())
    real = durable.Temporary.write

    def full(temporary, content):
        if "backups" in temporary.path:
            raise OSError(28, "full")
        return real(temporary, content)

    monkeypatch.setattr(durable.Temporary, "write", full)
    with pytest.raises(StorageFull) as caught:
        store.put(a_record(value="2"))
    assert "the backup folder" in str(caught.value)
    assert value_of(store.get("db_pass")) == b"s3cret"


def test_a_location_that_is_new_is_made(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    place = Backups(str(tmp_path / "a" / "b"), 1, pytest.fail)
    place.add(str(tmp_path / "file"), "name", "1.enc")
    assert len(copies(tmp_path / "a")) == 1


def test_what_cannot_be_a_credential_is_deleted_without_a_copy(tmp_path):
    """A sparse file of a gibibyte would fill the disk. A warning names it."""
    warnings = []
    store = opened(tmp_path / "store", warn=warnings.append, backup=True)
    for name, spoil in (("large", lambda path: os.truncate(path, 1024**3)), ("pipe", lambda path: (path.unlink(), os.mkfifo(path)))):
        store.put(a_record(name))
        spoil(tmp_path / "store" / (name + ".json"))
        store.delete(name)
        assert "No backup was made" in warnings[-1]
        assert str(tmp_path / "store" / name) in warnings[-1]
    assert copies(tmp_path / "store" / ".nebula" / "backups") == []


def test_junk_between_the_copies_is_passed_over(tmp_path):
    """A file for a day or a credential, a loop, and a link to another directory, which is not wiped either."""
    place = Backups(str(tmp_path / "backups"), 1, pytest.fail)
    (tmp_path / "file").write_bytes(b"x")
    place.add(str(tmp_path / "file"), "name", "1.enc")
    (tmp_path / "other" / "a").mkdir(parents=True)
    (tmp_path / "other" / "a" / "1.enc").write_bytes(b"kept")
    junk = tmp_path / "backups"
    (junk / "2026-01-01").write_bytes(b"x")
    (junk / "2026-01-02").symlink_to(tmp_path / "other")
    (junk / "2026-01-03").symlink_to("2026-01-03")
    (junk / "2999-01-01").mkdir()
    (junk / "2999-01-01" / "name").write_bytes(b"x")
    place.remove_expired()
    assert [name for name, _path in place.paths(".enc")] == ["name"]
    assert (tmp_path / "other" / "a" / "1.enc").read_bytes() == b"kept"


def test_a_copy_that_cannot_be_read_is_no_copy(tmp_path):
    """A loop, a link through a file or to nothing, and a directory end no rotation of the key."""
    store = opened(tmp_path / "store", backup=True)
    store.put(a_record(value="1"))
    store.put(a_record(value="2"))
    (copy,) = (tmp_path / "store" / ".nebula" / "backups").glob("*/db_pass/1.json")
    (copy.parent / "3.json").symlink_to("3.json")
    (copy.parent / "4.json").symlink_to("1.json/x")
    (copy.parent / "5.json").symlink_to("nothing")
    (copy.parent / "6.json").mkdir()
    assert [each.place for each in store.read_backups()] == [str(copy)]
