# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chain of the audit trail: each line holds the keyed hash of itself and of the one before (E5).

A line is a JSON object whose last member is `chain`. The hash is over the bytes of the line as written, so nothing is
serialised again to check it: HMAC-SHA256(key, previous chain || LF || the line up to `chain`) (RFC 2104), or SHA-256 of the
same if the store has no key. Only a holder of the key can continue the keyed chain; the other one only shows accidents and careless
edits.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Any, Dict, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json

START = b"0" * 64
"""The hash before the first line."""

LONGEST_LINE = 65536
"""Bytes. No entry is longer: each of its texts is cut."""

_NEEDED = ("time", "action", "result")
_LAST_SEQUENCE = 10**20
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True)
_LINE = re.compile(rb'(\{.*),"chain":"([0-9a-f]{64})"\}\Z', re.DOTALL)
_MARK = re.compile(rb"([0-9]{20}) ([0-9a-f]{64}) ([0-9a-f]{64})\n\Z")
_CHECKPOINT = re.compile(rb"checkpoint ([0-9]{20}) ([0-9a-f]{64}) ([0-9a-f]{64})\n\Z")


class Link(NamedTuple):
    """The end of a chain: the number of its last line (0 before the first) and that line's hash."""

    sequence: int = 0
    chain: bytes = START


class ChainKey:
    """The key of a chain, or None for a chain without a key."""

    def __init__(self, key: Optional[bytes]) -> None:
        """Take the key (32 bytes from the store's key ring, label `nebula/1/audit`)."""
        self._key = key
        self.id = None if key is None else hmac.new(key, b"id", hashlib.sha256).hexdigest()[:16]

    def hash(self, *parts: bytes) -> bytes:
        """Return the hash of the parts, in hexadecimal. All parts but the last have a fixed length."""
        content = b"\n".join(parts)
        if self._key is None:
            return hashlib.sha256(content).hexdigest().encode("ascii")
        return hmac.digest(self._key, content, "sha256").hex().encode("ascii")


def write_line(entry: Mapping[str, Any], last: Link, key: ChainKey) -> tuple[bytes, Link]:
    """Return the line that follows `last`, and the end of the chain after it."""
    numbered: Dict[str, Any] = {"sequence": last.sequence + 1}
    if key.id is not None:
        numbered["key"] = key.id
    # ASCII only: a line break within a value is escaped, so an entry is always one line.
    body = _ENCODER.encode(dict(numbered, **entry)).encode("ascii")[:-1]
    link = Link(last.sequence + 1, key.hash(last.chain, body))
    return body + b',"chain":"' + link.chain + b'"}\n', link


class Line(NamedTuple):
    """A parsed line."""

    body: bytes
    chain: bytes
    entry: Dict[str, Any]

    @property
    def link(self) -> Link:
        """The end of the chain after this line, as the line says."""
        return Link(int(self.entry["sequence"]), self.chain)


def read_line(line: bytes) -> Optional[Line]:
    """Parse a line (without its line break). Return None if it is no entry."""
    found = _LINE.match(line) if len(line) < LONGEST_LINE else None
    if found is None:
        return None
    try:
        entry = read_json(found.group(1) + b"}")
    except ValueError:
        return None
    return Line(found.group(1), found.group(2), entry) if _is_entry(entry) else None


def _is_entry(entry: Mapping[str, Any]) -> bool:
    sequence = entry.get("sequence")
    return (
        sequence.__class__ is int
        and 0 < sequence < _LAST_SEQUENCE
        and isinstance(entry.get("key", ""), str)
        and all(isinstance(entry.get(part), str) for part in _NEEDED)
    )


def write_mark(link: Link, key: ChainKey) -> bytes:
    """Return the mark of a chain's end, authenticated; always 151 bytes, so that it is overwritten in place."""
    sequence = b"%020d" % link.sequence
    return b" ".join((sequence, link.chain, key.hash(sequence, link.chain))) + b"\n"


def read_mark(content: bytes, key: ChainKey) -> Optional[Link]:
    """Return the chain's end that a mark records; None if the mark was not written with this key."""
    found = _MARK.match(content)
    if found is None or not hmac.compare_digest(key.hash(found.group(1), found.group(2)), found.group(3)):
        return None
    return Link(int(found.group(1)), found.group(2))


def write_checkpoint(link: Link, key: ChainKey) -> bytes:
    """Return the record that the chain was removed up to a link. The first word is authenticated too, so that no mark can stand for it."""
    sequence = b"%020d" % link.sequence
    return b" ".join((b"checkpoint", sequence, link.chain, key.hash(b"checkpoint", sequence, link.chain))) + b"\n"


def read_checkpoint(content: bytes, key: ChainKey) -> Optional[Link]:
    """Return the link up to which the chain was removed; None if the record was not written with this key."""
    found = _CHECKPOINT.match(content)
    if found is None or not hmac.compare_digest(key.hash(b"checkpoint", found.group(1), found.group(2)), found.group(3)):
        return None
    return Link(int(found.group(1)), found.group(2))
