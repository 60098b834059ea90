# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that are either complete or absent, even after a crash or a power cut (A2).

Every function raises OSError, and no error of the library unless it says so. `os_errors` translates it where the role of the path is known.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from contextlib import suppress
from typing import Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import check_no_device, open_regular, read_file

PRIVATE_FILE = 0o600
TEMPORARY_PREFIX = ".nebula-"
TEMPORARY_SUFFIX = ".tmp"
_LEFT_OVER_AFTER = 60.0
"""Seconds. Younger temporary files are skipped: their writer may be between creating and locking them."""

_PIECE = 131072
_MOST_BYTES = 65 * 1024 * 1024
"""More than any file of ours has: a larger one is sparse or foreign, and to copy or overwrite it would fill the disk."""
_NO_HARD_LINKS = frozenset((errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES))


class Temporary:
    """A new file under a temporary name in the directory of the final one, used by its writer only.

    It is created with its final mode (never wider), and locked while its writer lives: so `remove_left_over` can distinguish
    the file of a killed writer from one in use. As a context manager it removes the file, unless `become` renamed it.
    """

    def __init__(self, directory: str, mode: int = PRIVATE_FILE) -> None:
        """Create the file in `directory`."""
        name = "{0}{1}-{2}{3}".format(TEMPORARY_PREFIX, os.getpid(), os.urandom(8).hex(), TEMPORARY_SUFFIX)
        self.path = os.path.join(directory, name)
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        self._present = True
        with suppress(OSError):
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __enter__(self) -> Temporary:
        """Enter the context."""
        return self

    def __exit__(self, *_failure: object) -> None:
        """Close the file, and remove it if it still has its temporary name."""
        os.close(self._descriptor)
        if self._present:
            with suppress(OSError):
                os.unlink(self.path)

    def write(self, content: bytes) -> None:
        """Append all of `content`."""
        write_all(self._descriptor, content)

    def keep_time_of(self, path: str) -> None:
        """Set the modification time to that of the file `path`. Call it after the last `write`."""
        times = os.stat(path)
        os.utime(self._descriptor, ns=(times.st_atime_ns, times.st_mtime_ns))

    def keep_rights_of(self, path: str) -> None:
        """Set owner, group and mode to those of the file `path`, whatever the umask. Who may not give files away stays the owner."""
        found = os.stat(path)
        with suppress(PermissionError):
            os.fchown(self._descriptor, found.st_uid, found.st_gid)
        os.fchmod(self._descriptor, stat.S_IMODE(found.st_mode))

    def sync(self) -> None:
        """Wait until the content is durable."""
        os.fsync(self._descriptor)

    def become(self, path: str, *, synced: bool = True) -> None:
        """Rename to the final name, replacing an existing file: durably, or not yet (`synced` False).

        Raises:
            Damaged: a device has that name, or a link to one.
        """
        check_no_device(path)
        os.rename(self.path, path)
        self._present = False
        if synced:
            fsync_directory(os.path.dirname(path) or ".")


def write_all(descriptor: int, content: bytes) -> None:
    """Write `content` to `descriptor`, however many calls that takes."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def fsync_directory(path: str) -> None:
    """Make the names in the directory `path` durable. Does nothing on file systems that cannot sync a directory."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


def write_durably(path: str, content: bytes, mode: int = PRIVATE_FILE, *, time_of: Optional[str] = None) -> None:
    """Replace or create the file `path` with `content`: after a crash it is the old file or the new one, complete.

    With `time_of` the new file gets the modification time of that file.
    """
    with Temporary(os.path.dirname(path) or ".", mode) as temporary:
        temporary.write(content)
        if time_of is not None:
            temporary.keep_time_of(time_of)
        temporary.sync()
        temporary.become(path)


def create_exclusively(path: str, content: bytes, mode: int = PRIVATE_FILE) -> bool:
    """Create the file `path` with `content`, durably, unless it exists.

    A hard link to a synced temporary file decides between writers, so the one that loses never sees half a file. On file
    systems without hard links, O_EXCL decides; a crash in the middle can leave a short file there.

    Returns:
        False if the file already existed; it is unchanged then.
    """
    directory = os.path.dirname(path) or "."
    with Temporary(directory, mode) as temporary:
        temporary.write(content)
        temporary.sync()
        try:
            os.link(temporary.path, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            return _create_without_link(path, content, mode)
    fsync_directory(directory)
    return True


def _create_without_link(path: str, content: bytes, mode: int) -> bool:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        return False
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    except OSError:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)
    fsync_directory(os.path.dirname(path) or ".")
    return True


def keep_under(path: str, kept: str) -> None:
    """Give the file `path` a second name `kept`, replacing what had that name: a hard link, or a synced copy if links are unsupported.

    The new name is durable once its directory is synced.
    """
    try:
        os.link(path, kept)
    except FileExistsError:
        if not os.path.samefile(path, kept):
            remove_file(kept)
            keep_under(path, kept)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        copy_durably(path, kept)


def copy_durably(path: str, copy: str) -> None:
    """Copy the regular file `path` to `copy`, with its modification time.

    Raises:
        Damaged: it is not a regular file, or is larger than any file of ours.
    """
    write_durably(copy, read_file(path, _MOST_BYTES), time_of=path)


def remove_file(path: str, *, secure: bool = False) -> None:
    """Unlink the file `path`, wiped if `secure`.

    Raises:
        Damaged: it is a device, or a link to one.
    """
    if secure:
        wipe(path)
        return
    check_no_device(path)
    os.unlink(path)


def wipe(path: str) -> None:
    """Unlink the file `path` and overwrite its content, unless it has another name. A link, a pipe or a socket is only unlinked.

    Best effort: copy-on-write file systems, SSDs, journals and snapshots keep older blocks. The name goes first, so a
    reader sees the content or no file, never zeros (`read_file`).

    Raises:
        Damaged: it is a device, or a link to one.
    """
    check_no_device(path)
    if not stat.S_ISREG(os.lstat(path).st_mode):
        os.unlink(path)
        return
    descriptor = _open_to_wipe(path)
    try:
        os.unlink(path)
        status = os.fstat(descriptor)
        if status.st_nlink == 0:
            with suppress(OSError):
                _overwrite(descriptor, min(status.st_size, _MOST_BYTES))
                os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_to_wipe(path: str) -> int:
    flags = os.O_WRONLY | os.O_NOFOLLOW
    try:
        return open_regular(path, flags)
    except PermissionError:
        # Its owner made it read-only; with another owner this is refused too.
        os.chmod(path, PRIVATE_FILE)
        return open_regular(path, flags)


def _overwrite(descriptor: int, size: int) -> None:
    """Write `size` zeros, piece by piece."""
    while size > 0:
        size -= os.write(descriptor, bytes(min(size, _PIECE)))


def remove_left_over(directory: str) -> int:
    """Remove the temporary files of dead writers from `directory`, and return how many."""
    removed = 0
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.startswith(TEMPORARY_PREFIX) and entry.name.endswith(TEMPORARY_SUFFIX):
                removed += _remove_if_left_over(entry.path)
    return removed


def _remove_if_left_over(path: str) -> bool:
    """Remove one temporary file. Its lock is free if the writer is dead; the name may vanish at any moment."""
    with suppress(OSError, Damaged):
        descriptor = open_regular(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            if time.time() - os.fstat(descriptor).st_mtime < _LEFT_OVER_AFTER:
                return False
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            wipe(path)
            return True
        finally:
            os.close(descriptor)
    return False
