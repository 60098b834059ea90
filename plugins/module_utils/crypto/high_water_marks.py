# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""High-water marks: the newest state of each object that this user has seen, kept next to the key (docs/advanced/envelope.md).

Each object has one small authenticated file. Its size is fixed and below a disk sector, and it is overwritten in place: that is
one fdatasync instead of the three steps of a new file, and a crash never leaves it half written.
"""

from __future__ import annotations

import os
import struct
from hashlib import sha256
from typing import Callable, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto.keyring import Keyring, OpenRing
from ansible_collections.nebula.credential.plugins.module_utils.crypto.master_key import MasterKey
from ansible_collections.nebula.credential.plugins.module_utils.crypto.paths import marks_directory
from ansible_collections.nebula.credential.plugins.module_utils.encoding.binary import write_text
from ansible_collections.nebula.credential.plugins.module_utils.errors import StorageError, Tampered
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import ensure_private_directory
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import open_regular, read_file

MAGIC = b"NEBMARK"
FORMAT = 1
_BODY = struct.Struct(">7sB16s32s16sQQBQ")
_SIZE = _BODY.size + 32
_MOST_BYTES = 4096
_READS = 5
_WAIT = 10.0
_AT_ONCE = 8
_ROLE = "the high-water mark"


class Mark(NamedTuple):
    """The newest state of an object that this user has seen. `epoch` counts explicit restores."""

    record_id: bytes
    serial: int
    revision: int
    deleted: bool = False
    epoch: int = 0


class HighWaterMarks:
    """The marks of one store and tenant."""

    def __init__(self, keyring: Keyring, tenant: str, warn: Callable[[str], object]) -> None:
        """Take the keyring whose keys authenticate the marks. Opens nothing."""
        self._keyring = keyring
        self._tenant = write_text(tenant)
        self._warn = warn
        self._directory = ""
        self._prepared = False

    def prepare(self, ring: OpenRing) -> None:
        """Check that marks can be written, before the first write that needs one.

        Raises:
            StorageError: they cannot.
        """
        if not self._prepared:
            ensure_private_directory(self._path_of_directory(ring), "the directory of the high-water marks", self._warn)
            self._prepared = True

    def _path_of_directory(self, ring: OpenRing) -> str:
        if not self._directory:
            self._directory = marks_directory(ring.ring.store_id)
        return self._directory

    def place(self, identity: str) -> bytes:
        """Return the 32 bytes that identify an object in its mark. They also name the mark's file."""
        return sha256(self._tenant + write_text(identity)).digest()

    def read(self, ring: OpenRing, identity: str) -> Optional[Mark]:
        """Return the mark of an object, or None if this user never saw the object.

        Raises:
            Tampered: the mark was changed.
            StorageError: it cannot be read.
        """
        place = self.place(identity)
        path = os.path.join(self._path_of_directory(ring), place.hex())
        for _each in range(_READS):  # another process may be writing at the same time
            mark, whole = self._parse(_content(path), place)
            if whole:
                return mark
        raise Tampered(
            "the high-water mark {0} was changed without the key".format(path),
            remedy="Find out who can write there. Remove the file to rebuild the mark from what the store holds now.",
        )

    def _parse(self, content: bytes, place: bytes) -> Tuple[Optional[Mark], bool]:
        """Return the mark, and whether the content is complete. A mark under a lost key gives None: it can only be learnt again."""
        if not any(content[:8]):  # a power cut leaves a new file empty, or full of zeros
            return None, True
        if len(content) != _SIZE:
            return None, False
        magic, version, key_id, at, record_id, serial, revision, deleted, epoch = _BODY.unpack_from(content)
        if (magic, version, at) != (MAGIC, FORMAT, place):
            return None, False
        key = self._find_key(key_id)
        if key is None:
            return None, True
        if not primitives.equal(_mac(key, content[: _BODY.size]), content[_BODY.size :]):
            return None, False
        return Mark(record_id, serial, revision, deleted == 1, epoch), True

    def _find_key(self, key_id: bytes) -> Optional[MasterKey]:
        ring = self._keyring.open()
        if ring is None or key_id not in ring.keys:
            ring = self._keyring.reload()
        return None if ring is None else ring.keys.get(key_id)

    def advance(self, ring: OpenRing, identity: str, seen: Mark, *, durable: bool) -> None:
        """Raise the mark to the seen state, unless it is already that far. The epoch stays."""
        self._change(ring, identity, durable, lambda known: _later(known, seen))

    def bury(self, ring: OpenRing, identity: str, last: Mark) -> None:
        """Record that the object was deleted: nothing up to that serial is accepted again."""
        self._change(ring, identity, True, lambda known: _bury(known, last))

    def restore(self, ring: OpenRing, identity: str, seen: Mark) -> None:
        """Set the mark to an explicitly restored state, in a new epoch."""
        self._change(ring, identity, True, lambda known: _restore(known, seen))

    def _change(self, ring: OpenRing, identity: str, durable: bool, decide: Callable[[Optional[Mark]], Optional[Mark]]) -> None:
        """Change a mark under its lock, so that a slow process never lowers the mark that a fast one has raised."""
        self.prepare(ring)
        place = self.place(identity)
        path = os.path.join(self._directory, place.hex())
        with FileLock(path, _WAIT, operation="raising a high-water mark"):
            known = self.read(ring, identity)
            wanted = decide(known)
            if wanted is not None and wanted != known:
                _write(path, _encode(ring.active, place, wanted), durable)

    def rewrite_all(self, ring: OpenRing) -> int:
        """Authenticate every mark with the active key. Return how many were under another key (rule 12).

        Several are written at once: a disk syncs many files in about the time of one.
        """
        from concurrent.futures import ThreadPoolExecutor  # slow to load, and only a rotation needs it

        self.prepare(ring)
        names = [name for name in os.listdir(self._directory) if len(name) == 64]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return sum(pool.map(lambda name: self._rewrite(ring, name), names))

    def _rewrite(self, ring: OpenRing, name: str) -> bool:
        place, path = bytes.fromhex(name), os.path.join(self._directory, name)
        with FileLock(path, _WAIT, operation="rewriting a high-water mark"):
            content = _content(path)
            mark, _each = self._parse(content, place)
            if mark is None or content[8:24] == ring.active.key_id:
                return False
            _write(path, _encode(ring.active, place, mark), True)
            return True


