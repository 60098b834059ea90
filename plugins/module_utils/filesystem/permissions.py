# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private directories and files: creates them readable by their owner only, and refuses those that others can read (SEC-001)."""

from __future__ import annotations

import os
import shlex
import stat
from contextlib import suppress
from typing import Callable

from ansible_collections.nebula.credential.plugins.module_utils.errors import InsecurePermissions, InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import fsync_directory
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated

PRIVATE_DIRECTORY = 0o700
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_READING = stat.S_IRGRP | stat.S_IXGRP
_REMEDY_FOR_FILES = (
    "Make it a file of this user with mode 0600, or of root with mode 0440 for a group of this user (in a pod: 'defaultMode: 0440' "
    "and 'fsGroup'). Or give the value by a variable: use the option's form that ends in '_env'."
)
_Warn = Callable[[str], object]


def ensure_private_directory(path: str, role: str, warn: _Warn) -> None:
    """Create the directory `path` (0700, with missing parents), or check the existing one.

    Args:
        path: the directory. A symbolic link to one is followed.
        role: what it is, as in "the store's directory".
        warn: called once if the file system keeps no POSIX modes, so that nothing can be checked.

    Raises:
        InsecurePermissions: others can enter or read it, or it belongs to another user.
        InvalidConfiguration: something else is at that path.
        StorageError: it cannot be made or read.
    """
    with translated(role, path):
        make_directory(path)
    check_private_directory(path, role, warn)


def close_checkout(path: str) -> None:
    """Make a directory of this user private if its mode is one that git makes: it keeps none, so a clone has what the umask leaves.

    A mode in which everyone may write, or a group that is not the user's own, is left as it is: others may have put files there.

    Raises:
        OSError: the mode cannot be changed.
    """
    with suppress(FileNotFoundError):
        status = os.stat(path)
        others_wrote = status.st_mode & stat.S_IWOTH or (status.st_mode & stat.S_IWGRP and status.st_gid != os.getegid())
        if status.st_uid == os.geteuid() and status.st_mode & _OTHERS and not others_wrote:
            os.chmod(path, PRIVATE_DIRECTORY)


def check_private_directory(path: str, role: str, warn: _Warn) -> None:
    """Check an existing directory as `ensure_private_directory` does. Raises the same errors."""
    with translated(role, path, writing=False):
        status = os.stat(path)
        if not stat.S_ISDIR(status.st_mode):
            raise InvalidConfiguration(f"{role} {path} is not a directory", remedy="Name a directory, or move the file away.")
        if not _is_private_directory(status) and _refuse_unless_modeless(path, role, status):
            warn(
                f"{role} {path} is on a file system without POSIX owners and modes: who can read it cannot be checked. "
                "Mount it so that only this user can."
            )


def has_file(path: str, role: str) -> bool:
    """Return True if there is something at `path`, False if nothing is.

    Raises:
        AccessDenied: a directory of the path cannot be entered, so that this cannot be known.
        StorageError: it cannot be examined for another reason.
    """
    with translated(role, path, writing=False), suppress(FileNotFoundError, NotADirectoryError):
        os.stat(path)
        return True
    return False


def make_directory(path: str) -> None:
    """Create the directory `path` and its missing parents, each 0700 and durable. An existing one stays as it is.

    Raises:
        OSError: it cannot be made; NotADirectoryError if something else has that name.
    """
    if os.path.isdir(path):
        return
    parent = os.path.dirname(os.path.abspath(path))
    make_directory(parent)
    try:
        os.mkdir(path, PRIVATE_DIRECTORY)
        fsync_directory(parent)
    except FileExistsError:
        if not os.path.isdir(path):
            os.scandir(path).close()  # The system's own error names what is there.


def _is_private(status: os.stat_result) -> bool:
    return not status.st_mode & _OTHERS and status.st_uid == os.geteuid()


def _is_roots(status: os.stat_result, group_may: int) -> bool:
    """Return True if root owns it, others cannot reach it, and at most a group of this process has access, as far as `group_may` says.

    So a Secret is mounted into a pod for a user other than root: root's, 0440, for the group of `fsGroup`.
    """
    given = status.st_mode & _OTHERS
    is_ours = status.st_gid == os.getegid() or status.st_gid in os.getgroups()
    return status.st_uid == 0 and not given & ~group_may and (is_ours or not given)


def _is_private_directory(status: os.stat_result) -> bool:
    """Return True if it is this user's alone, or a directory of root's for a group of this process. Root itself can correct the mode."""
    return _is_private(status) or (os.geteuid() != 0 and _is_roots(status, stat.S_IRWXG))


