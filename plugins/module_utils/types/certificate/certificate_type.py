# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates (X.509) with their keys: signed by themselves or by a CA of the store, or as another issuer signed them (C5)."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import NoToken, Package, check_packages
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, Record, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import private_keys
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate import certificates, key_stores, names, signing, terms

if TYPE_CHECKING:
    from cryptography import x509

CRYPTOGRAPHY = Package("cryptography>=44", "cryptography")

SELF, CA, OTHER = "self", "ca", "other"
CERTIFICATE, CHAIN, ROOT, FULLCHAIN = "certificate", "chain", "root", "fullchain"
_PEM = (CERTIFICATE, CHAIN, ROOT)
_USED: Mapping[str, Tuple[str, ...]] = {SELF: terms.FIELDS, CA: ("ca", *terms.FIELDS), OTHER: ("alt_names",)}
"""The fields that each issuer reads, of those that say what a certificate shall be."""
_DECIDING = ("ca", *terms.FIELDS)
_SHOWN = (FULLCHAIN, "fingerprint", "fingerprint_sha1", "serial", "subject")
"""The fields that are computed, and are not secret."""


class Certificate(CredentialType):
    """A private key, and a certificate for it.

    The stored certificate is always of the stored key: a rotation makes both. Where the library signs, each write compares the
    certificate with the fields, and signs again if they differ, or if less than a third of its time is left.
    """

    name = certificates.TYPE_NAME
    description = "a private key with an X.509 certificate, signed here or by another issuer"
    primary = "private_key"
    packages = (CRYPTOGRAPHY,)
    fields = (
        Field("private_key", secret=True, required=True, description="The private key, in PEM."),
        Field("passphrase", secret=True, description="The passphrase that the private key is encrypted with."),
        Field("issuer", default=SELF, choices=(SELF, CA, OTHER), description="Who signs the certificate."),
        Field("ca", description="The credential of type C(certificate), in the same store, that signs the certificate."),
        Field("common_name", identifies=True, description="The common name; the credential's name if it is not given."),
        Field("distinguished_name", identifies=True, description="The whole subject as RFC 4514 writes it, instead of a common name."),
        Field("alt_names", identifies=True, description="Host names, addresses, email addresses and URIs, with commas in between."),
        Field("usages", description="What it is good for, with commas in between; C(server,client) if it is not given."),
        Field("path_length", description="How many CAs may follow below this CA, one after the other; 0 if it is not given."),
        Field("permitted_names", description="The domains and networks that this CA may sign, with commas in between."),
        Field("valid_for", description="How long the certificate lasts; C(90d), or C(3650d) for a CA, if it is not given."),
        Field(CERTIFICATE, description="The certificate, in PEM: signed here, or given if another issuer signed it."),
        Field(CHAIN, description="The certificates between it and its root, in PEM."),
        Field(ROOT, description="The certificate of the root, in PEM."),
        Field("keystore_passphrase", secret=True, description="The passphrase of key stores that are read and written."),
    )

    def is_secret(self, field: str) -> bool:
        """Return False also for the public fields that are computed."""
        return field not in _SHOWN and super().is_secret(field)

    def expand(self, fields: Fields) -> Dict[str, Secret]:
        """Replace `fullchain`, `pkcs12` and `jks` by their parts. Who signs follows from what is given, where `issuer` is not."""
        expanded = dict(fields)
        there = find_values(expanded)
        for form in key_stores.FORMS:
            if form in there:
                self._expand_key_store(form, expanded)
        for field in (FULLCHAIN, CERTIFICATE):
            if field in find_values(expanded):
                self._expand_bundle(field, expanded)
        there = find_values(expanded)
        if "issuer" not in there and (CERTIFICATE in there or "ca" in there):
            expanded["issuer"] = Secret(OTHER if CERTIFICATE in there else CA)
        return expanded

    def check_given(self, given: Fields, merged: Fields) -> None:
        """Check as every type does; and that no certificate is given where one is signed here.

        Raises:
            InvalidInput: see `CredentialType.check_given`.
        """
        super().check_given(given, merged)
        issuer = _read_issuer(merged)
        found = sorted(set(find_values(given)) & {*_PEM, FULLCHAIN, *key_stores.FORMS})
        if found and issuer != OTHER:
            remedy = "Give one of the two. Another issuer's certificate has 'issuer: other', and no 'ca'."
            self.refuse(found[0], "is given, and 'issuer: {0}' signs another one".format(issuer), remedy)

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the fields. A key that has lost its last newline (a lookup of a file takes it) gets it back.

        Raises:
            InvalidInput: see `CredentialType.validate`; also a key or certificates that cannot be read or do not belong together,
                and fields that the issuer does not use.
            MissingLibrary: a package is not installed.
        """
        complete = super().validate(fields)
        complete["private_key"] = Secret(complete["private_key"].expose().replace(b"\r\n", b"\n").strip() + b"\n")
        texts, issuer = _read_texts(complete), _read_issuer(complete)
        idle = [field for field in _DECIDING if field in texts and field not in _USED[issuer]]
        if idle:
            remedy = "Change 'issuer', or set to null: {0}.".format(", ".join(idle))
            self.refuse(idle[0], "has no effect with 'issuer: {0}'".format(issuer), remedy)
        key = self._read_key(complete)
        if issuer == OTHER:
            return self._check_signed_elsewhere(complete, texts, key)
        if issuer == CA:
            if "ca" not in texts:
                self.refuse("ca", "is missing", "Name the credential of the CA, or write 'issuer: self'.")
            check_name(texts["ca"])
        terms.read_terms(texts, "name")
        return complete

    def complete(self, name: str, fields: Fields, read: Callable[[str], Record], now: datetime) -> Dict[str, Secret]:
        """Return the fields with a certificate that is signed here; the stored one if it still fits.

        Raises:
            InvalidInput: the certificate of another issuer has expired; or `ca` is this credential itself, is of another type, or may
                not sign such a certificate.
            CredentialError: `ca` cannot be read.
        """
        complete, texts, issuer = dict(fields), _read_texts(fields), _read_issuer(fields)
        if issuer == OTHER:
            if certificates.read_certificate(complete[CERTIFICATE].expose(), CERTIFICATE).not_valid_after_utc <= now:
                self.refuse(CERTIFICATE, "has expired", "Get a new one from its issuer.")
            return complete
        key, wanted = self._read_key(fields), terms.read_terms(texts, name)
        signer = signing.Signer(key) if issuer == SELF else self._read_signer(name, texts["ca"], read)
        stored = certificates.read_certificate(complete[CERTIFICATE].expose(), CERTIFICATE) if CERTIFICATE in texts else None
        if stored is None or not signing.fits(stored, key.public_key(), signer, wanted, now):
            stored = signing.sign(key.public_key(), signer, wanted, now)
        found = dict(zip((CHAIN, ROOT), signing.write_chain(signer)), **{CERTIFICATE: certificates.write_certificates([stored])})
        complete.update({field: Secret(text) for field, text in found.items() if text})
        return {field: value for field, value in complete.items() if found.get(field) != ""}

    def expires_at(self, fields: Fields) -> Optional[datetime]:
        """Return when the certificate ends; None if there is none."""
        certificate = find_values(fields).get(CERTIFICATE)
        return None if certificate is None else certificates.read_certificate(certificate.expose(), CERTIFICATE).not_valid_after_utc

    def generate(self, options: Mapping[str, Any], fields: Fields) -> Dict[str, Secret]:
        """Return `fields` with a new private key, encrypted with the passphrase if there is one, and without a certificate.

        Args:
            options: `kind` (ed25519, ecdsa, rsa) and `bits`. By default both are those of the key that is replaced, else Ed25519.
            fields: the other fields, given or kept.

        Raises:
            InvalidInput: an option does not fit, or another issuer signs the certificate.
            MissingLibrary: a package is not installed.
        """
        check_packages(self.packages)
        is_replaced = "private_key" in find_values(fields)
        replaced = (
            private_keys.describe_key(self._read_key(fields), self.name) if is_replaced else private_keys.KeyKind(private_keys.ED25519)
        )
        key = private_keys.make_key(private_keys.choose_kind(options, replaced, self.name))
        if _read_issuer(fields) == OTHER:
            self.refuse(
                "private_key", "is not generated for another issuer's certificate", "Give the new key and its certificate together."
            )
        made = {field: value for field, value in fields.items() if field not in _PEM}
        return dict(made, private_key=Secret(_write_private_key(key, _read_bytes(fields, "passphrase"))))

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return a field. The chain as a whole, key stores, fingerprints, `serial` and `subject` are computed from the stored ones."""
        if field == CHAIN and CERTIFICATE in find_values(fields) and field not in find_values(fields):
            return Secret("")  # the root has signed it
        if field not in (*_SHOWN, *key_stores.FORMS):
            return super().read(fields, state, field)
        certificate = certificates.read_certificate(super().read(fields, state, CERTIFICATE).expose(), CERTIFICATE)
        if field in key_stores.FORMS:
            return self._write_key_store(field, fields, certificate)
        if field == FULLCHAIN:
            return Secret(certificates.write_certificates([certificate, *_read_pem(fields, CHAIN)]))
        computed: Dict[str, Callable[[x509.Certificate], str]] = {
            "fingerprint": certificates.write_fingerprint,
            "fingerprint_sha1": lambda each: certificates.write_fingerprint(each, "SHA1"),
            "serial": certificates.write_serial,
            "subject": lambda each: each.subject.rfc4514_string(),
        }
        return Secret(computed[field](certificate))

    def _expand_key_store(self, form: str, expanded: Dict[str, Secret]) -> None:
        check_packages(self.packages)
        there = find_values(expanded)
        twice = sorted(({"private_key", CERTIFICATE, CHAIN, FULLCHAIN, *key_stores.FORMS} & set(there)) - {form})
        if twice:
            self.refuse(twice[0], "is given, and '{0}' holds one".format(form), "Give one of the two.")
        store = key_stores.read_key_store(form, _decode(there[form].expose()), _read_bytes(expanded, "keystore_passphrase"))
        roots = [each for each in store.chain if certificates.is_self_signed(each)]
        found = {
            "private_key": _write_private_key(store.key, _read_bytes(expanded, "passphrase")).decode("ascii"),
            CERTIFICATE: certificates.write_certificates([store.certificate]),
            CHAIN: certificates.write_certificates([each for each in store.chain if each not in roots]),
            ROOT: certificates.write_certificates(roots),
        }
        del expanded[form]
        expanded.update({field: Secret(text) for field, text in found.items() if text})

    def _expand_bundle(self, field: str, expanded: Dict[str, Secret]) -> None:
        """Put the first certificate into `certificate`, and the others into `chain`."""
        check_packages(self.packages)
        found = certificates.read_certificates(expanded[field].expose(), field)
        if field == FULLCHAIN or len(found) > 1:
            twice = sorted({CERTIFICATE, CHAIN, FULLCHAIN} & set(find_values(expanded)) - {field})
            if twice:
                self.refuse(twice[0], "is given, and '{0}' holds one".format(field), "Give one of the two.")
            del expanded[field]
            expanded[CERTIFICATE] = Secret(certificates.write_certificates(found[:1]))
            if found[1:]:
                expanded[CHAIN] = Secret(certificates.write_certificates(found[1:]))

    def _check_signed_elsewhere(
        self, complete: Dict[str, Secret], texts: Mapping[str, str], key: private_keys.PrivateKey
    ) -> Dict[str, Secret]:
        """Return the fields of another issuer's certificate, with its PEM texts in one form; `alt_names` are names that it has to hold."""
        if CERTIFICATE not in texts:
            self.refuse(CERTIFICATE, "is missing", "Give the one that the issuer signed, or write 'issuer: self'.")
        certificate = certificates.read_certificate(complete[CERTIFICATE].expose(), CERTIFICATE)
        certificates.check_key(certificate, key)
        chain, root = _read_pem(complete, CHAIN), _read_pem(complete, ROOT)
        certificates.check_chain(certificate, [*chain, *root])
        held = terms.read_held_names(certificate)
        missing = (
            [name for name in names.read_alt_names(texts["alt_names"]) if not names.covers(held, name)] if "alt_names" in texts else []
        )
        if missing:
            what = "has {0}, for which the certificate is not good".format(ascii("{0}:{1}".format(*missing[0])))
            self.refuse("alt_names", what, "Get a certificate with that name, or leave the name out.")
        pem = {CERTIFICATE: [certificate], CHAIN: chain, ROOT: root}
        return dict(complete, **{field: Secret(certificates.write_certificates(found)) for field, found in pem.items() if found})

    def _read_signer(self, name: str, ca: str, read: Callable[[str], Record]) -> signing.Signer:
        if ca == name:
            self.refuse("ca", "is the credential itself", "Name the credential of the CA, or write 'issuer: self'.")
        record = read(ca)
        if record.type != self.name:
            self.refuse("ca", "names a credential of another type", "Name one of type '{0}'.".format(self.name))
        certificate = certificates.read_certificate(super().read(record.fields, {}, CERTIFICATE).expose(), CERTIFICATE)
        above = (*_read_pem(record.fields, CHAIN), *_read_pem(record.fields, ROOT))
        return signing.Signer(self._read_key(record.fields), certificate, above)

    def _read_key(self, fields: Fields) -> private_keys.PrivateKey:
        check_packages(self.packages)
        text = super().read(fields, {}, "private_key").expose()
        if b"BEGIN OPENSSH PRIVATE KEY" in text:
            raise private_keys.key_error(self.name, "is in OpenSSH's format", "Convert it with: ssh-keygen -p -m PKCS8 -f FILE")
        return private_keys.read_private_key(text, _read_bytes(fields, "passphrase"), self.name)

    def _write_key_store(self, form: str, fields: Fields, certificate: x509.Certificate) -> Secret:
        passphrase = _read_bytes(fields, "keystore_passphrase")
        if not passphrase:
            raise NoToken("a key store needs a passphrase", remedy="Set the field 'keystore_passphrase'.")
        store = key_stores.KeyStore(self._read_key(fields), certificate, tuple(_read_pem(fields, CHAIN)))
        return Secret(key_stores.write_key_store(form, store, terms.find_common_name(certificate) or self.name, passphrase))


def _read_issuer(fields: Fields) -> str:
    found = find_values(fields).get("issuer")
    return SELF if found is None else found.expose().decode("utf-8", "replace")


def _read_texts(fields: Fields) -> Dict[str, str]:
    """Return the fields that have a value and are not secret, as text."""
    there = find_values(fields)
    return {
        field.name: there[field.name].expose().decode("utf-8") for field in Certificate.fields if not field.secret and field.name in there
    }


def _read_bytes(fields: Fields, field: str) -> Optional[bytes]:
    found = find_values(fields).get(field)
    return None if found is None else found.expose()


def _read_pem(fields: Fields, field: str) -> List[x509.Certificate]:
    text = _read_bytes(fields, field)
    return certificates.read_certificates(text, field) if text else []


def _write_private_key(key: Any, passphrase: Optional[bytes]) -> bytes:
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))


def _decode(content: bytes) -> bytes:
    """Return the bytes of a key store that is given as they are (they begin with an ASN.1 sequence), or as text in base64."""
    try:
        return base64.b64decode(b"".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        return content