def _later(known: Optional[Mark], seen: Mark) -> Optional[Mark]:
    if known is None:
        return seen
    if (seen.serial, seen.revision) <= (known.serial, known.revision):
        return None
    return seen._replace(epoch=known.epoch, deleted=known.deleted and seen.serial == known.serial)


def _bury(known: Optional[Mark], last: Mark) -> Optional[Mark]:
    if known is None:
        return last._replace(deleted=True)
    if last.serial < known.serial:
        return None
    return last._replace(deleted=True, epoch=known.epoch)


def _restore(known: Optional[Mark], seen: Mark) -> Optional[Mark]:
    if known is None:
        return seen._replace(epoch=1)
    newest = max(known, seen, key=lambda mark: (mark.serial, mark.revision))
    return newest._replace(epoch=known.epoch + 1)


def _encode(key: MasterKey, place: bytes, mark: Mark) -> bytes:
    body = _BODY.pack(MAGIC, FORMAT, key.key_id, place, mark.record_id, mark.serial, mark.revision, mark.deleted, mark.epoch)
    return body + _mac(key, body)


def _mac(key: MasterKey, body: bytes) -> bytes:
    return primitives.mac(key.mark_context, body)


def _content(path: str) -> bytes:
    """Return the bytes of a mark; empty if there is no file, or if it was created and never written."""
    with translated(_ROLE, path, writing=False):
        try:
            return read_file(path, _MOST_BYTES, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return b""


def _write(path: str, content: bytes, durable: bool) -> None:
    """Overwrite a mark. If a power cut loses the file's name, only the mark is lost; the next read of the newest record sets it again."""
    with translated(_ROLE, path):
        descriptor = open_regular(path, os.O_WRONLY | os.O_NOFOLLOW)
        try:
            if os.pwrite(descriptor, content, 0) != len(content):
                raise StorageError("{0} {1} cannot be written whole".format(_ROLE, path), remedy="Free some room there and repeat.")
            if durable:
                os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
