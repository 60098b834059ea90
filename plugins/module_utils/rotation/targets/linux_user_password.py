# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passwords of Linux accounts: which ones can be used, and the SHA-512 hash of one as /etc/shadow has it.

The hash is that of "Unix crypt using SHA-256 and SHA-512" (U. Drepper, version 0.6), which every Linux knows.
"""

from __future__ import annotations

import secrets
from hashlib import sha512
from typing import List

ROUNDS = 25_000
"""The default of that document is 5,000, which is of 2007."""
LONGEST = 511
"""Bytes that a module of PAM accepts (PAM_MAX_RESP_SIZE)."""
_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SALT_LENGTH = 16


def find_flaw(password: bytes) -> str:
    """Return why nobody can log in with that password, in words. Empty if one can."""
    if not password:
        return "an empty password lets everybody in, or nobody"
    if b"\0" in password or b"\n" in password:
        return "a password of a Linux account cannot hold a NUL character or a line break"
    return "a password of a Linux account has at most {} bytes".format(LONGEST) if len(password) > LONGEST else ""


def build_hash(password: bytes) -> str:
    """Return the hash of a password with a fresh random salt."""
    return hash_password(password, "".join(secrets.choice(_ALPHABET) for _each in range(_SALT_LENGTH)), ROUNDS)


def hash_password(password: bytes, salt: str, rounds: int) -> str:
    """Return the hash of a password in the form of /etc/shadow."""
    salted = salt.encode("ascii")
    second = sha512(password + salted + password).digest()
    mixed = password + salted + _repeat(second, len(password))
    length = len(password)
    while length:
        mixed += second if length & 1 else password
        length >>= 1
    digest = sha512(mixed).digest()
    p = _repeat(sha512(password * len(password)).digest(), len(password))
    s = _repeat(sha512(salted * (16 + digest[0])).digest(), len(salted))
    for number in range(rounds):
        is_odd = number & 1
        content = (p if is_odd else digest) + (s if number % 3 else b"") + (p if number % 7 else b"") + (digest if is_odd else p)
        digest = sha512(content).digest()
    return "$6$rounds={}${}${}".format(rounds, salt, _encode(digest))


def _repeat(digest: bytes, length: int) -> bytes:
    return (digest * (length // len(digest) + 1))[:length]


def _encode(digest: bytes) -> str:
    """Return a digest in the order and the alphabet of crypt: three bytes make four characters, the lowest bits first."""
    encoded: List[str] = []
    for number in range(21):
        # The first of three bytes moves 22 places on (modulo 63) from one group to the next.
        first, second, third = (digest[(number * 22 + offset) % 63] for offset in (0, 21, 42))
        encoded += _write_bits(first << 16 | second << 8 | third, 4)
    return "".join([*encoded, *_write_bits(digest[63], 2)])


def _write_bits(bits: int, characters: int) -> str:
    return "".join(_ALPHABET[bits >> 6 * number & 63] for number in range(characters))
