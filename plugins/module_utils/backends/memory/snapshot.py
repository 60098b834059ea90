# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of a memory store: envelopes only, in a checked layout (A1).

A header with the number of committed bytes, then frames: the first holds the whole store, each later one what a write changed. A write
appends its frame, syncs it, and then commits it in the header: so it costs what it changed, and a crash leaves bytes after the
committed ones, which count for nothing. When the frames of changes are larger than the whole store, it is written again as one frame.
Each frame has a checksum that continues the one before it, so the last one identifies the whole content.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from hashlib import sha256
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.encoding import envelope as sealed
from ansible_collections.nebula.credential.plugins.module_utils.encoding.binary import U32, U64, Malformed, Reader, write_bytes, write_text
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, Damaged, TooLarge
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import write_all, write_durably
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import KIB, MIB, open_regular, read_file
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record

MAGIC = b"\x89NEBMEM\n\x02"
FORMER_MAGIC = b"\x89NEBMEM\n\x01"
"""Releases before this layout wrote the whole store each time: this magic, what a frame holds, and its checksum."""
_HEADER = struct.Struct(">9s7xQ")
_COMMITTED_AT = 16
"""The offset of the committed size. It is 8 bytes on a multiple of 8, so it is replaced in one step."""
_CHECKSUM_SIZE = 32
_LEAST_CHANGES = 64 * KIB
"""The frames of changes may have that many bytes, however small the store is."""
_READS = 5
MOST_BYTES = 256 * MIB
"""The most bytes of the file."""
_Place = Tuple[str, str]


class Snapshot(NamedTuple):
    """A memory store, or some of its places: the values of each (name, stage), newest first, the last serials, and the store's document.

    A place without values has been deleted.
    """

    values: Mapping[_Place, List[Record]]
    last_serials: Mapping[_Place, int]
    document: Optional[bytes]


_EMPTY = Snapshot({}, {}, None)


class _Content(NamedTuple):
    """What a file holds: its state, the sizes of the first frame and of all frames, and the last checksum. No file: all are None or 0."""

    snapshot: Snapshot
    whole: int = 0
    committed: int = 0
    identity: Optional[bytes] = None


class SnapshotFile:
    """The file of one store, as one process reads and changes it. No process overwrites what another has written."""

    def __init__(self, path: str) -> None:
        """Take the path of the file. Opens nothing."""
        self.path = path
        self._content = _Content(_EMPTY)
        self._seen: Optional[Tuple[int, int, int]] = None
        self._known = False

    def load(self) -> Snapshot:
        """Read the snapshot; an empty one if there is no file.

        Raises:
            Damaged: the file does not hold what was written.
            OSError: it cannot be read.
        """
        for _each in range(_READS):
            with suppress(Damaged):  # another process may be committing a frame at the same time
                return self._load()
        return self._load()

    def _load(self) -> Snapshot:
        # Examined before it is read: a change in between is noticed the next time.
        self._seen = self._look()
        data = self._read_all()
        loaded = _Content(_EMPTY) if data is None else _parse(self.path, data)
        self._known, self._content = True, loaded._replace(snapshot=_EMPTY)
        return loaded.snapshot

    def save(self, changes: Snapshot, whole: Callable[[], Snapshot]) -> None:
        """Bring the file from the state that was loaded or saved last to the present one, durably. Every record has an envelope.

        After a failure, call `load` again.

        Args:
            changes: the places that have changed since then, and the store's document.
            whole: returns the whole store. It is called only if all of it is written.

        Raises:
            Conflict: the file has changed since then. It stays as it is.
            Timeout: another process holds its lock.
            TooLarge: the store is larger than the file may be.
            OSError: it cannot be written.
        """
        self._known, known = False, self._content
        frame, checksum = _write_frame(changes, known.identity or b"")
        with FileLock(self.path + ".lock", operation="write of the persisted store"):
            if self._identify() != known.identity:
                raise _change_conflict(self.path)
            if known.whole and known.committed + len(frame) <= min(2 * known.whole + _LEAST_CHANGES, MOST_BYTES):
                self._append(frame, known.committed)
                self._content = known._replace(committed=known.committed + len(frame), identity=checksum)
            else:
                self._rewrite(whole())
            self._seen, self._known = self._look(), True

    def _append(self, frame: bytes, committed: int) -> None:
        """Write a frame after the committed ones, and commit it when it is durable."""
        descriptor = open_regular(self.path, os.O_WRONLY)
        try:
            os.lseek(descriptor, committed, os.SEEK_SET)
            write_all(descriptor, frame)
            os.fdatasync(descriptor)
            os.lseek(descriptor, _COMMITTED_AT, os.SEEK_SET)
            write_all(descriptor, U64.pack(committed + len(frame)))
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def _rewrite(self, whole: Snapshot) -> None:
        frame, checksum = _write_frame(whole, b"")
        size = _HEADER.size + len(frame)
        if size > MOST_BYTES:
            what = "the store has {0} bytes, and its file holds {1} at most".format(size, MOST_BYTES)
            raise TooLarge(what, option="persist_path", remedy="Keep fewer versions ('keep_versions'), or use the backend 'local'.")
        write_durably(self.path, _HEADER.pack(MAGIC, size) + frame)
        self._content = self._content._replace(whole=size, committed=size, identity=checksum)

    def is_known(self) -> bool:
        """Return True if the file is the one loaded or saved last: no other process has changed or removed it. Opens nothing."""
        return self._known and self._look() == self._seen

    def _look(self) -> Optional[Tuple[int, int, int]]:
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    def _read_all(self) -> Optional[bytes]:
        try:
            return read_file(self.path, MOST_BYTES)
        except FileNotFoundError:
            return None

    def _identify(self) -> Optional[bytes]:
        """Return the last checksum of the file as it is now, None if there is no file. Reads 56 bytes, or all of the former layout."""
        try:
            descriptor = open_regular(self.path)
        except FileNotFoundError:
            return None
        try:
            header = os.pread(descriptor, _HEADER.size, 0)
            if len(header) == _HEADER.size and header.startswith(MAGIC):
                return os.pread(descriptor, _CHECKSUM_SIZE, max(0, _HEADER.unpack(header)[1] - _CHECKSUM_SIZE))
        finally:
            os.close(descriptor)
        return (self._read_all() or b"")[-_CHECKSUM_SIZE:]


