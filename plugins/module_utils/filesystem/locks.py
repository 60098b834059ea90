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
        self._kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
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
                self._wait(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def _wait(self, descriptor: int) -> None:
        """Poll: flock has no timeout of its own, and signals belong to the program that loads this module."""
        end = time.monotonic() + self._timeout
        pause = _FIRST_PAUSE
        while not self._try_lock(descriptor):
            left = end - time.monotonic()
            if left <= 0:
                raise self._timeout_error()
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _try_lock(self, descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, self._kind | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _HELD:
                return False
            raise
        return True

    def _timeout_error(self) -> Timeout:
        what = f"{self._operation} waited {self._timeout:g} seconds for the lock {self._path}, which another process holds"
        return Timeout(what, remedy="Retry when the other run is done, or increase 'lock_timeout'.")

    def release(self) -> None:
        """Free the lock. Unlocks before closing, because a process forked meanwhile still has the file open."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)