def _refuse_unless_modeless(path: str, role: str, status: os.stat_result) -> bool:
    if not _keeps_modes(path):
        return True
    raise _insecure(path, role, status, "700")


def _keeps_modes(directory: str) -> bool:
    """Return False if a new directory gets a wider mode than requested: then the file system keeps no modes."""
    probe = os.path.join(directory, f".nebula-probe-{os.urandom(8).hex()}")
    try:
        os.mkdir(probe, PRIVATE_DIRECTORY)
    except OSError:
        return True
    try:
        return _is_private(os.stat(probe))
    finally:
        os.rmdir(probe)


def check_private_file(path: str, role: str, warn: _Warn = lambda _message: None) -> None:
    """Check a file that holds a secret: only the current user can reach it, or root owns it and at most a group of ours can read it.
    Others cannot replace it in its directory.

    Raises:
        InsecurePermissions: others can reach it, or it belongs to another user.
        StorageError: it cannot be examined.
    """
    check_directory_of(path, role)
    with translated(role, path, writing=False):
        status = os.stat(path)
        if _is_private(status) or _is_roots(status, _READING):
            return
        if _keeps_modes(os.path.dirname(os.path.abspath(path))):
            raise _insecure(path, role, status, "600")
    warn(f"{role} {path} is on a file system without POSIX owners and modes: who can read it cannot be checked.")


def check_directory_of(path: str, role: str) -> None:
    """Check that others cannot put another file at `path`: neither in its directory, nor in the one that a link leads to.

    A directory with the sticky bit (such as /tmp) is accepted: only a file's owner can replace it there. So is one of root's that a group
    can write to, such as a volume of a pod.

    Raises:
        InsecurePermissions: others can write to the directory, or it belongs to another user who is not root.
        StorageError: it cannot be examined.
    """
    place = "the directory of {0}".format(role)
    for directory in sorted({os.path.dirname(os.path.abspath(path)), os.path.dirname(os.path.realpath(path))}):
        with translated(place, directory, writing=False):
            status = os.stat(directory)
        if _is_open_to_others(status) and _keeps_modes(directory):
            state = f"its owner is user id {status.st_uid}, its mode {stat.S_IMODE(status.st_mode):04o}"
            what = f"others can write to {place}, {directory} ({state}), and put another file there"
            raise InsecurePermissions(what, remedy=f"Name a path that is yours alone, or run: chmod go-w {shlex.quote(directory)}")


def _is_open_to_others(status: os.stat_result) -> bool:
    if status.st_uid not in (0, os.geteuid()):
        return True
    others = stat.S_IWOTH if status.st_uid == 0 else stat.S_IWGRP | stat.S_IWOTH
    return bool(status.st_mode & others) and not status.st_mode & stat.S_ISVTX


def check_not_open_to_all(path: str, role: str, warn: _Warn) -> None:
    """Check that not everyone can change the regular file `path`, or replace it in its directory. A group may.

    Raises:
        InsecurePermissions: everyone can.
        StorageError: it cannot be examined.
    """
    with translated(role, path, writing=False):
        real = os.path.realpath(path)
        for place in dict.fromkeys((path, os.path.dirname(os.path.abspath(path)), os.path.dirname(real))):
            mode = os.stat(place).st_mode
            is_sticky = stat.S_ISDIR(mode) and mode & stat.S_ISVTX
            # A mount that is read-only, as of a ConfigMap, may have any mode.
            if mode & stat.S_IWOTH and not is_sticky and os.access(place, os.W_OK):
                _refuse_writable(place, path, role, warn)
                return


def _refuse_writable(place: str, path: str, role: str, warn: _Warn) -> None:
    if _keeps_modes(os.path.dirname(os.path.abspath(path))):
        what = f"everyone can change {role} {path}: the mode of {place} is {stat.S_IMODE(os.stat(place).st_mode):04o}"
        raise InsecurePermissions(what, remedy=f"Run: chmod o-w {shlex.quote(place)}")
    warn(f"{role} {path} is on a file system without POSIX owners and modes: who can change it cannot be checked.")


def _insecure(path: str, role: str, status: os.stat_result, mode: str) -> InsecurePermissions:
    place = f"{role} {path}"
    if status.st_uid != os.geteuid():
        what = f"{place} belongs to user id {status.st_uid}, its mode is {stat.S_IMODE(status.st_mode):04o}, and {os.geteuid()} runs this"
        return InsecurePermissions(what, remedy=_REMEDY_FOR_FILES if mode == "600" else "Name a path of your own, or run as its owner.")
    what = f"others can reach {place} (its mode is {stat.S_IMODE(status.st_mode):04o})"
    return InsecurePermissions(what, remedy=f"Name a path that is yours alone, or run: chmod {mode} {shlex.quote(path)}")
