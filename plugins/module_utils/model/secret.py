# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A secret in memory: never shown, exposed by one method, wiped as far as Python allows (E3)."""

from __future__ import annotations

import base64
import hmac
import shlex
from typing import Any, Iterable, Mapping, NoReturn, Optional, Sequence, Set, Union
from urllib.parse import quote, quote_plus

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

REDACTED = "[REDACTED]"

SHORTEST = 4
"""Shorter values occur in too much innocent text to be masked: the output would be unreadable, and the mask would be a hint."""

PLAIN, JSON, BASE64, NULL = "plain", "json", "base64", "null"
"""The forms of a value where a store keeps JSON: text, or bytes that are none; the text of a number, boolean, list or mapping; bytes that
are written as base64; no value."""


class Secret:
    """Bytes that no repr, format, pickle, copy or JSON encoder shows.

    Text is kept as UTF-8. `wipe` and the end of the object overwrite the buffer; the caller owns the copies that
    `expose` returned. Two secrets are equal if their bytes are, whatever their `form`.
    """

    __slots__ = ("_buffer", "form")
    __hash__ = None  # type: ignore[assignment]  # a hash of a secret would be a fingerprint of it

    def __init__(self, value: Union[str, bytes, bytearray], form: str = PLAIN) -> None:
        """Wrap text or bytes. `form` is the form that a store of JSON gives the value; a value in the form NULL is empty.

        Raises:
            InvalidInput: the text has half of a surrogate pair.
        """
        self._buffer = bytearray(0 if isinstance(value, str) else value)
        self.form = form
        if isinstance(value, str):
            self._buffer[:] = _encode(value)

    @property
    def is_text(self) -> bool:
        """Whether a store of JSON keeps this as text, or as bytes; else as JSON of another type."""
        return self.form in (PLAIN, BASE64)

    @property
    def is_null(self) -> bool:
        """Whether this stands for a field that has no value."""
        return self.form == NULL

    def expose(self) -> bytes:
        """Return the value itself. This is the only way to read it."""
        return bytes(self._buffer)

    def wipe(self) -> None:
        """Overwrite the buffer with zeros and empty it (best effort: Python may have copied it before)."""
        self._buffer[:] = bytes(len(self._buffer))
        self._buffer.clear()

    def __len__(self) -> int:
        return len(self._buffer)

    def __bool__(self) -> bool:
        return bool(self._buffer)

    def __eq__(self, other: object) -> bool:
        """Compare in a time that does not depend on where two values differ."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._buffer, other._buffer)

    def __repr__(self) -> str:
        return REDACTED

    def __format__(self, specification: str) -> str:
        return REDACTED

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")

    def __del__(self) -> None:
        self._buffer[:] = bytes(len(self._buffer))


def _encode(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:  # it holds the text itself
        raise InvalidInput("a text has half of a surrogate pair, which UTF-8 cannot write", remedy="Write the whole character.") from None


def derive_forms(value: bytes) -> Set[str]:
    """Return the texts that reveal `value`: itself, base64 at each alignment, quoted for URLs and shells.

    A base64 text can have `value` at three alignments; for each, the characters that depend on `value` alone are returned.
    """
    forms = _base64_forms(value)
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return forms
    return forms | {text, quote(text), quote(text, safe=""), quote_plus(text), shlex.quote(text)}


def find_secret(texts: Sequence[str], secrets: Iterable[Secret]) -> Optional[int]:
    """Return the number of the first text that holds one of the secrets, in any of their forms; None if there is none."""
    for secret in secrets:
        value = secret.expose()
        forms = {form for form in derive_forms(value) if len(form) >= SHORTEST} if len(value) >= SHORTEST else set()
        for number, text in enumerate(texts):
            if text.encode("utf-8", "surrogateescape") == value or any(form in text for form in forms):
                return number
    return None


def _base64_forms(value: bytes) -> Set[str]:
    forms = set()
    for shift in range(3):
        first = (shift * 8 + 5) // 6
        last = (shift + len(value)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            forms.add(encode(bytes(shift) + value).decode("ascii")[first:last])
    return forms


def not_text_error(value: Any, option: str) -> InvalidInput:
    """Return the error for a value that is given as something other than text. The error names its type and does not show it."""
    # ansible-core has types of its own below Python's.
    kind = next(base.__name__ for base in type(value).__mro__ if base.__module__ in ("builtins", "datetime"))
    if isinstance(value, (list, tuple)):
        kind = kind if value else "empty " + kind
        several = "Write it as text: names with commas in between, or '| to_json', as the field wants it."
        remedy = several if value else "A lookup that leaves its value out returns an empty list."
    else:
        remedy = "Write it as text, with '| to_json'." if isinstance(value, Mapping) else "Quote it where it is set, or write '| string'."
    return InvalidInput("it is {0} {1}, not text".format("an" if kind[0] in "aeiou" else "a", kind), option=option, remedy=remedy)
