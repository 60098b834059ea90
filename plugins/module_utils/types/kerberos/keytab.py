# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keytabs: files of the keys of principals, each with its version (MIT krb5, "The Keytab Binary File Format", version 0502)."""

from __future__ import annotations

import struct
from typing import List, NamedTuple, Optional, Sequence, Tuple

HEADER = b"\x05\x02"
LARGEST = 256 * 1024
_TIME, _HEAD = 4, 13
"""Behind the names: where the time is, and how long all is in front of the key."""


class Entry(NamedTuple):
    """A key of a principal.

    Attributes:
        principal: `service/host@REALM`.
        version: the number of the key.
        encryption: the number of its kind of encryption.
        content: the whole entry as it is in the file, without its length.
        names_end: how many bytes of it are the principal's names.
    """

    principal: str
    version: int
    encryption: int
    content: bytes
    names_end: int

    @property
    def key(self) -> bytes:
        """The key itself."""
        (size,) = struct.unpack_from(">H", self.content, self.names_end + _HEAD - 2)
        return self.content[self.names_end + _HEAD : self.names_end + _HEAD + size]

    def with_key(self, key: bytes) -> Entry:
        """Return the entry with another key of the same length."""
        start = self.names_end + _HEAD
        return self._replace(content=self.content[:start] + key + self.content[start + len(key) :])

    def with_time(self, made: int) -> Entry:
        """Return the entry with the time at which its key was made (seconds since 1970)."""
        start = self.names_end + _TIME
        return self._replace(content=self.content[:start] + struct.pack(">I", made) + self.content[start + 4 :])


def read_keytab(content: bytes) -> Optional[List[Entry]]:
    """Return the entries of a keytab in order, without those that were deleted; None if it is none."""
    if not content.startswith(HEADER) or len(content) > LARGEST:
        return None
    entries, position = [], len(HEADER)
    try:
        while position < len(content):
            (length,) = struct.unpack_from(">i", content, position)
            position += 4
            if length > 0:
                entries.append(_read_entry(content[position : position + length], length))
            elif length == 0:
                break
            position += abs(length)
    except (struct.error, UnicodeDecodeError, ValueError):
        return None
    return entries


def write_keytab(entries: Sequence[Entry]) -> bytes:
    """Return a keytab with these entries."""
    return HEADER + b"".join(struct.pack(">i", len(entry.content)) + entry.content for entry in entries)


def list_versions(entries: Sequence[Entry], principal: str) -> Tuple[int, ...]:
    """Return the versions of a principal's keys, the newest first."""
    return tuple(sorted({entry.version for entry in entries if entry.principal == principal}, reverse=True))


def _read_entry(content: bytes, length: int) -> Entry:
    if len(content) != length:
        raise ValueError
    (count,) = struct.unpack_from(">H", content, 0)
    realm, position = _read_text(content, 2)
    names = []
    for _each in range(count):
        name, position = _read_text(content, position)
        names.append(name)
    _kind, _time, version, encryption, size = struct.unpack_from(">IIBHH", content, position)
    names_end, position = position, position + _HEAD + size
    if position > length:
        raise ValueError
    if length - position >= 4:
        # A version above 255 does not fit into the one byte that older programs read.
        version = struct.unpack_from(">I", content, position)[0] or version
    return Entry("{0}@{1}".format("/".join(names), realm), version, encryption, content, names_end)


def _read_text(content: bytes, position: int) -> Tuple[str, int]:
    (size,) = struct.unpack_from(">H", content, position)
    text = content[position + 2 : position + 2 + size]
    if len(text) != size:
        raise ValueError
    return text.decode("utf-8"), position + 2 + size
