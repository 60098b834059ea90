# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checksum of payloads (RFC 3720 section 12.1), which Secret Manager takes and returns."""

from __future__ import annotations

from typing import Tuple

_POLYNOMIAL = 0x82F63B78
_ALL = 0xFFFFFFFF


def _build_table() -> Tuple[int, ...]:
    table = []
    for byte in range(256):
        entry = byte
        for _bit in range(8):
            entry = entry >> 1 ^ (_POLYNOMIAL if entry & 1 else 0)
        table.append(entry)
    return tuple(table)


_TABLE = _build_table()


def compute_crc32c(content: bytes) -> int:
    """Return the CRC32C of bytes. A payload of 64 KiB takes some milliseconds."""
    table, checksum = _TABLE, _ALL
    for byte in content:
        checksum = table[(checksum ^ byte) & 0xFF] ^ checksum >> 8
    return checksum ^ _ALL
