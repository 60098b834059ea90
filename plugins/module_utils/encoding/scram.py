# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passwords as PostgreSQL and libpq treat them: how they are prepared, and the SCRAM-SHA-256 verifier of one (RFC 5802, RFC 7677)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import stringprep
import unicodedata
from typing import Optional

ITERATIONS = 4096
"""PostgreSQL's own number (`scram_iterations`); RFC 7677 allows no less."""
_SALT_BYTES = 16

_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
    stringprep.in_table_a1,
)
"""The tables of RFC 3454 that RFC 4013 prohibits, and the code points that Unicode 3.2 does not assign."""


def build_verifier(password: str, salt: Optional[bytes] = None, iterations: int = ITERATIONS) -> str:
    """Return the SCRAM-SHA-256 verifier of a password, as PostgreSQL stores it; without a salt, with a fresh random one."""
    salt = salt or secrets.token_bytes(_SALT_BYTES)
    prepared = prepare(password)
    salted = hashlib.pbkdf2_hmac("sha256", (password if prepared is None else prepared).encode("utf-8"), salt, iterations)
    stored = hashlib.sha256(hmac.new(salted, b"Client Key", "sha256").digest()).digest()
    server = hmac.new(salted, b"Server Key", "sha256").digest()
    encoded = [base64.b64encode(part).decode("ascii") for part in (salt, stored, server)]
    return "SCRAM-SHA-256${}:{}${}:{}".format(iterations, *encoded)


def prepare(password: str) -> Optional[str]:
    """Return the password as PostgreSQL's SASLprep prepares it (`src/common/saslprep.c`), or None if it uses the password as it is.

    This differs from RFC 4013: ASCII is not changed or checked, U+200B becomes a space, and characters are checked before they are
    normalized. PostgreSQL uses a password that fails the checks as it is.
    """
    if password.isascii():
        return None
    mapped = "".join(" " if stringprep.in_table_c12(each) else each for each in password if not _is_removed(each))
    if not mapped or any(is_in(each) for each in mapped for is_in in _PROHIBITED) or _mixes_directions(mapped):
        return None
    return unicodedata.normalize("NFKC", mapped)


def _is_removed(character: str) -> bool:
    """Whether it is mapped to nothing. U+200B is in both tables; PostgreSQL looks at the table of spaces first."""
    return stringprep.in_table_b1(character) and not stringprep.in_table_c12(character)


def _mixes_directions(text: str) -> bool:
    """Whether right-to-left characters are with left-to-right ones, or do not begin and end the text (RFC 3454 section 6)."""
    if not any(stringprep.in_table_d1(each) for each in text):
        return False
    begins_and_ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    return not begins_and_ends or any(stringprep.in_table_d2(each) for each in text)
