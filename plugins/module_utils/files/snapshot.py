# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a memory store leaves in a file when it ends: envelopes only, in a checked layout (A1)."""

from __future__ import annotations

from hashlib import sha256
from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils import sealed
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged
from ansible_collections.nebula.credential.plugins.module_utils.files.durable import read_whole, write_durably
from ansible_collections.nebula.credential.plugins.module_utils.fixed_layout import U32, U64, Malformed, Reader, write_bytes, write_text
from ansible_collections.nebula.credential.plugins.module_utils.record import Record

MAGIC = b"\x89NEBMEM\n\x01"
_CHECKSUM_SIZE = 32
_Place = Tuple[str, str]


class Snapshot(NamedTuple):
    """A whole memory store: the values of each (name, stage), newest first, the last serials, and the store's document."""

    values: Mapping[_Place, List[Record]]
    last_serials: Mapping[_Place, int]
    document: Optional[bytes]


def save_snapshot(path: str, snapshot: Snapshot) -> None:
    """Write a snapshot, durably. Every record has an envelope.

    Raises:
        OSError: it cannot be written.
    """
    pieces = [MAGIC, write_bytes(snapshot.document or b""), U32.pack(len(snapshot.last_serials))]
    for place, serial in snapshot.last_serials.items():
        records = snapshot.values.get(place, [])
        pieces += [write_text(place[0]), write_text(place[1]), U64.pack(serial), U32.pack(len(records))]
        pieces += [write_bytes(record.envelope or b"") for record in records]
    body = b"".join(pieces)
    write_durably(path, body + sha256(body).digest())


def load_snapshot(path: str) -> Snapshot:
    """Read a snapshot; an empty one where there is no file.

    Raises:
        Damaged: the file is not what was written.
        OSError: it cannot be read.
    """
    try:
        data = read_whole(path)
    except FileNotFoundError:
        return Snapshot({}, {}, None)
    body, checksum = data[:-_CHECKSUM_SIZE], data[-_CHECKSUM_SIZE:]
    if not body.startswith(MAGIC) or sha256(body).digest() != checksum:
        raise _damaged(path)
    try:
        return _read(Reader(body, len(MAGIC)))
    except Malformed:
        raise _damaged(path) from None


def _damaged(path: str) -> Damaged:
    return Damaged("the persisted store {0} is not what was written".format(path), remedy="Restore it from a backup, or move it away.")


def _read(reader: Reader) -> Snapshot:
    document = reader.bytes() or None
    values: Dict[_Place, List[Record]] = {}
    last_serials: Dict[_Place, int] = {}
    for _each in range(reader.u32()):
        place = (reader.text(), reader.text())
        last_serials[place] = reader.u64()
        records = [sealed.public_record(place[0], place[1], reader.bytes()) for _each in range(reader.u32())]
        if records:
            values[place] = records
    reader.end()
    return Snapshot(values, last_serials, document)
