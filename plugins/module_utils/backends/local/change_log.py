# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The changes of a directory since an index of it was made, so that the index need not be changed by each write (`local.index`).

An entry is a line: the file, and the directory's state before and after its change. The first two are written before the change, so a
writer that is killed leaves an entry without an end. Entries that follow each other without a gap, from the state that the index
has seen to the present one, are all that has happened. Otherwise the directory is compared file by file.

The log is only a hint: a write never fails because of it. It exists where an index exists.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import Callable, Iterator, List, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import write_all
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import release_lock, wait_for_lock
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB, open_regular

_MOST_BYTES = MIB
"""A longer log is emptied by the next writer: then a comparison of the directory costs less."""
_LONGEST_WAIT = 5.0
"""Seconds. Others hold the lock for one change of the directory. Who holds it longer has been stopped."""
_MARK = ">"
"""The beginning of an entry. No file of a credential has it in its name, so an entry without an end is not joined with the next one."""


class Changes(NamedTuple):
    """What a log says: the directory's state now, the changed files, the end of the log, and whether all writers use it already.

    `files` is None if the entries do not lead from the known state to the present one.
    """

    state: str
    files: Optional[List[str]]
    end: int
    was_in_use: bool


class ChangeLog:
    """The log of one directory, kept by this user for this user's index of it."""

    def __init__(self, folder: str, extension: str, find_directory: Callable[[], Optional[str]]) -> None:
        """Take the directory, the extension of its files, and a function that returns the directory of the indices. Opens nothing."""
        self._folder = folder
        self._extension = extension
        self._find_directory = find_directory
        self._index: Optional[str] = None

    def find_index(self) -> Optional[str]:
        """Return the path of the index that the log belongs to; None if this user has no place for one."""
        if self._index is None:
            directory = self._find_directory()
            if directory is not None:
                identity = os.path.realpath(self._folder) + self._extension
                self._index = os.path.join(directory, sha256(os.fsencode(identity)).hexdigest()[:32])
        return self._index

    def _find_path(self) -> Optional[str]:
        index = self.find_index()
        return None if index is None else index + ".log"

    @contextmanager
    def recording(self, file: str) -> Iterator[None]:
        """Record the change of `file` that the `with` block makes."""
        descriptor = self._open_to_record(file)
        try:
            yield
            if descriptor is not None:
                with suppress(OSError):
                    write_all(descriptor, "\t{0}\n".format(self._read_state()).encode("ascii"))
        finally:
            if descriptor is not None:
                release_lock(descriptor)

    def _open_to_record(self, file: str) -> Optional[int]:
        """Return the locked log with the beginning of an entry, or None if there is no log."""
        path = self._find_path()
        if path is None:
            return None
        try:
            descriptor = open_regular(path, os.O_RDWR | os.O_APPEND)
        except (OSError, Damaged):
            return None
        if _lock(descriptor) and self._begin(descriptor, file):
            return descriptor
        os.close(descriptor)
        with suppress(OSError):  # an entry is missing from now on, which the missing log says
            os.unlink(path)
        return None

    def _begin(self, descriptor: int, file: str) -> bool:
        with suppress(OSError):
            if os.fstat(descriptor).st_size > _MOST_BYTES:
                os.ftruncate(descriptor, 0)
            write_all(descriptor, "{0}{1}\t{2}".format(_MARK, file, self._read_state()).encode("utf-8"))
            return True
        return False

    def read(self, known: str, begin: int) -> Optional[Changes]:
        """Return what has changed since the state `known`, when the log ended at `begin`. Create the log if it is missing.

        Returns:
            None if the log cannot be used.
        """
        path = self._find_path()
        if path is None:
            return None
        was_in_use = os.path.exists(path)
        try:
            descriptor = open_regular(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        except (OSError, Damaged):
            return None
        try:
            if not _lock(descriptor):
                return None
            state, end = self._read_state(), os.fstat(descriptor).st_size
            is_readable = begin <= end <= 2 * _MOST_BYTES
            files = _follow(os.pread(descriptor, end - begin, begin), known, state) if is_readable else None
            return Changes(state, files, end, was_in_use)
        finally:
            release_lock(descriptor)

    def _read_state(self) -> str:
        status = os.stat(self._folder)
        return "{0}:{1}:{2}:{3}".format(status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)


def _lock(descriptor: int) -> bool:
    """Lock the log, and return False if that is not possible."""
    with suppress(OSError):
        return wait_for_lock(descriptor, _LONGEST_WAIT)
    return False


def _follow(entries: bytes, known: str, state: str) -> Optional[List[str]]:
    """Return the files of the entries, or None if they do not lead from `known` to `state`."""
    files = []
    for line in entries.decode("utf-8", "replace").split("\n")[:-1]:
        file, _tab, states = line.partition("\t")
        before, _tab, after = states.partition("\t")
        if before != known or not after or "\t" in after or file.rfind(_MARK) != 0:
            return None
        files.append(file[1:])
        known = after
    is_whole = entries.endswith(b"\n") or not entries
    return files if is_whole and known == state else None
