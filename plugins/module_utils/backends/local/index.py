# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Indices: they save a filtered `list` from opening files (S0).

An index is only a hint. Each entry repeats the file's inode, size and time of change; an entry that does not
match its file any more is ignored, and a file without an entry is opened. So a stale, missing or damaged index
costs time and hides no record. It is written in one piece and not synced: after a crash it is rebuilt.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from hashlib import sha256
from typing import Dict, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import Temporary, read_whole

_HEADER = b"nebula-index 1 "
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

    def __init__(self, path: str) -> None:
        """Take the path of the file. Reads nothing."""
        self._path = path
        self._entries: Dict[str, Tuple[Fingerprint, str]] = {}
        self._seen: Dict[str, Tuple[Fingerprint, str]] = {}
        self._changed = False

    def load(self) -> None:
        """Read the index. A missing or damaged one is empty."""
        try:
            self._entries = _parse(read_whole(self._path))
        except (OSError, ValueError):
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
        with suppress(OSError), Temporary(os.path.dirname(self._path)) as temporary:
            temporary.write(_write(self._seen))
            temporary.become(self._path, synced=False)


def _write(entries: Dict[str, Tuple[Fingerprint, str]]) -> bytes:
    lines = ("{0}\t{1}\t{2}\t{3}\t{4}\n".format(file, *mark, value) for file, (mark, value) in entries.items())
    body = "".join(lines).encode("utf-8")
    return _HEADER + sha256(body).hexdigest().encode("ascii") + b"\n" + body


def _parse(data: bytes) -> Dict[str, Tuple[Fingerprint, str]]:
    head, _each, body = data.partition(b"\n")
    if head != _HEADER + sha256(body).hexdigest().encode("ascii"):
        raise ValueError("damaged")
    entries = {}
    for line in body.decode("utf-8").split("\n")[:-1]:
        file, inode, size, changed, value = line.split("\t")
        entries[file] = (Fingerprint(int(inode), int(size), int(changed)), value)
    return entries
