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
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization import SSHCertificate

    from ansible_collections.nebula.credential.plugins.module_utils.types.private_keys import PrivateKey, PublicKey

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


def write_private_key(key: PrivateKey, passphrase: Optional[bytes]) -> bytes:
    """Return a private key in OpenSSH's format, encrypted if there is a passphrase."""
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, encryption)


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
