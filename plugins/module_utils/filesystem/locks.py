# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks between processes and threads that a killed holder cannot leave behind (D4)."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from typing import Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import Timeout
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import open_regular

_FIRST_PAUSE = 0.0005
_LONGEST_PAUSE = 0.02
_HELD = frozenset((errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES))


class FileLock:
    """An advisory lock on a file. The open file holds it, so it is freed when its holder dies in any way.

    Each instance opens the file itself, so threads of one process exclude each other too. Not reentrant. The file
    is created if it is missing, and stays.
    """

    def __init__(self, path: str, timeout: float = 10.0, exclusive: bool = True, *, operation: str = "the lock") -> None:
        """Take the lock file, the longest wait in seconds, and the name of the operation for the error. Opens nothing."""
        self._path = path
        self._timeout = timeout
        self._exclusive = exclusive
        self._operation = operation
        self._descriptor: Optional[int] = None

    def __enter__(self) -> FileLock:
        """Acquire the lock."""
        self.acquire()
        return self

    def __exit__(self, *_failure: object) -> None:
        """Release the lock."""
        self.release()

    def acquire(self) -> None:
        """Wait for the lock.

        Raises:
            Timeout: others held it for the whole time.
            StorageError: the lock file cannot be opened.
            Damaged: it is not a regular file.
        """
        with translated("the lock file", self._path):
            descriptor = open_regular(self._path, os.O_RDWR | os.O_CREAT)
        try:
            with translated("the lock file", self._path):
                is_held = wait_for_lock(descriptor, self._timeout, exclusive=self._exclusive)
            if not is_held:
                raise self._timeout_error()
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def _timeout_error(self) -> Timeout:
        what = f"{self._operation} waited {self._timeout:g} seconds for the lock {self._path}, which another process holds"
        return Timeout(what, remedy="Retry when the other run is done, or increase 'lock_timeout'.")

    def release(self) -> None:
        """Free the lock."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        release_lock(descriptor)


def wait_for_lock(descriptor: int, timeout: float, *, exclusive: bool = True) -> bool:
    """Lock an open file, and return False if others held the lock for `timeout` seconds.

    It polls: flock has no timeout of its own, and signals belong to the program that loads this module.

    Raises:
        OSError: the file cannot be locked.
    """
    kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    end = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    while not _try_lock(descriptor, kind):
        left = end - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)
    return True


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            return False
        raise
    return True


def release_lock(descriptor: int) -> None:
    """Free the lock of an open file, and close the file. Unlocks first, because a process forked meanwhile still has the file open."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)
