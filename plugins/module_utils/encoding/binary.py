# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fixed binary layout. Data that keys are derived from, or that is authenticated, is written in it, never as JSON.

Integers are big-endian and of fixed width. A string is a presence byte (0 or 1), a 4-byte length and UTF-8. A value is None, a
bool, an int of 64 bits, a string, a list or a mapping with string keys. Floats are not supported: they have no unique encoding.
Every value has exactly one encoding, and every accepted encoding exactly one value: keys are in strictly rising order, and no
bytes may follow the value.
"""

from __future__ import annotations

import struct
from typing import Any, Iterable, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

U32 = struct.Struct(">I")
U64 = struct.Struct(">Q")
I64 = struct.Struct(">q")
_TEXT_START = struct.Struct(">BI")

NONE, TEXT, FALSE, TRUE, INTEGER, LIST, MAP = range(7)
"""The first byte of a value. NONE and TEXT are also the presence byte of a string, so that a string has one encoding only."""

ABSENT = b"\x00"
PRESENT = b"\x01"
MAX_DEPTH = 16


class Malformed(ValueError):
    """The bytes do not follow the layout. The caller raises an error that says what is damaged."""


def write_text(value: Optional[str]) -> bytes:
    """Return the encoding of a string or of its absence.

    Raises:
        InvalidInput: it cannot be written as UTF-8 (half of a surrogate pair).
    """
    if value is None:
        return ABSENT
    try:
        encoded = value.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInput("text holds half of a surrogate pair, which UTF-8 cannot write") from None
    return PRESENT + U32.pack(len(encoded)) + encoded


def write_bytes(value: bytes) -> bytes:
    """Return bytes with their length before them."""
    return U32.pack(len(value)) + value


def write_value(value: Any) -> bytes:
    """Return the encoding of a value.

    Raises:
        InvalidInput: it is of another kind, too deep, or an integer of more than 64 bits.
    """
    return b"".join(_pieces(value, MAX_DEPTH))


def _pieces(value: Any, depth: int) -> Iterable[bytes]:
    if depth == 0:
        raise InvalidInput("data is nested more than {0} deep".format(MAX_DEPTH))
    if value is None or isinstance(value, str):
        yield write_text(value)
    elif isinstance(value, bool):
        yield bytes((TRUE if value else FALSE,))
    elif isinstance(value, int):
        yield bytes((INTEGER,)) + _integer(value)
    elif isinstance(value, (list, tuple)):
        yield bytes((LIST,)) + U32.pack(len(value))
        for item in value:
            yield from _pieces(item, depth - 1)
    elif isinstance(value, Mapping):
        yield bytes((MAP,)) + U32.pack(len(value))
        for key, item in _in_order(value):
            yield key
            yield from _pieces(item, depth - 1)
    else:
        raise InvalidInput("metadata cannot hold a {0}".format(type(value).__name__), remedy="Use text, whole numbers, lists and mappings.")


def _integer(value: int) -> bytes:
    try:
        return I64.pack(value)
    except struct.error:
        raise InvalidInput("metadata cannot hold an integer of more than 64 bits") from None


def _in_order(value: Mapping[Any, Any]) -> List[Tuple[bytes, Any]]:
    if not all(isinstance(key, str) for key in value):
        raise InvalidInput("the keys of a mapping are text")
    return [(write_text(key), value[key]) for key in sorted(value, key=lambda key: key.encode("utf-8", "surrogatepass"))]


class Reader:
    """Reads what the functions above wrote, from front to back. Every method raises `Malformed` if the bytes do not fit."""

    __slots__ = ("_data", "offset")

    def __init__(self, data: bytes, offset: int = 0) -> None:
        """Start at `offset` of `data`."""
        self._data = data
        self.offset = offset

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        start = self.offset
        self.offset = end = start + size
        if end > len(self._data):
            raise Malformed("cut short")
        return self._data[start:end]

    def byte(self) -> int:
        """Return the next byte."""
        try:
            found = self._data[self.offset]
        except IndexError:
            raise Malformed("cut short") from None
        self.offset += 1
        return found

    def u32(self) -> int:
        """Read an unsigned integer of 4 bytes. Without a slice, for speed: every string and count begins with one."""
        start = self.offset
        self.offset = start + 4
        try:
            return U32.unpack_from(self._data, start)[0]  # type: ignore[no-any-return]
        except struct.error:
            raise Malformed("cut short") from None

    def u64(self) -> int:
        """Read an unsigned integer of 8 bytes."""
        return U64.unpack(self.take(8))[0]  # type: ignore[no-any-return]

    def i64(self) -> int:
        """Read a signed integer of 8 bytes. Without a slice, as `u32`: every time is one."""
        start = self.offset
        self.offset = start + 8
        try:
            return I64.unpack_from(self._data, start)[0]  # type: ignore[no-any-return]
        except struct.error:
            raise Malformed("cut short") from None

    def bytes(self) -> bytes:
        """Read bytes with their length before them."""
        return self.take(self.u32())

    def optional_text(self) -> Optional[str]:
        """Read a string; return None if it is absent."""
        presence = self.byte()
        if presence == NONE:
            return None
        if presence != TEXT:
            raise Malformed("a presence byte is neither 0 nor 1")
        self.offset -= 1
        return self.text()

    def text(self) -> str:
        """Read a string that must be present. Does what `byte`, `u32` and `take` do, without calling them, for speed."""
        data, start = self._data, self.offset
        try:
            presence, size = _TEXT_START.unpack_from(data, start)
        except struct.error:
            raise Malformed("cut short") from None
        if presence != TEXT:
            raise Malformed("a string is absent")
        start += _TEXT_START.size
        self.offset = end = start + size
        if end > len(data):
            raise Malformed("cut short")
        try:
            return str(data[start:end], "utf-8")
        except UnicodeDecodeError:
            raise Malformed("text is not UTF-8") from None

    def value(self, depth: int = MAX_DEPTH) -> Any:
        """Read a value."""
        if depth == 0:
            raise Malformed("nested too deep")
        kind = self.byte()
        if kind == TEXT:
            self.offset -= 1
            return self.text()
        if kind == INTEGER:
            return self.i64()
        if kind == LIST:
            return [self.value(depth - 1) for _each in range(self.u32())]
        if kind == MAP:
            return self._map(depth)
        return self._constant(kind)

    def _constant(self, kind: int) -> Optional[bool]:
        if kind == NONE:
            return None
        if kind in (TRUE, FALSE):
            return kind == TRUE
        raise Malformed("an unknown kind of value")

    def _map(self, depth: int) -> Any:
        found = {}
        last = b""
        for position in range(self.u32()):
            start = self.offset + _TEXT_START.size
            key = self.text()
            encoded = self._data[start : self.offset]
            if position and encoded <= last:
                raise Malformed("keys do not rise")
            last = encoded
            found[key] = self.value(depth - 1)
        return found

    def mapping(self) -> Any:
        """Read a value that must be a mapping."""
        if self.byte() != MAP:
            raise Malformed("a mapping is expected")
        return self._map(MAX_DEPTH)

    def count(self) -> int:
        """Read the number of items of a value that must be a list. The items follow."""
        if self.byte() != LIST:
            raise Malformed("a list is expected")
        return self.u32()

    def integer(self) -> int:
        """Read a value that must be an integer."""
        if self.byte() != INTEGER:
            raise Malformed("a number is expected")
        return self.i64()

    def end(self) -> None:
        """Check that no bytes follow."""
        if self.offset != len(self._data):
            raise Malformed("bytes follow the end")
