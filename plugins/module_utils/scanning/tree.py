# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a tree: regular ones only, and each only once if no link leads to it twice."""

from __future__ import annotations

import os
import stat
from fnmatch import fnmatchcase
from typing import FrozenSet, Iterator, List, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.filesystem.identity import describe_file
from ansible_collections.nebula.credential.plugins.module_utils.scanning.report import Report
from ansible_collections.nebula.credential.plugins.module_utils.scanning.scan import describe_os_error

NO_FILE = "it is a FIFO, a socket or a device"
GIT_OBJECTS = "git keeps these compressed: name the directory of their repository, with 'git: true' (by hand '--git')"
OWN_STORE = "it is the store that is scanned for"
KERNEL = "it is a file system of the kernel: name what to search in it"
_OF_THE_KERNEL = ("/proc", "/sys", "/dev")


class Exclusion:
    """Patterns of what is not searched, as a shell has them; `*` matches `/` too."""

    def __init__(self, patterns: Sequence[str]) -> None:
        """Take the patterns. One with `/` is compared with the path below what is searched, another one with each name in it."""
        self._patterns = [pattern.strip("/") for pattern in patterns]

    def matches(self, path: str) -> bool:
        """Return True if a path, relative to what is searched, or a directory in it is excluded."""
        names = path.split("/")
        parents = ["/".join(names[: count + 1]) for count in range(len(names))]
        return any(fnmatchcase(each, pattern) for pattern in self._patterns for each in (parents if "/" in pattern else names))


class Tree:
    """The files below a directory, or one file."""

    def __init__(
        self, root: str, exclusion: Exclusion, own: FrozenSet[str], report: Report, histories: FrozenSet[str] = frozenset()
    ) -> None:
        """Take where to search.

        Args:
            root: a directory or a file. If it is a link, it is followed; none below it is.
            exclusion: what is left out.
            own: the files and directories of the store itself, as `filesystem.identity.describe_file` describes them.
            report: gets what is skipped.
            histories: the directories of git's objects that are searched otherwise, described as `own` is.
        """
        self._histories = histories
        self._root = root
        self._exclusion = exclusion
        self._own = own
        self._report = report

    def list_files(self) -> Iterator[str]:
        """Yield the paths of the files, those of a directory in the order of their names."""
        try:
            status = os.stat(self._root)
        except OSError as error:
            self._report.skip(self._root, describe_os_error(error))
            return
        if not stat.S_ISDIR(status.st_mode):
            yield from self._check(self._root, status)
            return
        directories = [self._root] if self._is_wanted(self._root, status) else []
        while directories:
            below: List[str] = []
            yield from self._list_directory(directories.pop(), below)
            directories += reversed(below)

    def _list_directory(self, directory: str, below: List[str]) -> Iterator[str]:
        try:
            with os.scandir(directory) as scanned:
                entries = sorted(scanned, key=lambda entry: entry.name)
        except OSError as error:
            self._report.skip(directory, describe_os_error(error))
            return
        is_repository = {"HEAD", "refs", "objects"} <= {entry.name for entry in entries}
        for entry in entries:
            if self._exclusion.matches(os.path.relpath(entry.path, self._root)):
                self._report.scanned["excluded"] += 1
            elif entry.is_symlink():
                self._report.scanned["links"] += 1
            elif is_repository and entry.name == "objects":
                if describe_file(entry.path) not in self._histories:
                    self._report.skip(entry.path, GIT_OBJECTS)
            else:
                yield from self._look_at(entry, below)

    def _look_at(self, entry: os.DirEntry[str], below: List[str]) -> Iterator[str]:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError as error:
            self._report.skip(entry.path, describe_os_error(error))
            return
        if not stat.S_ISDIR(status.st_mode):
            yield from self._check(entry.path, status)
        elif entry.path in _OF_THE_KERNEL:
            self._report.skip(entry.path, KERNEL)
        elif self._is_wanted(entry.path, status):
            below.append(entry.path)

    def _check(self, path: str, status: os.stat_result) -> Iterator[str]:
        if not stat.S_ISREG(status.st_mode):
            self._report.skip(path, NO_FILE)
        elif self._is_wanted(path, status):
            yield path

    def _is_wanted(self, path: str, status: os.stat_result) -> bool:
        if "{0}:{1}".format(status.st_dev, status.st_ino) not in self._own:
            return True
        self._report.skip(path, OWN_STORE)
        return False
