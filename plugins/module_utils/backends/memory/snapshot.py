# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of a memory store: envelopes only, in a checked layout (A1)."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.encoding import envelope as sealed
from ansible_collections.nebula.credential.plugins.module_utils.encoding.binary import U32, U64, Malformed, Reader, write_bytes, write_text
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, Damaged, TooLarge
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import write_durably
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB, read_file
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record

MAGIC = b"\x89NEBMEM\n\x01"
_CHECKSUM_SIZE = 32
MOST_BYTES = 256 * MIB
"""The most bytes of the file."""
_Place = Tuple[str, str]


class Snapshot(NamedTuple):
    """A whole memory store: the values of each (name, stage), newest first, the last serials, and the store's document."""

    values: Mapping[_Place, List[Record]]
    last_serials: Mapping[_Place, int]
    document: Optional[bytes]


class SnapshotFile:
    """The file of one store, as one process reads and replaces it. No process overwrites what another has written."""

    def __init__(self, path: str) -> None:
        """Take the path of the file. Opens nothing."""
        self.path = path
        self._loaded: Optional[bytes] = None
        self._seen: Optional[Tuple[int, int, int]] = None
        self._known = False

    def load(self) -> Snapshot:
        """Read the snapshot; an empty one if there is no file.

        Raises:
            Damaged: the file does not hold what was written.
            OSError: it cannot be read.
        """
        # Examined before it is read: a change in between is noticed the next time.
        self._seen = self._look()
        data = self._content()
        self._loaded = _fingerprint(data)
        snapshot = Snapshot({}, {}, None) if data is None else _parse(self.path, data)
        self._known = True
        return snapshot

    def save(self, snapshot: Snapshot) -> None:
        """Replace the state that was loaded or saved last, durably. Every record has an envelope. After a failure, call `load` again.

        Raises:
            Conflict: the file has changed since then. It stays as it is.
            Timeout: another process holds its lock.
            TooLarge: the store is larger than the file may be.
            OSError: it cannot be written.
        """
        self._known, content = False, _encode(snapshot)
        if len(content) > MOST_BYTES:
            what = "the store has {0} bytes, and its file holds {1} at most".format(len(content), MOST_BYTES)
            raise TooLarge(what, option="persist_path", remedy="Keep fewer versions ('keep_versions'), or use the backend 'local'.")
        with FileLock(self.path + ".lock", operation="write of the persisted store"):
            if _fingerprint(self._content()) != self._loaded:
                raise _change_conflict(self.path)
            write_durably(self.path, content)
            self._loaded, self._seen, self._known = _fingerprint(content), self._look(), True

    def is_known(self) -> bool:
        """Return True if the file is the one loaded or saved last: no other process has replaced or removed it. Opens nothing."""
        return self._known and self._look() == self._seen

    def _look(self) -> Optional[Tuple[int, int, int]]:
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    def _content(self) -> Optional[bytes]:
        try:
            return read_file(self.path, MOST_BYTES)
        except FileNotFoundError:
            return None


def _fingerprint(content: Optional[bytes]) -> Optional[bytes]:
    return None if content is None else sha256(content).digest()


def _encode(snapshot: Snapshot) -> bytes:
    pieces = [MAGIC, write_bytes(snapshot.document or b""), U32.pack(len(snapshot.last_serials))]
    for place, serial in snapshot.last_serials.items():
        records = snapshot.values.get(place, [])
        pieces += [write_text(place[0]), write_text(place[1]), U64.pack(serial), U32.pack(len(records))]
        pieces += [write_bytes(record.envelope or b"") for record in records]
    body = b"".join(pieces)
    return body + sha256(body).digest()


def _parse(path: str, data: bytes) -> Snapshot:
    body, checksum = data[:-_CHECKSUM_SIZE], data[-_CHECKSUM_SIZE:]
    if not body.startswith(MAGIC) or sha256(body).digest() != checksum:
        raise _damage_error(path)
    try:
        return _read(Reader(body, len(MAGIC)))
    except Malformed:
        raise _damage_error(path) from None


def _damage_error(path: str) -> Damaged:
    return Damaged("the persisted store {0} is not what was written".format(path), remedy="Restore it from a backup, or move it away.")


def _change_conflict(path: str) -> Conflict:
    what = "the persisted store {0} was changed by another process since this one loaded it, so it does not hold this one's write"
    return Conflict(what.format(path), remedy="Read it again and repeat. Tasks that write to one file can take turns ('throttle: 1').")


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
