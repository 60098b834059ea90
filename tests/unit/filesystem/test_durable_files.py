# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durable files and locks by themselves."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import StorageError, Timeout
from ansible_collections.nebula.credential.plugins.module_utils.filesystem import atomic as durable
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock


def test_a_temporary_file_is_never_wider_than_the_final_one(tmp_path):
    before = os.umask(0)
    try:
        with durable.Temporary(str(tmp_path)) as temporary:
            assert os.stat(temporary.path).st_mode & 0o777 == 0o600
    finally:
        os.umask(before)
    assert os.listdir(tmp_path) == []


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _descriptor: (_each for _each in ()).throw(OSError(5, "io")))
    with pytest.raises(OSError):
        durable.write_durably(str(tmp_path / "x"), b"1")
    assert os.listdir(tmp_path) == []


def test_a_write_in_pieces_is_whole(tmp_path, monkeypatch):
    """However little each call takes."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: real(descriptor, bytes(content[:3])))
    durable.write_durably(str(tmp_path / "x"), b"0123456789")
    assert (tmp_path / "x").read_bytes() == b"0123456789"


def test_of_many_exclusive_creators_one_wins(tmp_path):
    path, won = str(tmp_path / "key"), []
    creators = [
        threading.Thread(target=lambda number=number: won.append(number) if durable.create_exclusively(path, b"%d" % number) else None)
        for number in range(16)
    ]
    for creator in creators:
        creator.start()
    for creator in creators:
        creator.join()
    assert [(tmp_path / "key").read_bytes()] == [b"%d" % number for number in won]
    assert os.listdir(tmp_path) == ["key"]


def test_an_exclusive_file_without_room_is_not_there(tmp_path, monkeypatch):
    """Also where hard links do not exist."""
    monkeypatch.setattr(os, "link", lambda *_paths: (_each for _each in ()).throw(PermissionError(1, "no links")))
    real, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(28, "full")
        return real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        durable.create_exclusively(str(tmp_path / "key"), b"k")
    assert os.listdir(tmp_path) == []


def test_a_directory_that_cannot_be_synced_is_left_in_peace(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _descriptor: (_each for _each in ()).throw(OSError(22, "invalid")))
    durable.fsync_directory(str(tmp_path))


def test_threads_exclude_each_other(tmp_path):
    path = str(tmp_path / "lock")
    with FileLock(path), pytest.raises(Timeout) as caught:
        FileLock(path, 0.01, operation="rotation of 'x'").acquire()
    assert "rotation of 'x' waited 0.01 seconds" in str(caught.value)
    FileLock(path, 0).acquire()


def test_shared_locks_share(tmp_path):
    path = str(tmp_path / "lock")
    with FileLock(path, 0, exclusive=False), FileLock(path, 0, exclusive=False), pytest.raises(Timeout):
        FileLock(path, 0).acquire()


def test_releasing_twice_is_allowed(tmp_path):
    lock = FileLock(str(tmp_path / "lock"), 0)
    lock.acquire()
    lock.release()
    lock.release()
    with lock:
        pass


def test_a_killed_holder_frees_the_lock(tmp_path):
    path = str(tmp_path / "lock")
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        FileLock(path).acquire()
        os.write(write_end, b"held")
        signal.pause()
    assert os.read(read_end, 4) == b"held"
    with pytest.raises(Timeout):
        FileLock(path, 0).acquire()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with FileLock(path, 5):
        pass
    os.close(read_end)
    os.close(write_end)


def test_a_lock_in_a_place_that_is_gone_is_told(tmp_path):
    with pytest.raises(StorageError) as caught:
        FileLock(str(tmp_path / "gone" / "lock")).acquire()
    assert "the lock file" in str(caught.value)
