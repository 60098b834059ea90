# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SSH keys and certificates in OpenSSH's formats, by `cryptography`, which is loaded when the first one is used.

OpenSSH's own descriptions: PROTOCOL.key (private keys), PROTOCOL.certkeys (certificates).
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Tuple, Union

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
    from cryptography.hazmat.primitives.serialization import SSHCertificate

    PrivateKey = Union[Ed25519PrivateKey, EllipticCurvePrivateKey, RSAPrivateKey]
    PublicKey = Union[Ed25519PublicKey, EllipticCurvePublicKey, RSAPublicKey]

ED25519, ECDSA, RSA = "ed25519", "ecdsa", "rsa"
ALGORITHMS = (ED25519, ECDSA, RSA)
SIZES: Mapping[str, Tuple[int, ...]] = {ED25519: (), ECDSA: (256, 384, 521), RSA: (3072, 4096, 8192)}
"""The sizes that are generated, in bits; the first one is the default. An Ed25519 key has one size."""

LEAST_RSA_BITS = 2048
"""A shorter key is refused, as OpenSSH's own default refuses or warns of it."""

USER, HOST = "user", "host"
EXTENSIONS = ("permit-X11-forwarding", "permit-agent-forwarding", "permit-port-forwarding", "permit-pty", "permit-user-rc")
BACKDATED = timedelta(minutes=5)
"""A certificate is valid from that long before it is signed: the clocks of servers differ."""

FOREVER = 2**64 - 1


@dataclass(frozen=True)
class CertificateTerms:
    """What a certificate says of its key.

    Attributes:
        kind: `user` or `host`.
        principals: the user or host names that it is good for.
        lasts: how long it is valid after it is signed.
        extensions: what a user may do, of `EXTENSIONS`; a host certificate has none.
    """

    kind: str
    principals: Tuple[str, ...]
    lasts: timedelta
    extensions: Tuple[str, ...]


def generate_key(algorithm: str, bits: Optional[int], passphrase: Optional[bytes]) -> bytes:
    """Generate a private key, and return it in OpenSSH's format, encrypted if there is a passphrase.

    Raises:
        InvalidInput: there is no such algorithm, or it has no keys of that size.
    """
    if algorithm not in ALGORITHMS:
        raise _invalid_option("there is no kind {0}".format(ascii(algorithm)), "Use one of: {0}.".format(", ".join(ALGORITHMS)))
    sizes = SIZES[algorithm]
    if bits is not None and bits not in sizes:
        remedy = "Use one of: {0}.".format(", ".join(map(str, sizes))) if sizes else "Leave 'bits' out: these keys have one size."
        raise _invalid_option("there is no key of kind '{0}' with {1} bits".format(algorithm, bits), remedy)
    return write_private_key(_make_key(algorithm, bits or (sizes[0] if sizes else 0)), passphrase)


def _make_key(algorithm: str, bits: int) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if algorithm == ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == RSA:
        return rsa.generate_private_key(65537, bits)
    curves = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}
    return ec.generate_private_key(curves[bits])


def write_private_key(key: PrivateKey, passphrase: Optional[bytes]) -> bytes:
    """Return a private key in OpenSSH's format, encrypted if there is a passphrase."""
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, encryption)


def read_private_key(text: bytes, passphrase: Optional[bytes]) -> PrivateKey:
    """Read a private key in OpenSSH's format, or in PEM (PKCS#8, PKCS#1, SEC 1).

    Raises:
        InvalidInput: it is none, its passphrase is missing, wrong or not needed, or its algorithm is not one of `ALGORITHMS`.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    load: Any = load_ssh_private_key if b"BEGIN OPENSSH PRIVATE KEY" in text else load_pem_private_key
    try:
        key = load(text, password=passphrase)
    except TypeError:
        if passphrase is None:
            raise _invalid("private_key", "is encrypted, and there is no passphrase", "Give 'passphrase' too.") from None
        what = "is not encrypted, and there is a passphrase"
        raise _invalid("private_key", what, "Encrypt it with: ssh-keygen -p. Or leave 'passphrase' out.") from None
    except (ValueError, UnsupportedAlgorithm):
        what = "cannot be read" if passphrase is None else "cannot be read with this passphrase"
        raise _invalid(
            "private_key", what, "Give a key in OpenSSH's format or in PEM, and the passphrase that it is encrypted with."
        ) from None
    describe_key(key)
    return key  # type: ignore[no-any-return]


def describe_key(key: PrivateKey) -> Tuple[str, Optional[int]]:
    """Return the algorithm of a key and its size in bits; None for Ed25519.

    Raises:
        InvalidInput: the algorithm is none of `ALGORITHMS`, or the key is too short.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ed25519.Ed25519PrivateKey):
        return ED25519, None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= LEAST_RSA_BITS:
        return RSA, key.key_size
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in ("secp256r1", "secp384r1", "secp521r1"):
        return ECDSA, key.key_size
    what = "is neither an Ed25519 key, nor ECDSA on a NIST curve, nor RSA of {0} bits or more".format(LEAST_RSA_BITS)
    raise _invalid("private_key", what, "Generate a key, or keep this one with type 'opaque'.")


