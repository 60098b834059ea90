# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a path stands for: whether two paths lead to one file, and the working tree of git that a path is in."""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from typing import NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import KIB, read_file


def describe_file(path: str) -> str:
    """Return a text that is equal for all paths of one file or directory, through links of any kind and bind mounts."""
    try:
        status = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return "{0}:{1}".format(status.st_dev, status.st_ino)


class WorkingTree(NamedTuple):
    """A working tree of git: its directory, and the directory of git's own that belongs to this tree alone and is never committed."""

    root: str
    own: str

    def find_state(self, path: str) -> str:
        """Return the directory for what belongs to a directory of the tree, and to this clone only."""
        inside = os.path.relpath(os.path.realpath(path), self.root)
        return os.path.join(self.own, "nebula", sha256(os.fsencode(inside)).hexdigest()[:16])


def find_working_tree(path: str) -> Optional[WorkingTree]:
    """Return the working tree that a path is in; None if it is in none, or in one in which this user cannot write, or others can.

    Others could take locks and trails away from a directory of git that is theirs: above a path in /tmp, anyone can make one.
    """
    place = os.path.realpath(path)
    while True:
        own = _find_own(place)
        if own is not None:
            return WorkingTree(place, own) if os.access(own, os.W_OK | os.X_OK) and _is_of_this_user(own) else None
        parent = os.path.dirname(place)
        if parent == place:
            return None
        place = parent


def _find_own(place: str) -> Optional[str]:
    """Return the directory of git's own of the working tree `place`; None if it is no working tree.

    It is `.git`, or for a linked working tree and a submodule what the file `.git` names (gitrepository-layout(5)).
    """
    entry = os.path.join(place, ".git")
    try:
        if os.path.isfile(entry):
            named = read_file(entry, 4 * KIB).decode("utf-8")
            entry = os.path.join(place, named[len("gitdir:") :].strip()) if named.startswith("gitdir:") else ""
    except (OSError, Damaged, UnicodeDecodeError):
        return None
    return entry if os.path.isfile(os.path.join(entry, "HEAD")) else None


def _is_of_this_user(directory: str) -> bool:
    """Return True if a directory belongs to this user, and at most a group of the user's own may write there."""
    status = os.stat(directory)
    others_write = status.st_mode & stat.S_IWOTH or (status.st_mode & stat.S_IWGRP and status.st_gid != os.getegid())
    return status.st_uid == os.geteuid() and not others_write
