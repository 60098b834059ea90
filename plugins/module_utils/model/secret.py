# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A secret in memory: never shown, exposed by one method, wiped as far as Python allows (E3)."""

from __future__ import annotations

import hmac
from typing import Any, NoReturn, Union

REDACTED = "[REDACTED]"


class Secret:
    """Bytes that no repr, format, pickle, copy or JSON encoder shows.

    Text is kept as UTF-8. `wipe` and the end of the object overwrite the buffer; the caller owns the copies that
    `expose` returned.
    """

    __slots__ = ("_buffer",)
    __hash__ = None  # type: ignore[assignment]  # a hash of a secret would be a fingerprint of it

    def __init__(self, value: Union[str, bytes, bytearray]) -> None:
        """Wrap text or bytes."""
        self._buffer = bytearray(value.encode("utf-8") if isinstance(value, str) else value)

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
