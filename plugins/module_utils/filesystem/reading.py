# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one way to open a file that is read: without waiting, regular files only, and no more bytes than the caller states.

A pipe, a link to a device or a file of a terabyte may be at any path. A play must neither wait for it nor fill the memory.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged

KIB = 1024
MIB = 1024 * 1024
SECRET_FILE = 64 * KIB
"""The most bytes of a file that holds one password, passphrase or token."""
_PIECE = 131072
_NO_DEVICE = frozenset((errno.ENXIO, errno.ENODEV))
_LEADS_NOWHERE = frozenset((errno.ELOOP, errno.ENOTDIR, errno.ENAMETOOLONG))


_KINDS = {stat.S_IFDIR: "directory", stat.S_IFLNK: "symbolic link that leads nowhere or may not be followed"}


def open_regular(path: str, flags: int = os.O_RDONLY) -> int:
    """Return a descriptor of the regular file `path`, opened with `flags`. Never waits for the other end of a pipe, or for a device.

    With O_CREAT a new file is 0600.

    Raises:
        OSError: it cannot be opened.
        Damaged: it is not a regular file.
    """
    return _open(path, flags)[0]


def _open(path: str, flags: int) -> Tuple[int, os.stat_result]:
    """Do what `open_regular` does. Return the status of the file as well."""
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY, 0o600)
    except OSError as error:
        if error.errno in _NO_DEVICE:  # a socket, a pipe that is opened to write and has no reader, or a device without a driver
            raise _special_error(path, stat.S_IFIFO) from None
        if error.errno == errno.EISDIR:
            raise _special_error(path, stat.S_IFDIR) from None
        if error.errno in _LEADS_NOWHERE and os.path.islink(path):
            raise _special_error(path, stat.S_IFLNK) from None
        raise
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        return descriptor, status
    os.close(descriptor)
    raise _special_error(path, status.st_mode)


def _special_error(path: str, mode: int) -> Damaged:
    kind = _KINDS.get(stat.S_IFMT(mode), "pipe, a socket or a device")
    what = "{0} is not a regular file but a {1}".format(path, kind)
    return Damaged(what, remedy="Find out who put it there, and move it away. Restore the file from a backup if there was one.")


def check_no_device(path: str) -> None:
    """Check that `path` is neither a device nor a link to one: root could replace or unlink it, and every program would miss it.

    Raises:
        Damaged: it is one.
    """
    with suppress(OSError):
        mode = os.stat(path).st_mode
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            raise _special_error(path, mode)


def read_file(path: str, most: int, flags: int = os.O_RDONLY) -> bytes:
    """Return the content of the file `path`, `most` bytes at most, as one of its writers left it.

    A file that was unlinked during the read may have been wiped. It is opened again by name, which raises FileNotFoundError
    if it is gone.

    Raises:
        OSError: it cannot be read.
        Damaged: it is not a regular file, or is larger.
    """
    while True:
        descriptor, status = _open(path, flags)
        try:
            content = _read_at_most(descriptor, path, status.st_size, most)
            if os.fstat(descriptor).st_nlink:
                return content
        finally:
            os.close(descriptor)


def _read_at_most(descriptor: int, path: str, expected: int, most: int) -> bytes:
    """Return all bytes. The size is compared first, so that a sparse file is not read at all; it may also grow meanwhile."""
    if expected > most:
        raise _size_error(path, most)
    piece = os.read(descriptor, _PIECE)
    pieces, size = [], 0
    if 0 < len(piece) == expected < _PIECE:  # whole: a read that was not full ends at the end of the file
        return piece
    while piece:
        size += len(piece)
        if size > most:
            raise _size_error(path, most)
        pieces.append(piece)
        piece = os.read(descriptor, _PIECE)
    return b"".join(pieces)


def check_size(descriptor: int, path: str, most: int) -> None:
    """Check the size of an open file that a library reads.

    Raises:
        Damaged: it is larger than `most` bytes.
    """
    if os.fstat(descriptor).st_size > most:
        raise _size_error(path, most)


def _size_error(path: str, most: int) -> Damaged:
    what = "{0} is larger than the {1} bytes that such a file can have".format(path, most)
    return Damaged(what, remedy="Move it away, or name another file. Restore the file from a backup if there was one.")
