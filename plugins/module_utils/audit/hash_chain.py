# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chain of the audit trail: each line holds the keyed hash of itself and of the one before (E5).

A line is a JSON object whose last member is `chain`. The hash is over the bytes of the line as they stand, so nothing is
serialised again to check it: HMAC-SHA256(key, previous chain || LF || the line up to `chain`) (RFC 2104), or SHA-256 of the
same where the store has no key. The keyed chain can only be continued by whoever holds the key; the other one only shows accidents
and careless edits.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Any, Dict, Mapping, NamedTuple, Optional

START = b"0" * 64
"""What stands for the chain before the first line."""

_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True)
_LINE = re.compile(rb'(\{.*),"chain":"([0-9a-f]{64})"\}\Z', re.DOTALL)
_MARK = re.compile(rb"([0-9]{20}) ([0-9a-f]{64}) ([0-9a-f]{64})\n\Z")


class Link(NamedTuple):
    """Where a chain stands: the number of its last line (0 before the first) and that line's hash."""

    sequence: int = 0
    chain: bytes = START


class ChainKey:
    """The key of a chain, or None for one without."""

    def __init__(self, key: Optional[bytes]) -> None:
        """Take the key (32 bytes from the store's key ring, label `nebula/1/audit`)."""
        self._key = key
        self.id = None if key is None else hmac.new(key, b"id", hashlib.sha256).hexdigest()[:16]

    def hash(self, *parts: bytes) -> bytes:
        """The hash of the parts, in hexadecimal. The parts before the last are of fixed length."""
        content = b"\n".join(parts)
        if self._key is None:
            return hashlib.sha256(content).hexdigest().encode("ascii")
        return hmac.digest(self._key, content, "sha256").hex().encode("ascii")


def write_line(entry: Mapping[str, Any], last: Link, key: ChainKey) -> tuple[bytes, Link]:
    """Write the line that follows `last`, and where the chain stands after it."""
    numbered: Dict[str, Any] = {"sequence": last.sequence + 1}
    if key.id is not None:
        numbered["key"] = key.id
    # ASCII only: a line break within a value is escaped, so an entry is one line whatever it holds.
    body = _ENCODER.encode(dict(numbered, **entry)).encode("ascii")[:-1]
    link = Link(last.sequence + 1, key.hash(last.chain, body))
    return body + b',"chain":"' + link.chain + b'"}\n', link


class Line(NamedTuple):
    """A line taken apart."""

    body: bytes
    chain: bytes
    entry: Dict[str, Any]

    @property
    def link(self) -> Link:
        """Where the chain stands after this line, as the line says."""
        return Link(int(self.entry["sequence"]), self.chain)


def read_line(line: bytes) -> Optional[Line]:
    """Take a line apart (without its line break); None if it is no entry."""
    found = _LINE.match(line)
    if found is None:
        return None
    try:
        entry = json.loads(found.group(1) + b"}")
    except ValueError:
        return None
    if not isinstance(entry, dict) or entry.get("sequence").__class__ is not int:
        return None
    return Line(found.group(1), found.group(2), entry)


def write_mark(link: Link, key: ChainKey) -> bytes:
    """Write where a chain stands, authenticated; always 151 bytes, so that it is overwritten in place."""
    sequence = b"%020d" % link.sequence
    return b" ".join((sequence, link.chain, key.hash(sequence, link.chain))) + b"\n"


def read_mark(content: bytes, key: ChainKey) -> Optional[Link]:
    """Read where a chain stood; None if nobody with the key wrote it."""
    found = _MARK.match(content)
    if found is None or not hmac.compare_digest(key.hash(found.group(1), found.group(2)), found.group(3)):
        return None
    return Link(int(found.group(1)), found.group(2))
