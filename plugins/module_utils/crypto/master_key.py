# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A master key in memory, and everything that is derived from it (ENVELOPE rules 3 and 7)."""

from __future__ import annotations

import os
from typing import Any, Dict, NoReturn

from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.encoding.binary import U32, U64
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import TAG_SIZE, Envelope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import REDACTED

_RECORD_INFO = primitives.info_for(primitives.RECORD)


def key_id_of(key: bytes) -> bytes:
    """Return the 16 bytes that identify a key. They reveal nothing about it (HKDF)."""
    return primitives.derive(key, None, primitives.info_for(primitives.KEY_ID))[: primitives.KEY_ID_SIZE]


class MasterKey:
    """256 random bits that only leave the process wrapped. Values that do not depend on a record are derived once."""

    __slots__ = ("_key", "_metadata", "_subkeys", "key_id", "mark_context")

    def __init__(self, key: bytes) -> None:
        """Take a key of 32 bytes."""
        self._key = key
        self.key_id = key_id_of(key)
        self._subkeys: Dict[str, bytes] = {}
        self._metadata = primitives.mac_context(self.subkey(primitives.METADATA))
        self.mark_context = primitives.mac_context(self.subkey(primitives.MARK))

    @classmethod
    def generate(cls) -> MasterKey:
        """Return a new random key.

        Raises:
            MissingLibrary: `cryptography` is not installed.
        """
        primitives.require_cryptography()
        return cls(os.urandom(primitives.KEY_SIZE))

    def subkey(self, label: str) -> bytes:
        """Return the key for one purpose: 32 bytes."""
        if label not in self._subkeys:
            self._subkeys[label] = primitives.derive(self._key, None, primitives.info_for(label))
        return self._subkeys[label]

    def record_key(self, salt: bytes, identity_fields: bytes) -> bytes:
        """Return the key of one encryption of one record."""
        return primitives.derive(self._key, salt, _RECORD_INFO + identity_fields)

    def metadata_mac(self, envelope: Envelope) -> bytes:
        """Return the MAC of an envelope's metadata together with the very ciphertext that it belongs to."""
        header, metadata = envelope.header_bytes, envelope.metadata
        tag = envelope.ciphertext[-TAG_SIZE:]
        counts = U64.pack(envelope.revision) + U32.pack(len(metadata))
        return primitives.mac(self._metadata, U32.pack(len(header)) + header + tag + counts + metadata)

    def wrap(self, wrapping_key: bytes, nonce: bytes, associated: bytes) -> bytes:
        """Return this key, encrypted with another one."""
        return primitives.encrypt(wrapping_key, nonce, self._key, associated)

    def __repr__(self) -> str:
        return REDACTED

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a MasterKey cannot be pickled or copied")
