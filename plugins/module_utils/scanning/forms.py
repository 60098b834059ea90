# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The forms in which a value may lie about: as it is, in JSON, in base64, in a URL, in hexadecimal."""

from __future__ import annotations

import base64
import json
import re
from typing import Dict, Iterator, NamedTuple, Tuple
from urllib.parse import quote, quote_plus

PLAIN, JSON, BASE64, URL, HEX = "plain", "json", "base64", "url", "hex"
LONGEST = 256
"""Bytes. Of a longer form the middle is searched for: the automaton takes about 50 bytes of memory for each byte, and the beginning of a
private key is that of any other."""

_ESCAPE = re.compile("%[0-9A-F]{2}")
_UNKNOWN_BEFORE = (0, 2, 3)
_UNKNOWN_AFTER = (0, 3, 2)
"""How many characters of base64 depend on the bytes around the value, by the number of bytes in the last or first group of three."""


class Pattern(NamedTuple):
    """What is searched for.

    Attributes:
        text: the bytes.
        form: one of the forms above.
        before: how many bytes of the value in this form come before `text`.
        lines: how many line breaks there are from its beginning to the end of `text`.
    """

    text: bytes
    form: str
    before: int
    lines: int


def list_patterns(value: bytes) -> Iterator[Pattern]:
    """Yield what to search for to find a value in every form. No text comes twice."""
    forms: Dict[bytes, str] = {}
    for text, form in _list_forms(value):
        forms.setdefault(text, form)
    for text, form in forms.items():
        before = max(0, len(text) - LONGEST) // 2
        piece = text[before : before + LONGEST]
        yield Pattern(piece, form, before, text.count(b"\n", 0, before + len(piece)))


def _list_forms(value: bytes) -> Iterator[Tuple[bytes, str]]:
    yield value, PLAIN
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        for is_ascii in (True, False):
            escaped = json.dumps(text, ensure_ascii=is_ascii)[1:-1]
            yield escaped.encode("utf-8"), JSON
            yield escaped.replace("/", "\\/").encode("utf-8"), JSON
    for skipped in range(3):
        known = _encode_base64(value, skipped)
        yield known, BASE64
        yield known.replace(b"+", b"-").replace(b"/", b"_"), BASE64
    for quoted in (quote(value, safe=""), quote(value), quote(value, safe="!'()*"), quote_plus(value)):
        yield quoted.encode("ascii"), URL
        yield _ESCAPE.sub(_write_small, quoted).encode("ascii"), URL
    yield value.hex().encode("ascii"), HEX
    yield value.hex().upper().encode("ascii"), HEX


def _write_small(escape: re.Match[str]) -> str:
    return escape.group().lower()


def _encode_base64(value: bytes, skipped: int) -> bytes:
    """Return the characters that base64 has for a value after `skipped` bytes of a group, whatever is before and after it."""
    encoded = base64.b64encode(bytes(skipped) + value)
    return encoded[_UNKNOWN_BEFORE[skipped] : len(encoded) - _UNKNOWN_AFTER[(skipped + len(value)) % 3]]
