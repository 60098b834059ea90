# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encrypts and decrypts envelopes (docs/advanced/envelope.md, ENVELOPE rules 2 to 7). `keyring` decides who holds which key."""

from __future__ import annotations

import os
from typing import Dict, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto.master_key import MasterKey
from ansible_collections.nebula.credential.plugins.module_utils.crypto.payload import read_payload, write_payload
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import (
    IDENTITY_OFFSET,
    Envelope,
    Header,
    write_envelope,
    write_header,
)
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope_metadata import write_metadata
from ansible_collections.nebula.credential.plugins.module_utils.errors import Misplaced, Tampered
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, Metadata
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

SUSPECT = "Find out who can write to the store, then restore the credential from a backup or write it again."


def seal(key: MasterKey, place: Header, fields: Fields, state: Fields, metadata: Metadata) -> bytes:
    """Encrypt a value.

    Args:
        key: the active master key.
        place: the identity fields. Its key_id, salt and nonce are ignored and made anew: no AES key ever encrypts twice.
        fields: the value.
        state: what only the type's flow uses.
        metadata: the data that may be read without the key. Its scope must be the one in `place`.

    Returns:
        The envelope, with its metadata at revision 0.

    Raises:
        InvalidInput: the metadata cannot be encoded.
    """
    return _seal(key, place, write_payload(fields, state), 0, write_metadata(metadata))


def _seal(key: MasterKey, place: Header, payload: bytes, revision: int, metadata: bytes) -> bytes:
    salt, nonce = os.urandom(32), os.urandom(primitives.NONCE_SIZE)
    header = place._replace(key_id=key.key_id, salt=salt, nonce=nonce)
    header_bytes = write_header(header)
    record_key = key.record_key(salt, header_bytes[IDENTITY_OFFSET:])
    ciphertext = primitives.encrypt(record_key, nonce, payload, header_bytes)
    return _with_mac(key, Envelope(header, header_bytes, ciphertext, revision, metadata, b""))


def _with_mac(key: MasterKey, envelope: Envelope) -> bytes:
    mac = key.metadata_mac(envelope)
    return write_envelope(envelope.header_bytes, envelope.ciphertext, envelope.revision, envelope.metadata, mac)


def new_place(identity: str, record_id: bytes, serial: int, kind: str, scope: Scope) -> Header:
    """Return the identity fields of a new envelope."""
    return Header(b"", b"", b"", record_id, identity, serial, kind, scope)


def check_place(envelope: Envelope, tenant: str, identity: str) -> None:
    """Compare the identity fields with the requested ones.

    Raises:
        Misplaced: the envelope belongs elsewhere. The message does not name the place: it may be another tenant's.
    """
    header = envelope.header
    if header.identity != identity or header.scope.tenant != tenant:
        different = "tenant" if header.identity == identity else "name or stage"
        raise Misplaced(
            "a genuine envelope that belongs to another {0}".format(different),
            remedy="It was moved, copied or renamed outside the collection. Put it back, or restore from a backup.",
        )


def authentic(key: MasterKey, envelope: Envelope) -> bool:
    """Return True if the metadata is what was written, for this very value."""
    return primitives.equal(key.metadata_mac(envelope), envelope.mac)


def check_metadata(key: MasterKey, envelope: Envelope) -> None:
    """Authenticate the metadata.

    Raises:
        Tampered: it was changed.
    """
    if not authentic(key, envelope):
        raise Tampered("the metadata was changed without the key", remedy=SUSPECT)


def open_value(key: MasterKey, envelope: Envelope) -> Tuple[Dict[str, Secret], Dict[str, Secret]]:
    """Decrypt the value and authenticate everything. Return the fields and the state.

    Raises:
        Tampered: the value or the metadata was changed.
        Damaged: the plaintext does not follow its layout.
    """
    return read_payload(_open(key, envelope))


def _open(key: MasterKey, envelope: Envelope) -> bytes:
    header_bytes = envelope.header_bytes
    record_key = key.record_key(envelope.header.salt, header_bytes[IDENTITY_OFFSET:])
    payload = primitives.decrypt(record_key, envelope.header.nonce, envelope.ciphertext, header_bytes)
    if payload is None:
        raise Tampered("the value was changed without the key", remedy=SUSPECT)
    check_metadata(key, envelope)
    return payload


def with_metadata(key: MasterKey, envelope: Envelope, revision: int, metadata: Metadata) -> bytes:
    """Return the envelope with other metadata. The ciphertext stays, and so do the header and its scope."""
    return _with_mac(key, envelope._replace(revision=revision, metadata=write_metadata(metadata)))


def under_key(key: MasterKey, envelope: Envelope, new: MasterKey) -> bytes:
    """Return the same value, serial, revision and metadata under another master key, with a new salt and nonce.

    Raises:
        Tampered: the value or the metadata was changed.
    """
    return _seal(new, envelope.header, _open(key, envelope), envelope.revision, envelope.metadata)
