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


def check_private_directory(path: str, role: str, warn: _Warn) -> None:
    """Check an existing directory as `ensure_private_directory` does. Raises the same errors."""
    with translated(role, path, writing=False):
        status = os.stat(path)
        if not stat.S_ISDIR(status.st_mode):
            raise InvalidConfiguration(f"{role} {path} is not a directory", remedy="Name a directory, or move the file away.")
        if not _is_private(status) and _refuse_unless_modeless(path, role, status):
            warn(
                f"{role} {path} is on a file system without POSIX owners and modes: who can read it cannot be checked. "
                "Mount it so that only this user can."
            )


def make_directory(path: str) -> None:
    """Create the directory `path` and its missing parents, each 0700 and durable. An existing one stays as it is."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(os.path.abspath(path))
    make_directory(parent)
    with suppress(FileExistsError):
        os.mkdir(path, PRIVATE_DIRECTORY)
        fsync_directory(parent)


def _is_private(status: os.stat_result) -> bool:
    return not status.st_mode & _OTHERS and status.st_uid == os.geteuid()


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


def check_private_file(path: str, role: str, warn: _Warn) -> None:
    """Check that only the current user can read or write the file `path`, and that others cannot replace it in its directory.

    Raises:
        InsecurePermissions: others can, or it belongs to another user.
        StorageError: it cannot be examined.
    """
    check_directory_of(path, role)
    with translated(role, path, writing=False):
        status = os.stat(path)
        if _is_private(status):
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


def _insecure(path: str, role: str, status: os.stat_result, mode: str) -> InsecurePermissions:
    place = f"{role} {path}"
    if status.st_uid != os.geteuid():
        what = f"{place} belongs to user id {status.st_uid}, not to {os.geteuid()} who runs this"
        return InsecurePermissions(what, remedy="Run as its owner, or name a path of your own.")
    what = f"others can reach {place} (its mode is {stat.S_IMODE(status.st_mode):04o})"
    return InsecurePermissions(what, remedy=f"Name a path that is yours alone, or run: chmod {mode} {shlex.quote(path)}")