def _write_frame(snapshot: Snapshot, former: bytes) -> Tuple[bytes, bytes]:
    """Return a frame and its checksum. `former` is the checksum of the frame before it."""
    body = _encode(snapshot)
    checksum = sha256(former + body).digest()
    return U64.pack(len(body)) + body + checksum, checksum


def _encode(snapshot: Snapshot) -> bytes:
    pieces = [write_bytes(snapshot.document or b""), U32.pack(len(snapshot.last_serials))]
    for place, serial in snapshot.last_serials.items():
        records = snapshot.values.get(place, [])
        pieces += [write_text(place[0]), write_text(place[1]), U64.pack(serial), U32.pack(len(records))]
        pieces += [write_bytes(record.envelope or b"") for record in records]
    return b"".join(pieces)


def _parse(path: str, data: bytes) -> _Content:
    try:
        return _read_former(data) if data.startswith(FORMER_MAGIC) else _read_frames(data)
    except Malformed:
        what = "the persisted store {0} is not what was written".format(path)
        raise Damaged(what, remedy="Restore it from a backup, or move it away.") from None


def _read_former(data: bytes) -> _Content:
    body, checksum = data[:-_CHECKSUM_SIZE], data[-_CHECKSUM_SIZE:]
    if sha256(body).digest() != checksum:
        raise Malformed("the checksum is wrong")
    reader = Reader(body, len(FORMER_MAGIC))
    document = reader.bytes() or None
    values: Dict[_Place, List[Record]] = {}
    last_serials: Dict[_Place, int] = {}
    _read_places(reader, values, last_serials)
    return _Content(Snapshot(values, last_serials, document), identity=checksum)


def _read_frames(data: bytes) -> _Content:
    if len(data) < _HEADER.size or not data.startswith(MAGIC):
        raise Malformed("another file")
    committed = _HEADER.unpack_from(data)[1]
    if not _HEADER.size < committed <= len(data):
        raise Malformed("it is cut short")
    document: Optional[bytes] = None
    values: Dict[_Place, List[Record]] = {}
    last_serials: Dict[_Place, int] = {}
    frames, checksum, whole = Reader(data, _HEADER.size), b"", 0
    while frames.offset < committed:
        body = frames.take(frames.u64())
        former, checksum = checksum, frames.take(_CHECKSUM_SIZE)
        if sha256(former + body).digest() != checksum:
            raise Malformed("a checksum is wrong")
        reader, whole = Reader(body), whole or frames.offset
        document = reader.bytes() or None
        _read_places(reader, values, last_serials)
    if frames.offset != committed:
        raise Malformed("the committed bytes end within a frame")
    return _Content(Snapshot(values, last_serials, document), whole, committed, checksum)


def _read_places(reader: Reader, values: Dict[_Place, List[Record]], last_serials: Dict[_Place, int]) -> None:
    """Add the rest of a frame to what the frames before it hold."""
    for _each in range(reader.u32()):
        place = (reader.text(), reader.text())
        last_serials[place] = reader.u64()
        records = [sealed.public_record(place[0], place[1], reader.bytes()) for _each in range(reader.u32())]
        if records:
            values[place] = records
        else:
            values.pop(place, None)
    reader.end()


def _change_conflict(path: str) -> Conflict:
    what = "the persisted store {0} was changed by another process since this one loaded it, so it does not hold this one's write"
    return Conflict(what.format(path), remedy="Read it again and repeat. Tasks that write to one file can take turns ('throttle: 1').")
