# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entries of the shared cache: sealed whole, so that neither a value nor a name can be read there (F1, docs/advanced/session.md).

An entry is 4 bytes of format, a salt, a nonce and the ciphertext: AES-256-GCM with a key of its own (HKDF of the tier's key with that
salt), bound to the key and field where it is stored. Inside are the time at which it ends, the name and version that were read, and
the record.
"""

from __future__ import annotations

import os
import time
from datetime import datetime
from typing import Callable, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto.payload import read_payload, write_payload
from ansible_collections.nebula.credential.plugins.module_utils.encoding.binary import (
    I64,
    Malformed,
    Reader,
    write_bytes,
    write_text,
    write_value,
)
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope_metadata import (
    read_metadata,
    read_scope,
    write_metadata,
    write_scope,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record

FORMAT = b"NSC1"
_SALT = 32
_HEAD = len(FORMAT) + _SALT + primitives.NONCE_SIZE
_VALUES, _NAMES = primitives.info_for(primitives.SHARED_CACHE_VALUE), primitives.info_for(primitives.SHARED_CACHE_NAME)


class Spot(NamedTuple):
    """The place of an entry: a key and a field in it. Without the tier's key, neither reveals the name or version."""

    key: bytes
    field: bytes


class Unsealed(NamedTuple):
    """The record in an entry, and when the entry ends (seconds since 1970)."""

    record: Record
    ends_at: float


class Entries:
    """Write and read the entries of one store under one key."""

    def __init__(self, key: bytes, prefix: str, store: bytes, clock: Callable[[], float] = time.time) -> None:
        """Take the key of 32 bytes, the prefix of key names, what identifies this store, and a clock (seconds since 1970)."""
        self._key = key
        self._names = primitives.mac_context(primitives.derive(key, None, _NAMES))
        self._clock = clock
        self._store = primitives.mac(self._names, write_bytes(store))[:16]
        self.start = "{0}:{1}:".format(prefix, self._store.hex()).encode("utf-8")
        """The prefix of the key of every entry of this store."""

    def spot(self, name: str, version: Optional[str]) -> Spot:
        """Return the place of a credential's current value, or of a version. All entries of a name are under one key."""
        return Spot(self.start + self._wrap_key(name), self._wrap_key(name, version))

    def _wrap_key(self, *parts: Optional[str]) -> bytes:
        return primitives.mac(self._names, self._store, *map(write_text, parts))[:16].hex().encode("ascii")

    def seal(self, record: Record, version: Optional[str], ttl: float) -> bytes:
        """Return an entry that ends after `ttl` seconds.

        Raises:
            InvalidInput: the metadata cannot be written.
        """
        head = FORMAT + os.urandom(_SALT) + os.urandom(primitives.NONCE_SIZE)
        plain = I64.pack(int((self._clock() + ttl) * 1e6)) + write_text(record.name) + write_text(version) + _encode_record(record)
        return head + primitives.encrypt(
            self._of(head), head[-primitives.NONCE_SIZE :], plain, self._build_associated_data(head, record.name, version)
        )

    def open(self, entry: bytes, name: str, version: Optional[str]) -> Optional[Record]:
        """Return the record; None if the entry belongs to another name or store, was changed, or has ended."""
        found = self.unseal(entry, name, version)
        return found.record if found is not None and found.ends_at > self._clock() else None

    def unseal(self, entry: bytes, name: str, version: Optional[str]) -> Optional[Unsealed]:
        """Return what an entry holds, even if it has ended; None if it belongs to another name or store, or was changed."""
        head = entry[:_HEAD]
        if len(head) < _HEAD or not head.startswith(FORMAT):
            return None
        nonce = head[-primitives.NONCE_SIZE :]
        plain = primitives.decrypt(self._of(head), nonce, entry[_HEAD:], self._build_associated_data(head, name, version))
        if plain is None:
            return None
        try:
            reader = Reader(plain)
            ends_at = reader.i64() / 1e6
            fits = (reader.text(), reader.optional_text()) == (name, version)
            return Unsealed(_read(reader, name), ends_at) if fits else None
        except (Malformed, Damaged):
            return None

    def _of(self, head: bytes) -> bytes:
        return primitives.derive(self._key, head[len(FORMAT) : len(FORMAT) + _SALT], _VALUES)

    def _build_associated_data(self, head: bytes, name: str, version: Optional[str]) -> bytes:
        spot = self.spot(name, version)
        return head + write_bytes(spot.key) + write_bytes(spot.field)


def _encode_record(record: Record) -> bytes:
    record_id = None if record.record_id is None else record.record_id.hex()
    counts = [record.serial, record.revision, record.verified, record_id, record.ends_at and record.ends_at.isoformat()]
    known = record.full_metadata
    return b"".join(
        (
            write_text(record.type),
            write_text(record.version),
            write_value(counts),
            write_text(known.scope.tenant),
            write_scope(known.scope),
            write_bytes(write_metadata(known)),
            write_bytes(write_payload(record.fields, record.state)),
        )
    )


def _read(reader: Reader, name: str) -> Record:
    kind, version = reader.text(), reader.optional_text()
    serial, revision, verified, record_id, ends_at = _counts(reader.value())
    scope = read_scope(reader, reader.text())
    metadata = read_metadata(reader.bytes(), scope)
    fields, state = read_payload(reader.bytes())
    reader.end()
    return Record(
        name,
        type=kind,
        fields=fields,
        state=state,
        metadata=metadata,
        version=version,
        serial=serial,
        record_id=record_id,
        revision=revision,
        verified=verified,
        ends_at=ends_at,
    )


def _counts(counts: object) -> Tuple[Optional[int], int, bool, Optional[bytes], Optional[datetime]]:
    if not isinstance(counts, list) or len(counts) != 5:
        raise Malformed("five counts are expected")
    serial, revision, verified, record_id, ends_at = counts
    parsed_end = None if ends_at is None else datetime.fromisoformat(ends_at)
    return serial, revision, verified, None if record_id is None else bytes.fromhex(record_id), parsed_end
