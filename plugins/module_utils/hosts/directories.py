# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The directory of a file on a host, opened so that no other user's link leads elsewhere.

Each directory of the path is opened in the one before it, and none is looked up by its path again: whoever replaces a directory
meanwhile changes nothing. A symbolic link is followed if it is root's or this user's; others may point it anywhere.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import Iterator, List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, InsecurePermissions, InvalidInput, NotFound

_SEARCH = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
"""Opens a directory that this user may enter, but perhaps not list."""
_MOST_LINKS = 40
"""The system itself follows no more."""


@contextmanager
def open_directory(path: str) -> Iterator[int]:
    """Open the directory of the file `path`, an absolute one, and yield its descriptor.

    Raises:
        NotFound: a directory of the path does not exist.
        InvalidInput: a part of the path is no directory.
        InsecurePermissions: a link of another user is in the path, or everyone can replace what is in one of its directories.
        AccessDenied: this user may not enter one of its directories.
    """
    directory = _walk(os.path.dirname(path))
    try:
        yield directory
    finally:
        os.close(directory)


def is_listable(directory: int) -> bool:
    """Return True if the descriptor of a directory can be listed and synced."""
    try:
        os.scandir(directory).close()
    except OSError:
        return False
    return True


def _walk(path: str) -> int:
    directory = os.open("/", _SEARCH)
    left, links = _split(path), 0
    try:
        while left:
            name = left.pop()
            target = _read_link(directory, name, path)
            if target is None:
                opened = _open(directory, name, path, is_last=not left)
            else:
                links += 1
                if links > _MOST_LINKS:
                    raise InvalidInput("{0} has too many symbolic links".format(ascii(path)), option="dest", remedy="Name another path.")
                left += _split(target)
                if not target.startswith("/"):
                    continue
                opened = os.open("/", _SEARCH)
            os.close(directory)
            directory = opened
        _check(directory, path)
    except BaseException:
        os.close(directory)
        raise
    return directory


def _split(path: str) -> List[str]:
    """Return the parts of a path, the last one first."""
    return [part for part in path.split("/") if part not in ("", ".")][::-1]


def _read_link(directory: int, name: str, path: str) -> Optional[str]:
    """Return where a symbolic link leads; None if the name is none.

    Raises:
        InsecurePermissions: another user has made it.
    """
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except OSError as error:
        raise _refusal_error(error, name, path) from None
    if not stat.S_ISLNK(status.st_mode):
        return None
    if status.st_uid not in (0, os.geteuid()):
        what = "{0} in the path {1} is a symbolic link of the user {2}".format(ascii(name), ascii(path), status.st_uid)
        raise InsecurePermissions(what, option="dest", remedy="Name the directory it leads to, if that is meant.")
    return os.readlink(name, dir_fd=directory)


def _open(directory: int, name: str, path: str, is_last: bool) -> int:
    for flags in (os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, _SEARCH) if is_last else (_SEARCH,):
        try:
            opened = os.open(name, flags | os.O_NOFOLLOW, dir_fd=directory)
        except OSError as error:
            if error.errno == errno.EACCES and flags != _SEARCH:
                continue
            raise _refusal_error(error, name, path) from None
        try:
            _check(opened, path)
        except BaseException:
            os.close(opened)
            raise
        return opened
    raise AssertionError("the last way returns or raises")


def _check(directory: int, path: str) -> None:
    """Raise InsecurePermissions if everyone can rename or remove what is in the directory."""
    mode = os.fstat(directory).st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        what = "a directory of {0} can be changed by everyone".format(ascii(path))
        raise InsecurePermissions(what, option="dest", remedy="Take the right to write from others: chmod o-w.")


def _refusal_error(error: OSError, name: str, path: str) -> Exception:
    what = "{0} in the path {1}".format(ascii(name), ascii(path))
    if error.errno == errno.ENOENT:
        remedy = "Make the directory before, with the owner and the mode that it needs."
        return NotFound("{0} does not exist".format(what), option="dest", remedy=remedy)
    if error.errno in (errno.ENOTDIR, errno.ELOOP):
        return InvalidInput("{0} is no directory".format(what), option="dest", remedy="Name another path.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return AccessDenied("{0} may not be entered by this user".format(what), option="dest", remedy="Use become, or another path.")
    return InvalidInput("{0} cannot be opened: {1}".format(what, os.strerror(error.errno or 0)), option="dest", remedy="Check it.")
