# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A device is never replaced, removed, changed or written to, not even by root: neither by its name nor through a link."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.backend import Local
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.backups import Backups
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Damaged
from ansible_collections.nebula.credential.plugins.module_utils.filesystem import atomic
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock
from tests.conformance.records import a_record


@pytest.fixture(params=["the device", "a link to it"])
def make(request, tmp_path):
    """Return a function that puts a device (as /dev/null is one), or a link to it, at a path. Both must be the same after the test."""
    nodes = []

    def at(path):
        node = path if request.param == "the device" else tmp_path / "node"
        try:
            os.mknod(node, stat.S_IFCHR | 0o640, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("this user may not make a device")
        if node != path:
            path.symlink_to(node)
        nodes.append((path, node, os.lstat(path), os.lstat(node)))
        return str(path)

    yield at
    for path, node, before, status in nodes:
        for place, known in ((path, before), (node, status)):
            now = os.lstat(place)
            assert (now.st_ino, now.st_mode, now.st_rdev, now.st_mtime_ns) == (
                known.st_ino,
                known.st_mode,
                known.st_rdev,
                known.st_mtime_ns,
            )


@pytest.mark.parametrize(
    "change",
    [
        lambda path, _file: atomic.wipe(path),
        lambda path, _file: atomic.remove_file(path),
        lambda path, _file: atomic.write_durably(path, b"x"),
        lambda path, file: atomic.copy_durably(path, file + "2"),
        lambda path, file: atomic.copy_durably(file, path),
        lambda path, file: atomic.keep_under(file, path),
        lambda path, _file: FileLock(path).acquire(),
    ],
    ids=["wipe", "remove", "replace", "copy", "copy over", "keep under", "lock"],
)
def test_a_device_is_refused_by_name(tmp_path, make, change):
    (tmp_path / "file").write_bytes(b"content")
    path = make(tmp_path / "x")
    with pytest.raises(Damaged, match="x is not a regular file but a pipe, a socket or a device"):
        change(path, str(tmp_path / "file"))
    assert not [each for each in os.listdir(tmp_path) if each.endswith(atomic.TEMPORARY_SUFFIX)]


def test_a_sweep_leaves_a_device(tmp_path, make):
    (tmp_path / "swept").mkdir()
    make(tmp_path / "swept" / (atomic.TEMPORARY_PREFIX + "1" + atomic.TEMPORARY_SUFFIX))
    assert atomic.remove_left_over(str(tmp_path / "swept")) == 0


def test_a_device_is_not_created_exclusively(tmp_path, make):
    assert not atomic.create_exclusively(make(tmp_path / "x"), b"x")


@pytest.mark.parametrize("secure", [True, False])
@pytest.mark.parametrize("place", ["a.json", ".nebula/versions/a/1.json", ".nebula/tombstones/current/a", ".nebula/metadata.json"])
def test_no_call_of_a_store_changes_a_device(tmp_path, make, secure, place):
    options = {
        "path": str(tmp_path / "s"),
        "format": "json",
        "allow_plaintext": True,
        "secure_delete": secure,
        "backup": True,
        "keep_versions": 1,
    }
    store = Local(options, BackendContext("test"))
    store.connect()
    for value in ("1", "2"):
        store.put(a_record("a", value))
    with suppress(FileNotFoundError):
        (tmp_path / "s" / place).unlink()
    make(tmp_path / "s" / place)
    for call in (
        lambda: store.put(a_record("a", "3")),
        lambda: store.remove_version("a", "1"),
        lambda: store.delete("a"),
        lambda: store.write_store_document(b"x", None),
    ):
        with suppress(CredentialError):
            call()


def test_expired_backups_leave_a_device(tmp_path, make):
    old = (datetime.now(timezone.utc) - timedelta(days=9)).date().isoformat()
    (tmp_path / "backups" / old / "a").mkdir(parents=True)
    (tmp_path / "backups" / old / "a" / "1.enc").write_bytes(b"old")
    make(tmp_path / "backups" / old / "a" / "2.enc")
    Backups(str(tmp_path / "backups"), 1, pytest.fail).remove_expired()
    assert os.listdir(tmp_path / "backups" / old / "a") == ["2.enc"]
