# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a run uses the collection, as far as its command line and the files that ansible-core has read for it say so.

This file imports nothing of the collection: a run that does not use it should not load it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from ansible import context

NAME = "nebula.credential"
MOST_BYTES = 4 * 1024 * 1024
"""Bytes of a file that are searched."""
MOST_FILES = 1000
"""Files of an inventory directory that are searched."""


class Mentions:
    """Looks for the name of the collection in each file of a run, once."""

    def __init__(self, loader: Any) -> None:
        """Take the run's DataLoader. It keeps the names of the playbooks, roles and variable files that it has read."""
        self._loader = loader
        self._known = 0
        self._searched: set[str] = set()

    def are_on_command_line(self) -> bool:
        """Return True if an argument names the collection, or a file of an inventory that it gives does."""
        inventories = [source for source in context.CLIARGS.get("inventory") or () if isinstance(source, str)]
        files = [path for source in inventories for path in _list_files(source)]
        return any(NAME in text for text in _list_texts(context.CLIARGS.values())) or self._are_in(files)

    def are_in_files(self, *names: Any) -> bool:
        """Return True if a file that was read since the last call names the collection, or one of the files `names` does.

        Args:
            names: paths relative to the playbook, or lists of such paths, as in `vars_files`.
        """
        loaded = getattr(self._loader, "_FILE_CACHE", None)
        if loaded is None:
            return True  # a version of ansible-core that keeps the names elsewhere: it is not known, so it may be used
        named = [self._loader.path_dwim(name) for name in _list_texts(names)]
        if len(loaded) == self._known and not named:
            return False
        self._known = len(loaded)
        return self._are_in([*loaded, *named])

    def _are_in(self, paths: Iterable[str]) -> bool:
        new = [path for path in dict.fromkeys(paths) if path not in self._searched]
        self._searched.update(new)
        return any(NAME.encode("ascii") in _read(path) for path in new)


def _list_texts(value: Any) -> Iterator[str]:
    """Yield the texts in a value, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Iterable) and not isinstance(value, bytes):
        for part in value:
            yield from _list_texts(part)


def _list_files(source: str) -> list[str]:
    """Return the files of an inventory: the one that it is, or those in the directory that it is."""
    try:
        return [os.path.join(source, name) for name in sorted(os.listdir(source))[:MOST_FILES]]
    except OSError:
        return [source]


def _read(path: str) -> bytes:
    """Return the beginning of a file; no bytes if it cannot be read, or is a pipe or the like."""
    try:
        if os.path.isfile(path):
            with open(path, "rb") as file:
                return file.read(MOST_BYTES)
    except OSError:
        pass
    return b""
