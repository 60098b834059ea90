# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few primitives that envelopes and keys are built from, all from `cryptography`. Labels separate the keys (ENVELOPE rule 3)."""

from __future__ import annotations

import hmac as standard_hmac
from typing import Any, Optional

from ansible_collections.nebula.credential.plugins.module_utils.encoding.binary import write_text
from ansible_collections.nebula.credential.plugins.module_utils.errors import MissingLibrary, Package, pip_install

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.hmac import HMAC
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
except ImportError:
    HAS_CRYPTOGRAPHY = False
else:
    HAS_CRYPTOGRAPHY = True
    _SHA256 = SHA256()

RECORD = "nebula/1/record"
METADATA = "nebula/1/metadata"
DRIFT = "nebula/1/drift"
AUDIT = "nebula/1/audit"
KEY_ID = "nebula/1/key-id"
KEY_FILE_ID = "nebula/1/key-file-id"
WRAP = "nebula/1/wrap"
RING = "nebula/1/ring"
MARK = "nebula/1/mark"
SHARED_CACHE = "nebula/1/shared-cache"
SHARED_CACHE_VALUE = "nebula/1/shared-cache/value"
SHARED_CACHE_NAME = "nebula/1/shared-cache/name"
FALLBACK_COPY = "nebula/1/fallback-copy"

KEY_SIZE = 32
KEY_ID_SIZE = 16
NONCE_SIZE = 12


def require_cryptography() -> None:
    """Check that the package is installed.

    Raises:
        MissingLibrary: it is not.
    """
    if not HAS_CRYPTOGRAPHY:
        raise MissingLibrary(
            "the Python package 'cryptography' is needed for an encrypted store",
            remedy="Run: {0}".format(pip_install(Package("cryptography>=44", "cryptography"))),
        )


def info_for(label: str) -> bytes:
    """Return a label as the beginning of HKDF's info. Its length is written too, so no label is a prefix of another one."""
    return write_text(label)


def derive(key: bytes, salt: Optional[bytes], info: bytes) -> bytes:
    """Return 32 bytes of HKDF-SHA256 (RFC 5869)."""
    return HKDF(_SHA256, KEY_SIZE, salt, info).derive(key)


def encrypt(key: bytes, nonce: bytes, plain: bytes, associated: bytes) -> bytes:
    """Return the ciphertext and tag (16 bytes) of AES-256-GCM (NIST SP 800-38D)."""
    return AESGCM(key).encrypt(nonce, plain, associated)


def decrypt(key: bytes, nonce: bytes, ciphertext: bytes, associated: bytes) -> Optional[bytes]:
    """Return the plaintext, or None if the tag does not match."""
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, associated)
    except InvalidTag:
        return None


def mac_context(key: bytes) -> Any:
    """Return an HMAC-SHA256 that is set up with a key; a copy of it costs a third of a new one."""
    return HMAC(key, _SHA256)


def mac(context: Any, *parts: bytes) -> bytes:
    """Return the HMAC of the parts. The caller's layout makes their borders unambiguous."""
    running = context.copy()
    for part in parts:
        running.update(part)
    result: bytes = running.finalize()
    return result


equal = standard_hmac.compare_digest
"""Compare in a time that does not depend on where two values differ."""
