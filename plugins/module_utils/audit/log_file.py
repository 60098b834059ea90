# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of an audit trail: many processes append lines to it, and the lines make one chain.

A process that appends holds the lock file next to it, reads the end of the chain from the last line, and continues from there. A
last line without a line break was never acknowledged: its writer died, and the line is cut off. After the lines the mark is written,
which records the end of the chain; so lines that are cut off at the end are detected too.
"""

from __future__ import annotations

import os
from typing import Any, Iterable, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.audit.chain_key import TrailKey
from ansible_collections.nebula.credential.plugins.module_utils.audit.hash_chain import (
    LONGEST_LINE,
    Link,
    read_line,
    read_mark,
    write_line,
    write_mark,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import AuditFailed, CredentialError, Damaged
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import make_directory
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import open_regular, read_file

LOCK_TIMEOUT = 10.0
_MOST_BYTES_OF_MARK = 4096
NOWHERE = ""
"""The path of a trail that belongs into the home of a user who has none."""


class Journal:
    """The file of a trail, to append to."""

    def __init__(self, path: str) -> None:
        """Take the path, or `NOWHERE`; do not open the file."""
        self.path = path

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
            with FileLock(self.path + ".lock", LOCK_TIMEOUT, operation="the audit trail"):
                self._append(entries, durable, seal)
        except (OSError, CredentialError) as error:
            # The system's text for an error number is safe to show, and so is our own path.
            why = os.strerror(error.errno or 0) if isinstance(error, OSError) else str(error)
            remedy = "Make {0} writable for this user, or set 'audit_path'.".format(self.path)
            raise AuditFailed("the audit trail cannot be written: {0}".format(why), remedy=remedy, option="audit_path") from None

    def _append(self, entries: Iterable[Mapping[str, Any]], durable: bool, seal: TrailKey) -> None:
        descriptor = open_regular(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW)
        try:
            link = _standing(descriptor, seal)
            lines = []
            for entry in entries:
                line, link = write_line(entry, link, seal.key)
                lines.append(line)
            _write_whole(descriptor, b"".join(lines))
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _write_mark(link, seal)


def read_own_mark(seal: TrailKey) -> Optional[Link]:
    """Return the end of the chain at the last write with this mark; None if it is not known."""
    try:
        return read_mark(read_file(seal.mark_path, _MOST_BYTES_OF_MARK), seal.key)
    except (OSError, Damaged):
        return None


def _standing(descriptor: int, seal: TrailKey) -> Link:
    """Return the end of the chain. If the file is new, or the old one was moved away, the chain continues from the mark."""
    line, whole = _last_line(descriptor)
    if whole is not None:
        os.ftruncate(descriptor, whole)
    last = None if line is None else read_line(line)
    return last.link if last is not None else read_own_mark(seal) or Link()


def _write_mark(link: Link, seal: TrailKey) -> None:
    make_directory(os.path.dirname(seal.mark_path))
    descriptor = open_regular(seal.mark_path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW)
    try:
        os.pwrite(descriptor, write_mark(link, seal.key), 0)
    finally:
        os.close(descriptor)


def _last_line(descriptor: int) -> Tuple[Optional[bytes], Optional[int]]:
    """Return the last whole line, and the length to cut the file to if an unfinished line follows; else None for each."""
    size = os.fstat(descriptor).st_size
    start = max(0, size - LONGEST_LINE)
    tail = os.pread(descriptor, LONGEST_LINE, start)
    end = tail.rfind(b"\n")
    cut = start + end + 1 if end + 1 < len(tail) else None
    if end < 0:
        return None, cut
    return tail[tail.rfind(b"\n", 0, end) + 1 : end], cut


def _write_whole(descriptor: int, content: bytes) -> None:
    written = 0
    while written < len(content):
        written += os.write(descriptor, content[written:])
