# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Indices: they save a filtered `list` from opening files (S0).

An index is only a hint. Each entry repeats the file's inode, size and time of change; an entry that does not
match its file any more is ignored, and a file without an entry is opened. The whole is authenticated with a key of this user that is
not in the store. So a stale, missing, damaged or forged index costs time and hides no record. It is written in one piece and not
synced: after a crash it is rebuilt.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from hmac import compare_digest, digest
from typing import Dict, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import Temporary
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB, read_file

_HEADER = b"nebula-index 2 "
_MOST_BYTES = 64 * MIB
"""The most bytes of an index: about half a million credentials."""
_SETTLED = 2_000_000_000
"""Nanoseconds. A file changed less than this ago is not entered: its next change could fall on the same clock tick."""


class Fingerprint(NamedTuple):
    """Identifies one state of a file. `changed` is the inode's own time, which only the system sets."""

    inode: int
    size: int
    changed: int


def fingerprint(path: str) -> Fingerprint:
    """Return the current fingerprint of the file `path`."""
    status = os.stat(path)
    return Fingerprint(status.st_ino, status.st_size, status.st_ctime_ns)


class Index:
    """One index: file name → (fingerprint, value). A `value` that is not printable text is not entered."""

    def __init__(self, path: str, kind: str, key: bytes) -> None:
        """Take the path of the file, what it indexes, and the key that authenticates it. Reads nothing."""
        self._path = path
        self._kind = kind.encode("ascii")
        self._key = key
        self._entries: Dict[str, Tuple[Fingerprint, str]] = {}
        self._seen: Dict[str, Tuple[Fingerprint, str]] = {}
        self._changed = False

    def load(self) -> None:
        """Read the index. A missing, damaged or forged one is empty."""
        try:
            self._entries = _parse(self._authenticate(read_file(self._path, _MOST_BYTES)))
        except (OSError, ValueError, Damaged):
            self._entries = {}
            self._changed = True

    def value(self, file: str, now: Fingerprint) -> Optional[str]:
        """Return the indexed value of `file` in its present state, or None."""
        entry = self._entries.get(file)
        if entry is None or entry[0] != now:
            return None
        self._seen[file] = entry
        return entry[1]

    def enter(self, file: str, now: Fingerprint, value: str) -> None:
        """Enter the value read from `file`, which was in the state `now` before and after."""
        if value.isprintable() and time.time_ns() - now.changed > _SETTLED:
            self._seen[file] = (now, value)
            self._changed = True

    def save(self) -> None:
        """Write the entries of this pass if any changed. Does nothing if the store cannot be written."""
        if not self._changed and len(self._seen) == len(self._entries):
            return
        with suppress(OSError, Damaged), Temporary(os.path.dirname(self._path)) as temporary:
            body = _write(self._seen)
            temporary.write(self._head(body) + b"\n" + body)
            temporary.become(self._path, synced=False)

    def _head(self, body: bytes) -> bytes:
        """Return the first line. The kind is authenticated too, so that no index can be put in the place of another."""
        return _HEADER + digest(self._key, self._kind + b"\n" + body, "sha256").hex().encode("ascii")

    def _authenticate(self, data: bytes) -> bytes:
        head, _each, body = data.partition(b"\n")
        if not compare_digest(head, self._head(body)):
            raise ValueError("damaged or forged")
        return body


def _write(entries: Dict[str, Tuple[Fingerprint, str]]) -> bytes:
    lines = ("{0}\t{1}\t{2}\t{3}\t{4}\n".format(file, *mark, value) for file, (mark, value) in entries.items())
    return "".join(lines).encode("utf-8")


def _parse(body: bytes) -> Dict[str, Tuple[Fingerprint, str]]:
    entries = {}
    for line in body.decode("utf-8").split("\n")[:-1]:
        file, inode, size, changed, value = line.split("\t")
        entries[file] = (Fingerprint(int(inode), int(size), int(changed)), value)
    return entries
