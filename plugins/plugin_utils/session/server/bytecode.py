# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session's own bytecode: compiling the collection is more than half of a session's start.

Python keeps bytecode next to the source, where ansible-core keeps none and a run may not write. So the collection's bytecode is in this
user's cache, in the form and with the checks of importlib. All other bytecode is where Python keeps it.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader


def keep_bytecode(collection: str) -> None:
    """Make imports from the collection's directory use the cache, if this user has one that no other user can write to."""
    cache = _cache(collection)
    if cache is not None:
        sys.path_hooks.insert(0, _hook(collection, cache))
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


def _hook(collection: str, cache: str) -> Callable[[str], FileFinder]:
    class Loader(SourceFileLoader):
        """Reads and writes bytecode in the cache."""

        def get_data(self, path: str) -> bytes:
            """Read a file of source or bytecode."""
            return super().get_data(_move(path, collection, cache))

        def set_data(self, path: str, data: bytes, **_mode: int) -> None:  # type: ignore[override]  # importlib does not name them
            """Write a file of bytecode, whole or not at all."""
            super().set_data(_move(path, collection, cache), data)

    def finder(path: str) -> FileFinder:
        if path != collection and not path.startswith(collection + "/"):
            raise ImportError
        return FileFinder(path, (Loader, SOURCE_SUFFIXES))

    return finder


def _move(path: str, collection: str, cache: str) -> str:
    return cache + path[len(collection) :] if path.endswith(".pyc") and path.startswith(collection) else path
