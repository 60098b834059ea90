# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The format of docs/advanced/envelope.md, written a second time and plainly. The library is compared with the page, not with itself."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

MAGIC = b"\x89NEBULA\n"
NO_MAP = b"\x06" + bytes(4)
NO_LIST = b"\x05" + bytes(4)


def hkdf(key: bytes, salt: bytes, info: bytes) -> bytes:
    """RFC 5869 for one block."""
    return hmac.digest(hmac.digest(salt or bytes(32), key, "sha256"), info + b"\x01", "sha256")


def u32(number: int) -> bytes:
    return number.to_bytes(4, "big")


def u64(number: int) -> bytes:
    return number.to_bytes(8, "big")


def text(value: str) -> bytes:
    return b"\x01" + u32(len(value.encode())) + value.encode()


def key_id(key: bytes) -> bytes:
    return hkdf(key, b"", text("nebula/1/key-id"))[:16]


def text_map(values: dict[str, str]) -> bytes:
    return b"\x06" + u32(len(values)) + b"".join(text(key) + text(value) for key, value in values.items())


def payload(fields: dict[str, bytes], state: dict[str, bytes]) -> bytes:
    return b"".join(
        u32(len(values)) + b"".join(text(name) + u32(len(value)) + value for name, value in values.items()) for values in (fields, state)
    )


def metadata(created: int, description: str, tags: bytes = NO_MAP) -> bytes:
    times = u64(created) + u64(created + 1) + b"\x04" + u64(created + 2)
    return times + text(description) + text("active") + tags + NO_LIST + NO_MAP + NO_MAP


@dataclass(frozen=True)
class Plan:
    """Everything that goes into an envelope. What is None follows from the rest."""

    key: bytes
    payload: bytes
    metadata: bytes
    tenant: str = "default"
    name: bytes = field(default=text("db_pass"))
    record_id: bytes = bytes(range(16))
    serial: int = 3
    type: str = "basic"
    scope: bytes = b"\x00\x00" + NO_MAP
    salt: bytes = bytes(range(32, 64))
    nonce: bytes = bytes(range(64, 76))
    revision: int = 0
    format: int = 1
    suite: int = 1
    magic: bytes = MAGIC

    def header(self) -> bytes:
        start = self.magic + bytes((self.format, self.suite)) + key_id(self.key) + self.salt + self.nonce
        return start + self.identity()

    def identity(self) -> bytes:
        return text(self.tenant) + self.record_id + self.name + u64(self.serial) + text(self.type) + self.scope

    def ciphertext(self) -> bytes:
        record_key = hkdf(self.key, self.salt, text("nebula/1/record") + self.identity())
        return AESGCM(record_key).encrypt(self.nonce, self.payload, self.header())

    def mac(self) -> bytes:
        header, tag = self.header(), self.ciphertext()[-16:]
        covered = u32(len(header)) + header + tag + u64(self.revision) + u32(len(self.metadata)) + self.metadata
        return hmac.digest(hkdf(self.key, b"", text("nebula/1/metadata")), covered, "sha256")

    def body(self, **other: bytes) -> bytes:
        """All but the checksum, with some parts taken from elsewhere."""
        header = other.get("header", self.header())
        ciphertext = other.get("ciphertext", self.ciphertext())
        revision = other.get("revision", u64(self.revision))
        stored = other.get("metadata", self.metadata)
        return header + u32(len(ciphertext) - 16) + ciphertext + revision + u32(len(stored)) + stored + other.get("mac", self.mac())

    def envelope(self, **other: bytes) -> bytes:
        return checked(self.body(**other))

    def but(self, **changes: object) -> Plan:
        return replace(self, **changes)  # type: ignore[arg-type]


def checked(body: bytes) -> bytes:
    """A body with its right checksum."""
    return body + hashlib.sha256(body).digest()


def slot(key: bytes, source: str, label: str, kdf: bytes, salt: bytes, secret: bytes, store_id: bytes, named: bytes = b"") -> bytes:
    """A key slot. `kdf` is the byte of the derivation and its parameters; `named` another key id than the key's own."""
    head = b"\x01" + bytes(range(100, 116)) + (named or key_id(key)) + text(source) + text(label) + kdf + u32(len(salt)) + salt
    nonce = bytes(range(12))
    wrapped = AESGCM(hkdf(secret, salt, text("nebula/1/wrap"))).encrypt(nonce, key, store_id + head)
    return checked(head + nonce + wrapped)


def argon2id(passphrase: bytes, iterations: int, lanes: int, memory: int, salt: bytes) -> tuple[bytes, bytes]:
    """The secret, and the bytes of the derivation in a slot."""
    secret = Argon2id(salt=salt, length=32, iterations=iterations, lanes=lanes, memory_cost=memory).derive(passphrase)
    return secret, b"\x01" + u32(iterations) + u32(lanes) + u32(memory)
