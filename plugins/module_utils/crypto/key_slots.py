# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A key slot: one master key, wrapped for one key source, as bytes of a fixed layout (ENVELOPE rules 9 and 10)."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto.argon2id import Parameters
from ansible_collections.nebula.credential.plugins.module_utils.crypto.master_key import MasterKey, key_id_of
from ansible_collections.nebula.credential.plugins.module_utils.encoding.binary import U32, Malformed, Reader, write_bytes, write_text
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, Tampered, WrongPassphrase

FORMAT = 1
RETIRED = "retired"
"""The source of a slot that wraps a former key with the active one (`crypto.retired_keys`)."""
NO_KDF = 0
ARGON2ID = 1
_WRAPPED_SIZE = primitives.KEY_SIZE + 16
_CHECKSUM_SIZE = 32
_WRAP_INFO = primitives.info_for(primitives.WRAP)
RESTORE = "Restore the store's document from a backup."


class Terms(NamedTuple):
    """How a source's secret becomes a wrapping key. `parameters` is None if the secret is already a random key."""

    source: str
    label: str
    parameters: Optional[Parameters]
    salt: bytes


class Slot(NamedTuple):
    """A parsed slot. `associated` holds the bytes that the wrapped key is bound to, without the store id."""

    slot_id: bytes
    key_id: bytes
    terms: Terms
    nonce: bytes
    wrapped: bytes
    associated: bytes


def wrap(key: MasterKey, terms: Terms, secret: bytes, store_id: bytes) -> bytes:
    """Return a new slot, encoded.

    Args:
        key: the master key.
        terms: the source's data that the slot records.
        secret: 32 bytes that only the source knows.
        store_id: the store that the slot opens.
    """
    associated = _write_head(os.urandom(16), key.key_id, terms)
    nonce = os.urandom(primitives.NONCE_SIZE)
    wrapped = key.wrap(_wrapping_key(secret, terms), nonce, store_id + associated)
    body = associated + nonce + wrapped
    return body + sha256(body).digest()


def _write_head(slot_id: bytes, key_id: bytes, terms: Terms) -> bytes:
    kind = NO_KDF if terms.parameters is None else ARGON2ID
    counts = b"" if terms.parameters is None else b"".join(map(U32.pack, terms.parameters))
    head = bytes((FORMAT,)) + slot_id + key_id + write_text(terms.source) + write_text(terms.label)
    return head + bytes((kind,)) + counts + write_bytes(terms.salt)


def _wrapping_key(secret: bytes, terms: Terms) -> bytes:
    return primitives.derive(secret, terms.salt, _WRAP_INFO)


def read_slot(data: bytes) -> Slot:
    """Parse a slot.

    Raises:
        Damaged: its checksum or its layout is wrong.
    """
    body = data[:-_CHECKSUM_SIZE]
    if sha256(body).digest() != data[-_CHECKSUM_SIZE:]:
        raise Damaged("the checksum of a key slot is wrong", remedy=RESTORE)
    reader = Reader(body)
    try:
        return _read_body(reader, body)
    except Malformed as problem:
        raise Damaged("a key slot does not follow its layout: {0}".format(problem), remedy=RESTORE) from None


def _read_body(reader: Reader, body: bytes) -> Slot:
    if reader.byte() != FORMAT:
        raise Malformed("unknown format")
    slot_id, key_id = reader.take(16), reader.take(primitives.KEY_ID_SIZE)
    source, label = reader.text(), reader.text()
    parameters = _read_parameters(reader)
    terms = Terms(source, label, parameters, reader.bytes())
    associated = body[: reader.offset]
    nonce, wrapped = reader.take(primitives.NONCE_SIZE), reader.take(_WRAPPED_SIZE)
    reader.end()
    return Slot(slot_id, key_id, terms, nonce, wrapped, associated)


def _read_parameters(reader: Reader) -> Optional[Parameters]:
    kind = reader.byte()
    if kind == NO_KDF:
        return None
    if kind != ARGON2ID:
        raise Malformed("unknown key derivation")
    return Parameters(reader.u32(), reader.u32(), reader.u32())


def unwrap(slot: Slot, secret: bytes, store_id: bytes) -> MasterKey:
    """Return the master key of a slot whose checksum was correct.

    Raises:
        WrongPassphrase: the source has another secret.
        Tampered: the decrypted key is not the one that the slot names (AES-GCM alone does not commit to a key).
    """
    key = primitives.decrypt(_wrapping_key(secret, slot.terms), slot.nonce, slot.wrapped, store_id + slot.associated)
    if key is None:
        raise WrongPassphrase(
            "the key source {0} does not open the store".format(describe_source(slot.terms)),
            option="key_sources",
            remedy="The store's document is intact: give the passphrase or key that this store was made with.",
        )
    if key_id_of(key) != slot.key_id:
        raise Tampered("a key slot holds another key than the one that it names", remedy=RESTORE)
    return MasterKey(key)


def describe_source(terms: Terms) -> str:
    """Return the name of a source for people."""
    return "'{0}' ({1})".format(terms.source, terms.label) if terms.label else "'{0}'".format(terms.source)