def write_public_key(key: PublicKey, comment: str = "") -> str:
    """Return a public key as a line of `authorized_keys`, without a newline."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")
    return "{0} {1}".format(line, comment) if comment else line


def fingerprint(key: PublicKey) -> str:
    """Return the SHA-256 fingerprint as `ssh-keygen -l` prints it."""
    digest = hashlib.sha256(base64.b64decode(write_public_key(key).split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")


def read_certificate(text: bytes) -> SSHCertificate:
    """Read an OpenSSH certificate.

    Raises:
        InvalidInput: it is none, or its signature does not fit.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import SSHCertificate, load_ssh_public_identity

    try:
        found = load_ssh_public_identity(text.strip())
        if isinstance(found, SSHCertificate):
            found.verify_cert_signature()
            return found
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature):
        pass
    raise _invalid("certificate", "is no OpenSSH certificate with a valid signature", "Give the line of the file that ends in -cert.pub.")


def is_certificate_of(certificate: SSHCertificate, key: PublicKey) -> bool:
    """Return True if a certificate is for this key."""
    return write_public_key(certificate.public_key()) == write_public_key(key)


def read_end(certificate: SSHCertificate) -> Optional[datetime]:
    """Return when a certificate ends (aware, UTC); None if it does not."""
    try:
        return datetime.fromtimestamp(certificate.valid_before, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None  # FOREVER, or another time after the year 9999


def sign(key: PublicKey, ca: PrivateKey, key_id: str, terms: CertificateTerms, now: datetime) -> str:
    """Return a certificate, as one line without a newline.

    Args:
        key: the key that it is for.
        ca: the key that signs it.
        key_id: what a server writes to its log at a login.
        terms: what it says.
        now: the time of the signature.
    """
    import secrets

    from cryptography.hazmat.primitives.serialization import SSHCertificateBuilder, SSHCertificateType

    builder = (
        SSHCertificateBuilder()
        .public_key(key)
        .serial(secrets.randbits(64))
        .type(SSHCertificateType.HOST if terms.kind == HOST else SSHCertificateType.USER)
        .key_id(key_id.encode("utf-8"))
        .valid_principals([name.encode("utf-8") for name in terms.principals])
        .valid_after((now - BACKDATED).timestamp())
        .valid_before((now + terms.lasts).timestamp())
    )
    for extension in terms.extensions:
        builder = builder.add_extension(extension.encode("ascii"), b"")
    return builder.sign(ca).public_bytes().decode("ascii")


def fits(certificate: SSHCertificate, key: PublicKey, ca: PublicKey, terms: CertificateTerms, now: datetime) -> bool:
    """Return True if a certificate is what `sign` would make, and a third of its time or more is left."""
    lived = timedelta(seconds=certificate.valid_before - certificate.valid_after) if certificate.valid_before != FOREVER else None
    if lived is None or abs(lived - BACKDATED - terms.lasts) > timedelta(seconds=1):
        return False
    left = timedelta(seconds=certificate.valid_before - now.timestamp())
    return (
        left >= terms.lasts / 3
        and is_certificate_of(certificate, key)
        and write_public_key(certificate.signature_key()) == write_public_key(ca)
        and _read_terms(certificate) == (terms.kind, sorted(terms.principals), dict.fromkeys(sorted(terms.extensions), ""), {})
    )


def _read_terms(certificate: SSHCertificate) -> Tuple[str, Any, Dict[str, str], Dict[bytes, bytes]]:
    principals = sorted(name.decode("utf-8", "replace") for name in certificate.valid_principals)
    extensions = {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, value in certificate.extensions.items()}
    return certificate.type.name.lower(), principals, extensions, certificate.critical_options


def _invalid(field: str, what: str, remedy: str) -> InvalidInput:
    return InvalidInput("field '{0}' of type 'ssh_key' {1}".format(field, what), option="fields", remedy=remedy)


def _invalid_option(what: str, remedy: str) -> InvalidInput:
    return InvalidInput(what, option="generate", remedy=remedy)
