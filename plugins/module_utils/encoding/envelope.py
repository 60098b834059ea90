# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An envelope as bytes, without any cryptography (docs/advanced/envelope.md): the part that can be read without a key.

Nothing read here is authenticated: `crypto.envelope` does that. The checksum finds damage, not attacks.
"""

from __future__ import annotations

import struct
import threading
from hashlib import sha256
from typing import Dict, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.encoding.binary import U32, U64, Malformed, Reader, write_bytes, write_text
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope_metadata import read_metadata, read_scope, write_scope
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, NotEncrypted, UnknownFormat
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope

MAGIC = b"\x89NEBULA\n"
"""No text begins with 0x89, and a transfer that converts line ends changes the last byte."""
FORMAT = 1
SUITE = 1
"""HKDF-SHA256, AES-256-GCM, HMAC-SHA256."""

_START = struct.Struct(">8sBB16s32s12s")
IDENTITY_OFFSET = struct.calcsize(_START.format)
"""Offset of the identity fields of the header: tenant, record_id, name, serial, type, scope."""
TAG_SIZE = 16
MAC_SIZE = 32
CHECKSUM_SIZE = 32
RESTORE = "Restore it from a backup, or an older version of it with 'state: restored'."


class Header(NamedTuple):
    """The fields of a header. `identity` is the name with its stage, `scope` includes the tenant."""

    key_id: bytes
    salt: bytes
    nonce: bytes
    record_id: bytes
    identity: str
    serial: int
    type: str
    scope: Scope


class Envelope(NamedTuple):
    """A parsed envelope. `header_bytes` is the header as read; `ciphertext` ends with the tag of 16 bytes."""

    header: Header
    header_bytes: bytes
    ciphertext: bytes
    revision: int
    metadata: bytes
    mac: bytes


class _Parsed:
    """An envelope, and its metadata once it was read."""

    __slots__ = ("envelope", "metadata")

    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope
        self.metadata: Optional[Metadata] = None


class _Memory(threading.local):
    """The envelopes that this thread parsed last. It holds no secret.

    A backend and the layers above it read the same bytes one after the other, a listing in batches, and a write reads the old value
    and the new one. The bytes are compared, which costs less than their checksum.
    """

    def __init__(self) -> None:
        self._by_data: Dict[bytes, _Parsed] = {}
        self._by_envelope: Dict[int, _Parsed] = {}

    def find(self, data: bytes) -> Optional[Envelope]:
        parsed = self._by_data.get(data)
        return None if parsed is None else parsed.envelope

    def find_parsed(self, envelope: Envelope) -> Optional[_Parsed]:
        return self._by_envelope.get(id(envelope))

    def keep(self, data: bytes, envelope: Envelope) -> None:
        if len(data) > _MOST_BYTES:
            return
        if len(self._by_data) == REMEMBERED:
            oldest = self._by_data.pop(next(iter(self._by_data)))
            del self._by_envelope[id(oldest.envelope)]
        self._by_data[data] = self._by_envelope[id(envelope)] = _Parsed(envelope)


_MEMORY = _Memory()
REMEMBERED = 64
_MOST_BYTES = 16 * 1024
"""A larger envelope is not kept in memory."""


def identity_of(name: str, stage: str = CURRENT) -> str:
    """Return the name of the object (name, stage) inside an envelope. Names hold no '#', so this is injective."""
    return name if stage == CURRENT else "{0}#{1}".format(name, stage)


def write_header(header: Header) -> bytes:
    """Return the bytes of a header: the associated data of the ciphertext."""
    scope = header.scope
    return b"".join(
        (
            _START.pack(MAGIC, FORMAT, SUITE, header.key_id, header.salt, header.nonce),
            write_text(scope.tenant),
            header.record_id,
            write_text(header.identity),
            U64.pack(header.serial),
            write_text(header.type),
            write_scope(scope),
        )
    )


def write_envelope(header_bytes: bytes, ciphertext: bytes, revision: int, metadata: bytes, mac: bytes) -> bytes:
    """Build an envelope. `ciphertext` ends with its tag."""
    size = U32.pack(len(ciphertext) - TAG_SIZE)
    body = b"".join((header_bytes, size, ciphertext, U64.pack(revision), write_bytes(metadata), mac))
    return body + sha256(body).digest()


def read_envelope(data: bytes) -> Envelope:
    """Parse an envelope.

    Raises:
        NotEncrypted: this is not an envelope.
        Damaged: the checksum or the layout is wrong.
        UnknownFormat: a later release wrote it.
    """
    known = _MEMORY.find(data)
    if known is not None:
        return known
    body = _check_checksum(data)
    try:
        envelope = _read_body(body)
    except Malformed as problem:
        raise Damaged("the envelope does not follow its layout: {0}".format(problem), remedy=RESTORE) from None
    _MEMORY.keep(data, envelope)
    return envelope


def _check_checksum(data: bytes) -> bytes:
    """Return the bytes before the checksum if it is correct. Checked first, so that damage is never reported as an attack."""
    if not data.startswith(MAGIC):
        if MAGIC.startswith(data):
            raise Damaged("the envelope is cut short", remedy=RESTORE)
        raise NotEncrypted(
            "a plain value where the store is configured as encrypted",
            remedy="Remove it, or put the value in through the collection. A plain store says 'encrypt: false'.",
        )
    body = data[:-CHECKSUM_SIZE]
    if sha256(body).digest() != data[-CHECKSUM_SIZE:]:
        raise Damaged("the checksum of the envelope is wrong", remedy=RESTORE)
    return body


def _read_body(body: bytes) -> Envelope:
    reader = Reader(body)
    _each, version, suite, key_id, salt, nonce = _START.unpack(reader.take(IDENTITY_OFFSET))
    if version != FORMAT or suite != SUITE:
        raise UnknownFormat(
            "the envelope has format {0}, suite {1}; this release reads format 1, suite 1".format(version, suite),
            remedy="Upgrade the collection on this controller.",
        )
    tenant = reader.text()
    record_id = reader.take(16)
    identity = reader.text()
    serial = reader.u64()
    kind = reader.text()
    header = Header(key_id, salt, nonce, record_id, identity, serial, kind, read_scope(reader, tenant))
    header_bytes = body[: reader.offset]
    ciphertext = reader.take(reader.u32() + TAG_SIZE)
    revision = reader.u64()
    metadata = reader.bytes()
    mac = reader.take(MAC_SIZE)
    reader.end()
    return Envelope(header, header_bytes, ciphertext, revision, metadata, mac)


def envelope_metadata(envelope: Envelope) -> Metadata:
    """Return the metadata of a parsed envelope.

    Raises:
        Damaged: it does not follow its layout.
    """
    known = _MEMORY.find_parsed(envelope)
    if known is not None and known.metadata is not None:
        return known.metadata
    try:
        metadata = read_metadata(envelope.metadata, envelope.header.scope)
    except Malformed as problem:
        raise Damaged("the metadata does not follow its layout: {0}".format(problem), remedy=RESTORE) from None
    if known is not None:
        known.metadata = metadata
    return metadata


def public_record(name: str, stage: str, data: bytes) -> Record:
    """Return the record of an envelope that a backend keeps as (`name`, `stage`): everything but the value, unverified.

    The name inside the envelope is not compared here: a wrong key has to be reported before a wrong place.

    Raises:
        NotEncrypted, Damaged, UnknownFormat: as `read_envelope`.
    """
    envelope = read_envelope(data)
    header = envelope.header
    metadata = envelope_metadata(envelope)
    return Record(
        name=name,
        type=header.type,
        metadata=metadata,
        stage=stage,
        version=str(header.serial),
        serial=header.serial,
        record_id=header.record_id,
        revision=envelope.revision,
        envelope=data,
        verified=False,
    )
