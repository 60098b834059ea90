# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making a certificate: what it says, who signs it, and whether a stored one still fits (RFC 5280)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.certificates import (
    field_error,
    has_signed,
    is_authority,
    is_of_key,
    is_self_signed,
    write_certificates,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.names import (
    DNS,
    Name,
    build_general_name,
    find_own_name,
    find_refused,
)

if TYPE_CHECKING:
    from cryptography import x509

    from ansible_collections.nebula.credential.plugins.module_utils.types.private_keys import PrivateKey, PublicKey

SERVER, CLIENT, CODE_SIGNING, EMAIL_PROTECTION, CA = "server", "client", "code_signing", "email_protection", "ca"
USAGES = (SERVER, CLIENT, CODE_SIGNING, EMAIL_PROTECTION, CA)
BACKDATED = timedelta(minutes=5)
"""A certificate is valid from that long before it is signed: the clocks of servers differ."""

_MOMENT = timedelta(seconds=1)
"""Certificates count whole seconds."""


@dataclass(frozen=True)
class Terms:
    """What a certificate says of its key.

    Attributes:
        subject: the distinguished name, as RFC 4514 writes it.
        alt_names: the names that it is good for.
        usages: some of `USAGES`; `ca` stands alone.
        path_length: how many authorities may follow below this one; None if it is none itself, or any number may.
        permitted: the names that an authority may sign; empty if it may sign any.
        lasts: how long it is valid after it is signed.
    """

    subject: str
    alt_names: Tuple[Name, ...]
    usages: Tuple[str, ...]
    path_length: Optional[int]
    permitted: Tuple[Name, ...]
    lasts: timedelta

    @property
    def is_ca(self) -> bool:
        """Whether it is the certificate of an authority."""
        return CA in self.usages


class Signer(NamedTuple):
    """The authority that signs: its key, its certificate, and those above it, the root last if it is known.

    `certificate` is None for a certificate that its own key signs.
    """

    key: PrivateKey
    certificate: Optional[x509.Certificate] = None
    above: Tuple[x509.Certificate, ...] = ()


def read_subject(text: str) -> x509.Name:
    """Return a distinguished name.

    Raises:
        InvalidInput: it is none.
    """
    from cryptography import x509

    try:
        found = x509.Name.from_rfc4514_string(text)
    except Exception:  # noqa: BLE001  # ValueError, and others for values that an attribute cannot hold
        found = None
    if found is None or not list(found):
        raise field_error("distinguished_name", "is none as RFC 4514 writes it", "Write for example: CN=app,O=Example,C=DE.")
    return found


def write_common_name(common_name: str) -> str:
    """Return the distinguished name that consists of a common name alone.

    Raises:
        InvalidInput: it is empty, longer than 64 characters, or not printable.
    """
    from cryptography import x509

    if not (0 < len(common_name) <= 64 and common_name.isprintable()):
        raise field_error("common_name", "is not 1 to 64 printable characters", "Shorten it, and put long names into 'alt_names'.")
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)]).rfc4514_string()


def find_common_name(subject: str) -> str:
    """Return the common name in a distinguished name; empty if it has none."""
    from cryptography import x509

    found = read_subject(subject).get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def build_request(key: PrivateKey, terms: Terms, *, has_subject: bool = True) -> x509.CertificateSigningRequest:
    """Return a request for a certificate of these names (PKCS#10, RFC 2986); of the alternative names alone without a subject."""
    from cryptography import x509

    subject = read_subject(terms.subject) if has_subject else x509.Name([])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if terms.alt_names:
        builder = builder.add_extension(x509.SubjectAlternativeName([build_general_name(name) for name in terms.alt_names]), critical=False)
    return builder.sign(key, _choose_hash(key))


def sign(key: PublicKey, signer: Signer, terms: Terms, now: datetime) -> x509.Certificate:
    """Return a certificate. It ends with that of its signer, if that ends earlier.

    Args:
        key: the key that it is for.
        signer: the authority.
        terms: what it says.
        now: the time of the signature (aware).

    Raises:
        InvalidInput: the signer's certificate does not let it sign this one.
    """
    from cryptography import x509

    check_signer(signer, terms)
    begins = now.replace(microsecond=0) - BACKDATED
    subject = read_subject(terms.subject)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if signer.certificate is None else signer.certificate.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(_find_end(begins, signer, terms))
    )
    for extension, critical in _build_extensions(key, terms):
        builder = builder.add_extension(extension, critical)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    if signer.certificate is not None:
        builder = builder.add_extension(_name_authority(signer.certificate), critical=False)
    return builder.sign(signer.key, _choose_hash(signer.key))


def fits(certificate: x509.Certificate, key: PublicKey, signer: Signer, terms: Terms, now: datetime) -> bool:
    """Return True if a certificate is what `sign` would make, and a third of its time is left, or no more can be had."""
    from cryptography import x509

    begins, ends = certificate.not_valid_before_utc + BACKDATED, certificate.not_valid_after_utc
    authority_ends = None if signer.certificate is None else signer.certificate.not_valid_after_utc
    own = [
        (each.value, each.critical)
        for each in certificate.extensions
        if not isinstance(each.value, (x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier))
    ]
    return (
        is_of_key(certificate, key)
        and has_signed(signer.certificate or certificate, certificate)
        and certificate.subject == read_subject(terms.subject)
        and own == _build_extensions(key, terms)
        and abs(ends - _find_end(begins - BACKDATED, signer, terms)) <= _MOMENT
        and (ends - now >= (ends - begins) / 3 or ends == authority_ends)
    )


