# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists the names in the folders of a KV engine, folder by folder."""

from __future__ import annotations

from typing import Callable, Iterable, Iterator, Sequence, Tuple, TypeVar

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.mount import HIDDEN
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name, note_other
from ansible_collections.nebula.credential.plugins.module_utils.model.record import STAGES

Detail = TypeVar("Detail")


def names(keys: Callable[[str], Iterable[str]], root: str, prefix: str) -> Iterator[str]:
    """Return the names below `root` that begin with `prefix`; `keys` lists a folder, whose folders end with '/'."""
    return (name for name, _each in walk(lambda folder: ((key, None) for key in keys(folder)), root, prefix))


def walk(keys: Callable[[str], Iterable[Tuple[str, Detail]]], root: str, prefix: str) -> Iterator[Tuple[str, Detail]]:
    """As `names`, with the details that `keys` returns for each key. Starts at the folder that holds all matching names.

    Keys that are not credentials' names, and so cannot be read, are skipped, and so is our hidden folder.
    """
    start = prefix[: prefix.rfind("/") + 1]
    folders = [start] if not start or _is_name(start[:-1]) else []
    while folders:
        folder = folders.pop()
        for key, detail in keys(root + folder):
            name = folder + key
            if not name.startswith(prefix) and not (key.endswith("/") and prefix.startswith(name)):
                continue
            if not _is_name(name[:-1] if key.endswith("/") else name):
                if not name.startswith(HIDDEN):
                    note_other(name)
            elif key.endswith("/"):
                folders.append(name)
            else:
                yield name, detail


def find_stages(keys: Callable[[str], Iterable[str]], hidden: str) -> Sequence[str]:
    """Return the stages that have a folder in the folder `hidden`; all of them if this login may not list it.

    A stage has a folder if any credential of the store ever had a value there.
    """
    try:
        folders = set(keys(hidden))
    except AccessDenied:
        return STAGES[1:]
    return [stage for stage in STAGES[1:] if stage + "/" in folders]


def _is_name(name: str) -> bool:
    try:
        check_name(name)
    except InvalidInput:
        return False
    return True
