# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of a service and of its identity provider, by `cryptography`, which is loaded when the first one is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping, NamedTuple, NoReturn, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.types.private_keys import (
    LEAST_RSA_BITS,
    RSA,
    describe_key,
    read_private_key,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate

TYPE_NAME = "saml"
_CURVES = ("secp256r1", "secp384r1", "secp521r1")


class ServiceKey(NamedTuple):
    """The key of the service: it signs requests, and decrypts assertions.

    Attributes:
        pem: the key in PEM, without a passphrase.
    """

    key: RSAPrivateKey
    certificate: Certificate
    pem: bytes

    def __repr__(self) -> str:
        return "ServiceKey(***)"


def refuse(field: str, what: str, remedy: str) -> NoReturn:
    """Raise InvalidInput about one field; the value is not shown."""
    raise InvalidInput("field '{0}' of type '{1}' {2}".format(field, TYPE_NAME, what), option="fields", remedy=remedy)


def read_certificates(field: str, text: str) -> Tuple[Certificate, ...]:
    """Return the certificates of a PEM text.

    Raises:
        InvalidInput: there is none, one is damaged, or the key of one is not RSA of 2048 bits or more, or ECDSA on a NIST curve.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    try:
        found = x509.load_pem_x509_certificates(text.encode("utf-8"))
        keys: List[Any] = [each.public_key() for each in found]
    except Exception:  # noqa: BLE001  # cryptography raises errors of many classes for damaged parts
        refuse(field, "holds no certificates, or a damaged one", "Give PEM text (-----BEGIN CERTIFICATE-----).")
    for key in keys:
        is_rsa = isinstance(key, rsa.RSAPublicKey) and key.key_size >= LEAST_RSA_BITS
        if not is_rsa and not (isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES):
            what = "holds a certificate whose key is neither RSA of {0} bits or more, nor ECDSA on a NIST curve".format(LEAST_RSA_BITS)
            refuse(field, what, "Have the identity provider sign with another key.")
    return tuple(found)


def read_service_key(texts: Mapping[str, str]) -> Optional[ServiceKey]:
    """Return the key of the service, checked together with its certificate; None if neither is given.

    Raises:
        InvalidInput: one of both is missing, they do not belong together, or the key is not an RSA key.
    """
    for field, other in (("private_key", "certificate"), ("certificate", "private_key")):
        if other in texts and field not in texts:
            refuse(field, "is missing", "Give both, or leave '{0}' out.".format(other))
    if "private_key" not in texts:
        return None
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key: Any = read_private_key(texts["private_key"].encode("utf-8"), None, TYPE_NAME)
    if describe_key(key, TYPE_NAME).algorithm != RSA:
        refuse("private_key", "is not an RSA key", "Assertions are encrypted for RSA keys alone.")
    certificates = read_certificates("certificate", texts["certificate"])
    if len(certificates) != 1 or certificates[0].public_key() != key.public_key():
        refuse("certificate", "is not the one certificate of 'private_key'", "Give the certificate of this key alone.")
    return ServiceKey(key, certificates[0], key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
