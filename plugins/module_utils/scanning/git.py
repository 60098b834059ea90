# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a repository of git holds, by the program `git`: every object of its history, or what is staged. Nothing is checked out."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import IO, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, cast

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, MissingLibrary, StorageError
from ansible_collections.nebula.credential.plugins.module_utils.scanning.content import Read

BLOB, TREE = "blob", "tree"
SUBMODULE = "160000"
_NAMED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE")
"""Variables by which git names the repository of a hook. A scan finds the one that a path is in by itself."""
_SETTINGS = {
    "GIT_ALLOW_PROTOCOL": "none",  # a git before 2.39.4 does not know the next one, and would start what a partial clone names
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_AT_ONCE = 500


class GitObject(NamedTuple):
    """An object of git: its id, and its path, or the first one that it has in the history; empty for a commit."""

    id: str
    path: str


class Repository:
    """A repository, found from a directory in it."""

    def __init__(self, directory: str) -> None:
        """Take a directory of it.

        Raises:
            MissingLibrary: the program git is not installed.
            InvalidInput: no repository has the directory, or git refuses it.
        """
        if shutil.which("git") is None:
            raise MissingLibrary("the program git is not installed", remedy="Install git, or scan without 'git' and 'staged'.")
        self.directory = directory
        self.is_shallow = self._read("rev-parse", "--is-shallow-repository").strip() == b"true"

    def find_objects(self) -> str:
        """Return the directory of its objects; of a working tree besides the first one it is that of the first."""
        return os.path.join(self.directory, os.fsdecode(self._read("rev-parse", "--git-path", "objects").rstrip(b"\n")))

    def list_history(self) -> Iterator[GitObject]:
        """Yield every object that a branch, a tag, a stash, the reflog or the index reaches.

        Raises:
            StorageError: git fails.
        """
        argv = self._build_argv("rev-list", "--objects", "--all", "--reflog", "--indexed-objects", "--missing=allow-any")
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_build_environment()) as process:
            try:
                for line in _stdout_of(process):
                    object_id, _blank, path = line.rstrip(b"\n").partition(b" ")
                    yield GitObject(object_id.decode("ascii"), os.fsdecode(path))
            except GeneratorExit:
                process.kill()
                raise
        if process.returncode:
            raise _build_error(argv, process.returncode, self.directory)

    def list_staged(self, paths: Sequence[str]) -> Iterator[Tuple[str, GitObject]]:
        """Yield the mode of each file that the index has at one of these paths or below it, and its object."""
        for first in range(0, len(paths), _AT_ONCE):
            rows = self._read("ls-files", "--stage", "--full-name", "-z", "--", *paths[first : first + _AT_ONCE])
            for row in filter(None, rows.split(b"\0")):
                known, _tab, path = row.partition(b"\t")
                mode, object_id, _stage = known.decode("ascii").split(" ")
                yield mode, GitObject(object_id, os.fsdecode(path))

    @contextmanager
    def reading(self) -> Iterator[ObjectReader]:
        """Read objects in the `with` block, by one process for all of them."""
        argv = self._build_argv("cat-file", "--batch")
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_build_environment())
        with process:
            try:
                yield ObjectReader(process, self.directory)
            finally:
                process.kill()

    def _build_argv(self, *arguments: str) -> List[str]:
        # A repository's own configuration names no program that these commands start; with fsmonitor it could.
        return ["git", "--literal-pathspecs", "-c", "core.fsmonitor=false", "-C", self.directory, *arguments]

    def _read(self, *arguments: str) -> bytes:
        argv = self._build_argv(*arguments)
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_build_environment(), check=False
        )
        if done.returncode:
            raise _build_error(argv, done.returncode, self.directory)
        return done.stdout


class ObjectReader:
    """Reads one object after the other."""

    def __init__(self, process: subprocess.Popen[bytes], directory: str) -> None:
        """Take `git cat-file --batch`."""
        self._process = process
        self._directory = directory
        self._left = 0
        self._is_open = False

    def open(self, object_id: str) -> Optional[Tuple[str, Read]]:
        """Return the kind of an object, and what reads it until the next call; None if the repository does not have it.

        Raises:
            StorageError: git has ended.
        """
        self._drain()
        try:
            request = _stdin_of(self._process)
            request.write(object_id.encode("ascii") + b"\n")
            request.flush()
        except BrokenPipeError:
            pass  # there is no line then
        header = _stdout_of(self._process).readline().split()
        if len(header) == 2 and header[1] in (b"missing", b"ambiguous", b"submodule"):
            return None
        if len(header) != 3:
            raise _build_error(["git", "cat-file"], self._process.poll() or 0, self._directory)
        self._left, self._is_open = int(header[2]), True
        return header[1].decode("ascii"), self._read

    def _read(self, size: int) -> bytes:
        chunk = _stdout_of(self._process).read(min(size, self._left))
        if len(chunk) < min(size, self._left):
            raise _build_error(["git", "cat-file"], self._process.poll() or 0, self._directory)
        self._left -= len(chunk)
        return chunk

    def _drain(self) -> None:
        while self._left:
            self._read(1 << 16)
        if self._is_open:
            _stdout_of(self._process).read(1)
            self._is_open = False


def find_directory(path: str) -> str:
    """Return the nearest directory above a path, or the path itself, that is there: what is staged may be deleted."""
    while not os.path.isdir(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path


def _build_environment() -> Dict[str, str]:
    known = {name: value for name, value in os.environ.items() if name not in _NAMED}
    if known.get("GIT_INDEX_FILE"):
        known["GIT_INDEX_FILE"] = os.path.abspath(known["GIT_INDEX_FILE"])  # that of a hook, which git starts in the working tree
    return {**known, **_SETTINGS}


def _stdout_of(process: subprocess.Popen[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", process.stdout)  # it was started with a pipe


def _stdin_of(process: subprocess.Popen[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", process.stdin)


def _build_error(argv: Sequence[str], status: int, directory: str) -> Exception:
    command = next((each for each in argv if each in ("rev-list", "rev-parse", "ls-files")), "cat-file")
    if command == "rev-parse":
        remedy = "Name a directory of a repository. If it is one of another user, allow it with git's 'safe.directory'."
        return InvalidInput("git finds no repository that it may read in {0}".format(ascii(directory)), option="paths", remedy=remedy)
    remedy = "Run 'git fsck' in {0}.".format(ascii(directory))
    return StorageError("'git {0}' ended with status {1}".format(command, status), remedy=remedy)
