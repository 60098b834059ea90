# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session's own bytecode: compiling the collection is more than half of a session's start.

Python keeps bytecode next to the source, where ansible-core keeps none and a run may not write. So the collection's bytecode is in this
user's cache, in the form and with the checks of importlib. All other bytecode is where Python keeps it.

An image can bring bytecode along next to the source (`compileall --invalidation-mode checked-hash`). It is used if the cache has none.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader

CHECKED_HASH = (0b11).to_bytes(4, "little")
"""The flags of bytecode that names a hash of its source, which importlib compares (PEP 552). Times are alike in an image, so that
bytecode of another version could pass for this one's."""


def keep_bytecode(collection: str) -> None:
    """Make imports from the collection's directory use the cache, if this user has one that no other user can write to.

    What is not in it is taken from next to the source, and never written there.
    """
    sys.path_hooks.insert(0, _hook(collection, _cache(collection)))
    sys.path_importer_cache.clear()


def _cache(collection: str) -> str | None:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    ours = os.path.join(base, "nebula.credential")
    if not os.path.isabs(base):
        return None  # XDG Base Directory Specification: such a path is invalid
    try:
        if not sys.dont_write_bytecode:
            os.makedirs(ours, 0o700, exist_ok=True)
        found = os.stat(ours, follow_symlinks=False)
    except OSError:
        return None
    is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
    return os.path.join(ours, "bytecode-" + _state(collection)) if is_own else None


def _state(collection: str) -> str:
    """Return what identifies this collection: importlib compares times and sizes, and those may be all alike in an image."""
    try:
        with open(os.path.join(collection, "FILES.json"), "rb") as file:
            listed = file.read()
    except OSError:
        listed = b""  # a checkout: its files have times of their own
    return sha256(collection.encode("utf-8", "surrogateescape") + b"\0" + listed).hexdigest()[:16]


def _hook(collection: str, cache: str | None) -> Callable[[str], FileFinder]:
    class Loader(SourceFileLoader):
        """Reads and writes bytecode in the cache, and reads what is next to the source."""

        def get_data(self, path: str) -> bytes:
            """Read a file of source or bytecode."""
            if not path.endswith(".pyc"):
                return super().get_data(path)
            if cache is not None:
                with suppress(OSError):
                    return super().get_data(_move(path, collection, cache))
            _check_shipped(path)
            data = super().get_data(path)
            if data[4:8] != CHECKED_HASH:
                raise OSError(errno.ESTALE, "it is not compared with the source", path)
            return data

        def set_data(self, path: str, data: bytes, **_mode: int) -> None:  # type: ignore[override]  # importlib does not name them
            """Write a file of bytecode, whole or not at all."""
            if cache is not None:
                super().set_data(_move(path, collection, cache), data)

    def finder(path: str) -> FileFinder:
        if path != collection and not path.startswith(collection + "/"):
            raise ImportError
        return FileFinder(path, (Loader, SOURCE_SUFFIXES))

    return finder


def _move(path: str, collection: str, cache: str) -> str:
    return cache + path[len(collection) :]


def _check_shipped(path: str) -> None:
    """Check that no user can write this bytecode who cannot write its source.

    Raises:
        OSError: another user can, or there is no such file.
    """
    directory = os.path.dirname(path)
    source = os.stat(os.path.dirname(directory))
    for found in (os.stat(directory), os.stat(path)):
        more = found.st_mode & 0o022 & ~source.st_mode or (found.st_mode & 0o020 and found.st_gid != source.st_gid)
        if more or found.st_uid not in (0, os.geteuid(), source.st_uid):
            raise PermissionError(errno.EPERM, "other users can write it", path)
