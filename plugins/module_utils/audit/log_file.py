# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of an audit trail: many processes append lines to the newest one, and the lines make one chain over all of them.

A process that appends holds the lock file next to it, reads the end of the chain from the last line, and continues from there. A
last line without a line break was never acknowledged: its writer died, and the line is cut off. After the lines the mark is written,
which records the end of the chain; so lines that are cut off at the end are detected too.

A file that is full is turned: it is synced, and renamed to its name with the number of its last line. The next line goes into a new
file. A crash before the rename leaves a full file, which the next writer turns; a crash after it leaves no file, and the next writer
continues from the end of the newest turned one.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import Any, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.audit.chain_key import TrailKey
from ansible_collections.nebula.credential.plugins.module_utils.audit.hash_chain import (
    LONGEST_LINE,
    Line,
    Link,
    read_line,
    read_mark,
    write_line,
    write_mark,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import AuditFailed, CredentialError, Damaged
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import fsync_directory, write_all
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home, find_in_home
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import make_directory
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB, open_regular, read_file

LOCK_TIMEOUT = 10.0
TURN_AT = 64 * MIB
"""A file of at least so many bytes is turned before the next line is written."""
_MOST_BYTES_OF_MARK = 4096
NOWHERE = ""
"""The path of a trail that belongs into the home of a user who has none."""


class TurnedFile(NamedTuple):
    """A full file of a trail: the number of its last line, and its path."""

    last: int
    path: str


class TrailPlace(NamedTuple):
    """The path of a trail, and whether it is that of one clone of a store that is kept in git: other clones have trails of their own."""

    path: str
    is_of_clone: bool = False


def find_trail(named: Optional[str], directory: Optional[str], store: str) -> TrailPlace:
    """Return the place of the audit trail: next to the records if the store is a directory, so that both move together; else in the home.

    Of a directory in a working tree of git it is with git's own files: a read must change nothing that is committed. Without a home it is
    `NOWHERE`: a store that needs no home is read all the same, and the trail says that it is not written.

    Args:
        named: the path that the configuration names.
        directory: the store's directory, if it is one.
        store: the store's name.
    """
    if named is not None:
        return TrailPlace(os.path.abspath(expand_home(named, "audit_path")))
    if directory is not None:
        # Imported here: stores on a server do not need it.
        from ansible_collections.nebula.credential.plugins.module_utils.filesystem.identity import find_working_tree

        root = os.path.abspath(expand_home(directory, "audit_path"))
        tree = find_working_tree(root)
        return TrailPlace(os.path.join(tree.find_state(root) if tree else os.path.join(root, ".nebula"), "audit.jsonl"), tree is not None)
    found = find_in_home(os.path.join("~", ".nebula", "audit", re.sub(r"[^A-Za-z0-9_.-]", "_", store) + ".jsonl"))
    return TrailPlace(found or NOWHERE)


def list_turned(path: str) -> List[TurnedFile]:
    """Return the turned files of the trail `path`, oldest first."""
    directory, name = os.path.split(path)
    is_turned = re.compile(re.escape(name) + r"\.([0-9]{20})\Z").match
    try:
        found = [is_turned(each) for each in os.listdir(directory or ".")]
    except OSError:
        return []
    return sorted(TurnedFile(int(each.group(1)), os.path.join(directory, each.string)) for each in found if each is not None)


def checkpoint_path(path: str) -> str:
    """Return the path of the record that the oldest files of the trail `path` were removed."""
    return path + ".checkpoint"


class Journal:
    """The file of a trail, to append to."""

    def __init__(self, path: str, turn_at: Optional[int] = None) -> None:
        """Take the path, or `NOWHERE`, and the bytes at which the file is turned (`TURN_AT`); do not open the file."""
        self.path = path
        self._turn_at = TURN_AT if turn_at is None else turn_at

    def append(self, entries: Iterable[Mapping[str, Any]], durable: bool, seal: TrailKey) -> None:
        """Append entries as one write.

        Args:
            entries: JSON-like, without a value of any credential.
            durable: wait until the entries are on the disk.
            seal: the chain's key, and the path of its mark.

        Raises:
            AuditFailed: the entries could not be written; the message names the path.
        """
        if self.path == NOWHERE:
            remedy = "Set HOME to a directory of this user, or set 'audit_path'."
            raise AuditFailed("the audit trail cannot be written: this user has no home directory", remedy=remedy, option="audit_path")
        try:
            make_directory(os.path.dirname(self.path))
            with self.lock():
                self._append(entries, durable, seal)
        except (OSError, CredentialError) as error:
            # The system's text for an error number is safe to show, and so is our own path.
            why = os.strerror(error.errno or 0) if isinstance(error, OSError) else str(error)
            remedy = "Make {0} writable for this user, or set 'audit_path'.".format(self.path)
            raise AuditFailed("the audit trail cannot be written: {0}".format(why), remedy=remedy, option="audit_path") from None

    def lock(self) -> FileLock:
        """Return the lock that a process holds while it changes the files."""
        return FileLock(self.path + ".lock", LOCK_TIMEOUT, operation="the audit trail")

    def _append(self, entries: Iterable[Mapping[str, Any]], durable: bool, seal: TrailKey) -> None:
        if self._is_full():
            self.turn(seal)
        descriptor = open_regular(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW)
        try:
            link = self._find_end(descriptor, seal)
            lines = []
            for entry in entries:
                line, link = write_line(entry, link, seal.key)
                lines.append(line)
            write_all(descriptor, b"".join(lines))
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _write_mark(link, seal)

    def _is_full(self) -> bool:
        try:
            return os.stat(self.path, follow_symlinks=False).st_size >= self._turn_at
        except FileNotFoundError:
            return False

    def turn(self, seal: TrailKey) -> None:
        """Turn the file. If its directory does not allow that, the file keeps growing, and no entry is lost. The caller has the lock."""
        descriptor = open_regular(self.path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            last = self._find_end(descriptor, seal).sequence
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        turned = "{0}.{1:020d}".format(self.path, last)
        if not os.path.lexists(turned):
            with suppress(OSError):
                os.rename(self.path, turned)
                fsync_directory(os.path.dirname(self.path))

    def _find_end(self, descriptor: int, seal: TrailKey) -> Link:
        """Return the end of the chain. If the file is new, that is the end of the newest turned file, or the mark if it is later."""
        line, whole = _read_last_line(descriptor)
        if whole is not None:
            os.ftruncate(descriptor, whole)
        last = None if line is None else read_line(line)
        if last is not None:
            return last.link
        before = [read_last_line(each.path) for each in list_turned(self.path)[-1:]]
        return max(read_own_mark(seal) or Link(), *(Link() if each is None else each.link for each in before), Link())


def read_last_line(path: str) -> Optional[Line]:
    """Return the last whole line of a file; None if the file cannot be read or has no such line."""
    try:
        descriptor = open_regular(path, os.O_RDONLY | os.O_NOFOLLOW)
    except (OSError, Damaged):
        return None
    try:
        raw, _whole = _read_last_line(descriptor)
    finally:
        os.close(descriptor)
    return None if raw is None else read_line(raw)


def read_own_mark(seal: TrailKey) -> Optional[Link]:
    """Return the end of the chain at the last write with this mark; None if it is not known."""
    try:
        return read_mark(read_file(seal.mark_path, _MOST_BYTES_OF_MARK), seal.key)
    except (OSError, Damaged):
        return None


def _write_mark(link: Link, seal: TrailKey) -> None:
    make_directory(os.path.dirname(seal.mark_path))
    descriptor = open_regular(seal.mark_path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW)
    try:
        os.pwrite(descriptor, write_mark(link, seal.key), 0)
    finally:
        os.close(descriptor)


def _read_last_line(descriptor: int) -> Tuple[Optional[bytes], Optional[int]]:
    """Return the last whole line, and the length to cut the file to if an unfinished line follows; else None for each."""
    size = os.fstat(descriptor).st_size
    start = max(0, size - LONGEST_LINE)
    tail = os.pread(descriptor, LONGEST_LINE, start)
    end = tail.rfind(b"\n")
    cut = start + end + 1 if end + 1 < len(tail) else None
    if end < 0:
        return None, cut
    return tail[tail.rfind(b"\n", 0, end) + 1 : end], cut
