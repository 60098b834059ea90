# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key stores of a key and its certificates: PKCS#12 (RFC 7292) by `cryptography`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.certificates import field_error, is_of_key, sort_chain

if TYPE_CHECKING:
    from cryptography import x509

    from ansible_collections.nebula.credential.plugins.module_utils.types.private_keys import PrivateKey

PKCS12 = "pkcs12"


class KeyStore(NamedTuple):
    """What a key store holds: a key, its certificate, and those above it in the order of signing."""

    key: PrivateKey
    certificate: x509.Certificate
    chain: Tuple[x509.Certificate, ...]


def write_pkcs12(store: KeyStore, alias: str, passphrase: bytes) -> bytes:
    """Return a key store in PKCS#12, encrypted with AES-256. Each call returns other bytes, because the salts are random."""
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

    encryption = BestAvailableEncryption(passphrase)
    return pkcs12.serialize_key_and_certificates(alias.encode("utf-8"), store.key, store.certificate, list(store.chain), encryption)


def read_pkcs12(content: bytes, passphrase: Optional[bytes]) -> KeyStore:
    """Return what a key store in PKCS#12 holds.

    Raises:
        InvalidInput: it is none, the passphrase is wrong or missing, or it does not hold one key with its certificate.
    """
    from cryptography.hazmat.primitives.serialization import pkcs12

    try:
        key, certificate, others = pkcs12.load_key_and_certificates(content, passphrase)
    except Exception:  # noqa: BLE001  # ValueError, UnsupportedAlgorithm, and others for damaged parts
        raise _store_error("cannot be read with 'keystore_passphrase'", "Give the file in base64, and its passphrase.") from None
    return _build_store(key, certificate, others)


def _build_store(key: object, certificate: Optional[x509.Certificate], others: Sequence[x509.Certificate]) -> KeyStore:
    if key is None or certificate is None or not is_of_key(certificate, key.public_key()):  # type: ignore[attr-defined]
        raise _store_error("does not hold a private key with its certificate", "Export the entry of the key with its chain.")
    chain = sort_chain(certificate, others)
    if chain is None:
        raise _store_error("holds certificates that are no chain of the key's", "Export the entry of the key alone.")
    return KeyStore(key, certificate, tuple(chain))  # type: ignore[arg-type]  # the type of the key is checked with the field


def _store_error(what: str, remedy: str) -> InvalidInput:
    return field_error(PKCS12, what, remedy)
