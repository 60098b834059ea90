# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a session: its directory, the socket in it, and the two locks. None of the files has content."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from contextlib import suppress

from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import LINGERS, Place

BACKLOG = 1024


class RuntimeDir:
    """The directory as this session found it. A directory made at the same place later belongs to another session."""

    def __init__(self, where: Place, lock: int | None) -> None:
        """Take the directory. `lock` is the lock of the start, held since before this process began; None if a caller holds it.

        Raises:
            OSError: the directory cannot be used, or another session uses it.
        """
        self._where = where
        self._lock: int | None = lock
        self._directory = os.open(where.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._begun = os.open("begun", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self._directory)
        fcntl.flock(self._begun, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def listener(self) -> socket.socket:
        """Return a listening socket. It gets its final name only once it listens."""
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.bind(self._where.directory + "/n")
        made.listen(BACKLOG)
        made.setblocking(False)
        self.publish()
        self._socket = os.stat("s", dir_fd=self._directory).st_ino
        return made

    def release_start_lock(self) -> None:
        """Release the lock of the start: processes that wait for it find a session that listens."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def is_given_up(self) -> bool:
        """Return True if the run has given up this session."""
        return self._stat("gone") is not None

    def is_lost(self) -> bool:
        """Return True if no caller can connect any more: the socket or the directory was removed, moved, or opened to others."""
        there = self._stat("s")
        return there is None or there.st_ino != self._socket or not self._is_at_its_place()

    def clear(self) -> None:
        """Remove the socket that a killed session has left. Its lock is held by now."""
        for name in ("s", "n"):
            self._remove(name)

    def has_files(self) -> bool:
        """Return True if there are files with values, which somebody may still use."""
        return self._stat("files") is not None

    def allow_lingering(self) -> None:
        """Make the file that says that the session may outlive its run. Removing the file withdraws that."""
        os.close(os.open(LINGERS, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self._directory))

    def may_linger(self) -> bool:
        """Return True if `allow_lingering` was called, and the file is still there."""
        return self._stat(LINGERS) is not None

    def take_start_lock(self) -> bool:
        """Take the lock of the start, so that no new caller connects. Return False if another process holds it and will connect."""
        try:
            self._lock = os.open("lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self._directory)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.release_start_lock()
            return False
        return True

    def unpublish(self) -> None:
        """Rename the socket, so that no caller finds it."""
        os.rename("s", "n", src_dir_fd=self._directory, dst_dir_fd=self._directory)

    def publish(self) -> None:
        """Give the socket its name, so that callers find it."""
        os.rename("n", "s", src_dir_fd=self._directory, dst_dir_fd=self._directory)

    def shut(self) -> None:
        """Remove the socket, and nothing else."""
        there = self._stat("s")
        if there is not None and there.st_ino == self._socket:
            self._remove("s")

    def remove(self) -> None:
        """Remove the files and the directory."""
        for name in ("s", "n", "gone", LINGERS, "begun", "lock"):
            self._remove(name)
        if self._is_at_its_place():
            if self.has_files():
                self._remove_files()
            with suppress(OSError):
                os.rmdir(self._where.directory)
        os.close(self._begun)
        os.close(self._directory)

    def _remove_files(self) -> None:
        import shutil  # few sessions have files

        shutil.rmtree(self._where.files, ignore_errors=True)

    def _is_at_its_place(self) -> bool:
        """Return True if the directory is where it was found, this user's, and private."""
        own = os.fstat(self._directory)
        try:
            there = os.lstat(self._where.directory)
        except OSError:
            return False
        return (
            (there.st_dev, there.st_ino) == (own.st_dev, own.st_ino)
            and own.st_uid == os.geteuid()
            and stat.S_IMODE(own.st_mode) & 0o777 == 0o700
        )

    def _stat(self, name: str) -> os.stat_result | None:
        try:
            return os.stat(name, dir_fd=self._directory, follow_symlinks=False)
        except OSError:
            return None

    def _remove(self, name: str) -> None:
        with suppress(OSError):
            os.unlink(name, dir_fd=self._directory)
