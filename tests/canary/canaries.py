# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Canaries: unique values that stand for secrets, and every form in which one may show up."""

from __future__ import annotations

import base64
import json
import secrets
import string
from typing import Dict, FrozenSet, Iterable
from urllib.parse import quote, quote_plus

FRAGMENT = 8
_ALPHABET = string.ascii_letters + string.digits


def make() -> str:
    """A value that no other run has, and that quoting for URLs, JSON and shells changes."""
    one, two, three = ("".join(secrets.choice(_ALPHABET) for _each in range(12)) for _each in range(3))
    return "{0}+/\"é {1}%&'{2}".format(one, two, three)


def make_plain() -> str:
    """A value of letters and digits alone, for services that take no others."""
    return "".join(secrets.choice(_ALPHABET) for _each in range(36))


def forms(canary: str) -> Dict[str, FrozenSet[bytes]]:
    """What to look for, by the name of the form."""
    raw = canary.encode("utf-8")
    return {
        "raw": frozenset({raw, repr(canary)[1:-1].encode("utf-8")}),
        "base64": frozenset(_base64_forms(raw)),
        "url": frozenset(_texts({quote(canary), quote(canary, safe=""), quote_plus(canary)})),
        "json": frozenset(_texts({json.dumps(canary)[1:-1], json.dumps(canary, ensure_ascii=False)[1:-1]})),
        "hex": frozenset(_texts({raw.hex(), raw.hex().upper(), raw.hex(":")})),
        "fragment": frozenset(_fragments(canary)),
    }


def _texts(found: Iterable[str]) -> Iterable[bytes]:
    return (text.encode("utf-8") for text in found)


def _base64_forms(raw: bytes) -> Iterable[bytes]:
    """At each of the three offsets, the characters that the value alone decides."""
    for shift in range(3):
        first, last = (shift * 8 + 5) // 6, (shift + len(raw)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(shift) + raw)[first:last]


def _fragments(canary: str) -> Iterable[bytes]:
    """Every run of letters and digits of a fragment's length: pieces of a value are leaks too."""
    for start in range(len(canary) - FRAGMENT + 1):
        piece = canary[start : start + FRAGMENT]
        if piece.isascii() and piece.isalnum():
            yield piece.encode("ascii")
