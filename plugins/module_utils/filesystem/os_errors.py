# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Translates errors of the operating system into errors of the library, in one place."""

from __future__ import annotations

import errno
import os
from types import TracebackType
from typing import Dict, Optional, Tuple, Type

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    Damaged,
    InvalidConfiguration,
    ReadOnly,
    StorageError,
    StorageFull,
    Unavailable,
)

_Meaning = Tuple[Type[CredentialError], str, str]

_FULL: _Meaning = (StorageFull, "there is no room left", "Free some room there and repeat. What was stored before is intact.")
_LIMIT: _Meaning = (
    StorageFull,
    "the limit of a file's size is reached",
    "Raise it (ulimit -f) and repeat. What was stored before is intact.",
)
_NOT_A_FOLDER: _Meaning = (InvalidConfiguration, "part of the path is not a directory", "Name another path, or move what is in the way.")
_BUSY: _Meaning = (Unavailable, "too many files are open", "Raise the limit of open files (ulimit -n) or run fewer forks.")
_DEVICE: _Meaning = (Unavailable, "the device or its server does not answer", "Check the mount and the disk, then repeat.")

_MEANINGS: Dict[int, _Meaning] = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _LIMIT,
    errno.EROFS: (ReadOnly, "the file system is mounted read-only", "Mount it writable, or name another path."),
    errno.ENOTDIR: _NOT_A_FOLDER,
    errno.ENAMETOOLONG: (InvalidConfiguration, "the path is too long", "Name a shorter path."),
    errno.ELOOP: (InvalidConfiguration, "the path is a symbolic link that may not be followed", "Give the path that the link points to."),
    errno.EISDIR: (StorageError, "it is a directory", "Move the directory out of the way."),
    errno.ENOENT: (
        StorageError,
        "it, or the directory it is in, is gone",
        "Put it back, or repeat if something else was cleaning up there.",
    ),
    errno.EMFILE: _BUSY,
    errno.ENFILE: _BUSY,
    errno.EIO: _DEVICE,
    errno.ESTALE: _DEVICE,
    errno.ENODEV: _DEVICE,
    errno.ENXIO: _DEVICE,
}
_OBSTACLES = frozenset((errno.ENOTDIR, errno.ELOOP))
_DENIED = frozenset((errno.EACCES, errno.EPERM))


def _meaning(error: OSError, writing: bool) -> _Meaning:
    if error.errno in _DENIED:
        kind: Type[CredentialError] = ReadOnly if writing else AccessDenied
        return kind, "the permissions do not allow it", "Check owner and mode of the path with 'ls -ld'."
    unknown = "the system reports {}".format(errno.errorcode.get(error.errno or 0, "an unknown error"))
    return _MEANINGS.get(error.errno or 0, (StorageError, unknown, "Check the path and its file system, then repeat."))


def translate(error: OSError, role: str, path: str, *, writing: bool = True, inside: bool = False) -> CredentialError:
    """Return the library's error for `error`.

    Args:
        error: the system's exception. Neither its text nor the exception itself goes into the result.
        role: what the path is, as in "the lock file".
        path: where it happened.
        writing: the path was to be written (denied: `ReadOnly`), else read (denied: `AccessDenied`).
        inside: the path is in a directory that only this collection fills, and no option names it. So something else
            where a directory or a file belongs is `Damaged`, not a wrong configuration.
    """
    if inside and error.errno in _OBSTACLES:
        return _damage_error(error, role, path)
    kind, reason, remedy = _meaning(error, writing)
    action = "written" if writing else "read"
    return kind(f"{role} {path} cannot be {action}: {reason}", remedy=remedy)


def _damage_error(error: OSError, role: str, path: str) -> Damaged:
    """Return the error for something that is in the way. It names that, which may be a parent of the path."""
    named = error.filename2 or error.filename  # of a link or a renaming, the new name
    obstacle = named if isinstance(named, str) else path
    while not os.path.lexists(obstacle) and os.path.dirname(obstacle) != obstacle:
        obstacle = os.path.dirname(obstacle)
    reason = "a symbolic link that leads nowhere" if os.path.islink(obstacle) else "not a directory"
    remedy = "Find out who put it there, and move it away. Restore what was there from a backup if there was one."
    return Damaged(f"{role} {path} cannot be reached: {obstacle} is {reason}", remedy=remedy)


class translated:  # noqa: N801  # reads as a word: `with translated("the lock file", path):`
    """A block whose OSError is raised as the error of `translate`, unchained. Errors of the neutral tree pass unchanged."""

    def __init__(self, role: str, path: str, *, writing: bool = True, inside: bool = False) -> None:
        """Take the arguments of `translate`."""
        self._place = (role, path)
        self._writing = writing
        self._inside = inside

    def __enter__(self) -> None:
        """Enter the block."""

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        """Leave the block.

        Raises:
            CredentialError: the block raised an OSError.
        """
        if isinstance(error, OSError):
            raise translate(error, *self._place, writing=self._writing, inside=self._inside) from None