def write_chain(signer: Signer) -> Tuple[str, str]:
    """Return the certificates between a signed one and its root, and that of the root, as PEM; empty where there is none."""
    above = [each for each in (signer.certificate, *signer.above) if each is not None]
    roots = [each for each in above if is_self_signed(each)]
    return write_certificates([each for each in above if each not in roots]), write_certificates(roots[:1])


def check_signer(signer: Signer, terms: Terms) -> None:
    """Check that an authority may sign a certificate of these terms.

    Raises:
        InvalidInput: it is none, it allows no authority below it, or constrains the names to others.
    """
    from cryptography import x509

    if signer.certificate is None:
        return
    if not is_authority(signer.certificate):
        raise field_error("ca", "names a certificate that may not sign others", "Give that credential 'usages: ca'.")
    for each in (signer.certificate, *signer.above):
        for extension in each.extensions:
            if isinstance(extension.value, x509.NameConstraints):
                _check_names(extension.value, terms)
    limit = signer.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    if terms.is_ca and limit is not None and (terms.path_length is None or terms.path_length >= limit):
        what = "is an authority below one that allows {0} below it".format(
            "no other" if limit == 0 else "a path length under {0}".format(limit)
        )
        raise field_error("usages", what, "Raise 'path_length' of the CA, or lower it here.")


def _check_names(constraints: x509.NameConstraints, terms: Terms) -> None:
    from cryptography import x509

    known = (x509.DNSName, x509.IPAddress, x509.RFC822Name, x509.UniformResourceIdentifier)
    if not all(isinstance(each, known) for each in (*(constraints.permitted_subtrees or ()), *(constraints.excluded_subtrees or ()))):
        raise field_error("ca", "names an authority with constraints of a kind that is not checked here", "Sign with another one.")
    for field, names in (("alt_names", terms.alt_names), ("common_name", _find_host(terms))):
        refused = find_refused(constraints, names)
        if refused is not None:
            what = "has {0}, which is outside the names that the CA may sign".format(ascii("{0}:{1}".format(*refused)))
            raise field_error(field, what, "Use other names, or sign with another CA.")


def _find_host(terms: Terms) -> Tuple[Name, ...]:
    """Return the common name if it is a host name with a dot, and no alternative name is one: OpenSSL compares it with constraints then."""
    if terms.is_ca or any(name.kind == DNS for name in terms.alt_names):
        return ()
    return tuple(name for name in find_own_name(find_common_name(terms.subject)) if name.kind == DNS and "." in name.text)


def _find_end(begins: datetime, signer: Signer, terms: Terms) -> datetime:
    ends = begins + BACKDATED + terms.lasts
    return ends if signer.certificate is None else min(ends, signer.certificate.not_valid_after_utc)


def _build_extensions(key: PublicKey, terms: Terms) -> List[Tuple[Any, bool]]:
    """Return the extensions that the terms decide, each with whether it is critical."""
    from cryptography import x509

    found: List[Tuple[Any, bool]] = [
        (x509.BasicConstraints(ca=terms.is_ca, path_length=terms.path_length if terms.is_ca else None), True),
        (_build_key_usage(key, terms), True),
    ]
    purposes = _purposes()
    if not terms.is_ca:
        found.append((x509.ExtendedKeyUsage([purposes[usage] for usage in USAGES if usage in terms.usages]), False))
    if terms.alt_names:
        found.append((x509.SubjectAlternativeName([build_general_name(name) for name in terms.alt_names]), False))
    if terms.permitted:
        found.append((x509.NameConstraints([build_general_name(name) for name in terms.permitted], None), True))
    return found


def _purposes() -> Mapping[str, x509.ObjectIdentifier]:
    from cryptography.x509.oid import ExtendedKeyUsageOID

    return {
        SERVER: ExtendedKeyUsageOID.SERVER_AUTH,
        CLIENT: ExtendedKeyUsageOID.CLIENT_AUTH,
        CODE_SIGNING: ExtendedKeyUsageOID.CODE_SIGNING,
        EMAIL_PROTECTION: ExtendedKeyUsageOID.EMAIL_PROTECTION,
    }


def _build_key_usage(key: PublicKey, terms: Terms) -> x509.KeyUsage:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa

    # RSA keys also decrypt: in the key exchange of TLS 1.2, and in S/MIME.
    decrypts = isinstance(key, rsa.RSAPublicKey) and bool({SERVER, EMAIL_PROTECTION} & set(terms.usages))
    return x509.KeyUsage(
        digital_signature=not terms.is_ca,
        content_commitment=False,
        key_encipherment=decrypts,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=terms.is_ca,
        crl_sign=terms.is_ca,
        encipher_only=False,
        decipher_only=False,
    )


def _name_authority(certificate: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    from cryptography import x509

    try:
        own = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(certificate.public_key())  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _choose_hash(key: PrivateKey) -> Any:
    """Return the hash as strong as the key; None for Ed25519, which has its own."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size > 256:
        return hashes.SHA384() if key.key_size == 384 else hashes.SHA512()
    return hashes.SHA256()
