# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading certificates, and checking that they belong together (RFC 5280), by `cryptography`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

if TYPE_CHECKING:
    from cryptography import x509

    from ansible_collections.nebula.credential.plugins.module_utils.types.private_keys import PrivateKey, PublicKey

TYPE_NAME = "certificate"
LONGEST_CHAIN = 10


def field_error(field: str, what: str, remedy: str) -> InvalidInput:
    """Return the error about one field of the type. Its value is not shown."""
    return InvalidInput("field '{0}' of type '{1}' {2}".format(field, TYPE_NAME, what), option="fields", remedy=remedy)


def read_certificates(text: bytes, field: str) -> List[x509.Certificate]:
    """Return the certificates of a PEM text, in their order.

    Raises:
        InvalidInput: there is none, one is damaged, there are more than `LONGEST_CHAIN`, or there is a private key among them.
    """
    from cryptography import x509

    if b"PRIVATE KEY-----" in text:
        raise field_error(field, "holds a private key, and this field is not secret", "Give the key in 'private_key' alone.")
    try:
        found = x509.load_pem_x509_certificates(text)
        for each in found:
            _parse(each)
    except Exception:  # noqa: BLE001  # cryptography raises errors of many classes for damaged parts
        raise field_error(field, "holds no certificates in PEM, or a damaged one", "Give PEM text (-----BEGIN CERTIFICATE-----).") from None
    if len(found) > LONGEST_CHAIN:
        raise field_error(field, "holds more than {0} certificates".format(LONGEST_CHAIN), "Give only those of one chain.")
    return found


def _parse(certificate: x509.Certificate) -> Tuple[Any, ...]:
    """Use each part that is used later: it is parsed then, and may be damaged."""
    extensions = [each.value for each in certificate.extensions]
    return certificate.subject, certificate.issuer, extensions, certificate.public_key(), certificate.not_valid_after_utc


def read_certificate(text: bytes, field: str) -> x509.Certificate:
    """Return the one certificate of a PEM text.

    Raises:
        InvalidInput: as `read_certificates`, or there are several.
    """
    found = read_certificates(text, field)
    if len(found) > 1:
        raise field_error(field, "holds {0} certificates".format(len(found)), "Give one here, and those that signed it in 'chain'.")
    return found[0]


def write_certificates(certificates: Sequence[x509.Certificate]) -> str:
    """Return certificates as PEM text; empty if there are none."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return "".join(each.public_bytes(Encoding.PEM).decode("ascii") for each in certificates)


def is_of_key(certificate: x509.Certificate, key: PublicKey) -> bool:
    """Return True if a certificate is for this key."""
    return _write_public_key(certificate.public_key()) == _write_public_key(key)  # type: ignore[arg-type]


def check_key(certificate: x509.Certificate, key: PrivateKey) -> None:
    """Check that a given certificate is for a key.

    Raises:
        InvalidInput: it is for another one.
    """
    if not is_of_key(certificate, key.public_key()):
        raise field_error("certificate", "is of another key", "Give 'private_key' and 'certificate' that belong together.")


def has_signed(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Return True if `issuer` names the issuer of a certificate, and its key has signed it."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # noqa: BLE001  # whatever cannot be verified is not verified
        return False
    return True


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Return True if a certificate is signed by its own key, as that of a root is."""
    return has_signed(certificate, certificate)


def remove_repeated(found: Sequence[x509.Certificate]) -> List[x509.Certificate]:
    """Return certificates in their order, each once."""
    return [each for number, each in enumerate(found) if each not in found[:number]]


def sort_chain(certificate: x509.Certificate, others: Sequence[x509.Certificate]) -> Optional[List[x509.Certificate]]:
    """Return `others` in the order of signing, the issuer of `certificate` first; None if they are no chain of it."""
    left, chain, last = list(others), [], certificate
    while left:
        following = next((each for each in left if has_signed(each, last)), None)
        if following is None:
            return None
        left.remove(following)
        chain.append(following)
        last = following
    return chain


def check_chain(certificate: x509.Certificate, chain: Sequence[x509.Certificate]) -> None:
    """Check that each certificate of a chain has signed the one before it, and is that of an authority.

    Raises:
        InvalidInput: one has not; the message says which, and whether another order is right.
    """
    last = certificate
    for number, each in enumerate(chain, 1):
        if not has_signed(each, last):
            what = "is out of order: its certificate {0} did not sign {1}".format(
                number, "'certificate'" if number == 1 else "the one before it"
            )
            is_chain = sort_chain(certificate, chain) is not None
            remedy = (
                "Sort them: first the one that signed 'certificate'."
                if is_chain
                else "Give those of its issuer; or set 'chain' and 'root' to null."
            )
            raise field_error("chain", what, remedy)
        if not is_authority(each):
            raise field_error("chain", "has a certificate {0} that may not sign others".format(number), "Give that of an authority.")
        last = each


def is_authority(certificate: x509.Certificate) -> bool:
    """Return True if a certificate may sign others: it says so in both places of RFC 5280 (4.2.1.3 and 4.2.1.9)."""
    from cryptography import x509

    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return bool(constraints.ca and usage.key_cert_sign)


def write_fingerprint(certificate: x509.Certificate, digest: str = "SHA256") -> str:
    """Return a fingerprint as `openssl x509 -fingerprint` prints it: `AB:CD:…`."""
    from cryptography.hazmat.primitives import hashes

    found = certificate.fingerprint(hashes.SHA1() if digest == "SHA1" else hashes.SHA256())  # noqa: S303  # a name, no signature
    return ":".join("{0:02X}".format(byte) for byte in found)


def write_serial(certificate: x509.Certificate) -> str:
    """Return the serial number as `openssl x509 -serial` prints it: hexadecimal, with an even number of digits."""
    text = "{0:X}".format(certificate.serial_number)
    return text.zfill(len(text) + len(text) % 2)


def _write_public_key(key: PublicKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
