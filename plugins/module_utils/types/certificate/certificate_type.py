# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates (X.509) with their keys: signed here, by a service that is asked for it, or as another issuer signed them (C5)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import NoToken, Package, StorageError, check_packages
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, Record, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import private_keys
from ansible_collections.nebula.credential.plugins.module_utils.types.base import (
    DUE_AT_ONCE,
    SIGNED_AGAIN,
    CredentialType,
    Field,
    RefreshAnswer,
    TypeCapabilities,
    read_named,
    read_public_texts,
    refresh_unsupported_error,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate import (
    certificates,
    issuers,
    issuing,
    key_stores,
    names,
    parts,
    signing,
    terms,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.issuers import (
    ACME,
    CA,
    OTHER,
    PEM,
    SELF,
    SERVICES,
    read_issuer,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.parts import BUNDLE, CERTIFICATE, CHAIN, FULLCHAIN, ROOT

if TYPE_CHECKING:
    from cryptography import x509

CRYPTOGRAPHY = Package("cryptography>=44", "cryptography")
BY_ACME = (Package("acme>=5.9", "acme"), Package("josepy>=2.2", "josepy"))
"""What a credential needs whose certificate is ordered by ACME."""

_ORDERED = (
    "issuer",
    "private_key",
    "common_name",
    "distinguished_name",
    "alt_names",
    "usages",
    "valid_for",
    "url",
    "namespace",
    "mount",
    "role",
)
"""What a service's certificate is made of. A new login does not change it."""
_SHOWN = (FULLCHAIN, "fingerprint", "fingerprint_sha1", "serial", "subject")
"""The fields that are computed, and are not secret."""

_RENEWED_BY = {
    SELF: SIGNED_AGAIN,
    CA: SIGNED_AGAIN,
    OTHER: "Write the new key and its certificate together, with state 'present'.",
}
"""By issuer: who renews a certificate that no service signs."""


class Certificate(CredentialType):
    """A private key, and a certificate for it.

    The stored certificate is always of the stored key: a rotation makes both. Where the library signs, each write compares the
    certificate with the fields, and signs again if they differ, or if less than a third of its time is left. A service is asked at
    a read, by a refresh, and its certificate is the state of that refresh.
    """

    name = certificates.TYPE_NAME
    description = "a private key with an X.509 certificate, signed here or by another issuer"
    primary = "private_key"
    packages = (CRYPTOGRAPHY,)
    capabilities = TypeCapabilities(refresh=True)
    refresh_margin = timedelta(days=30)
    refresh_is_single_use = False
    fields = (
        Field("private_key", secret=True, required=True, description="The private key, in PEM."),
        Field("passphrase", secret=True, description="The passphrase that the private key is encrypted with."),
        Field("issuer", default=SELF, choices=issuers.ISSUERS, description="Who signs the certificate."),
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
        Field("url", description="The address of the service that signs."),
        Field("ca_cert", description="The authorities that its own certificate is verified with, in PEM; by default the system's."),
        Field("namespace", description="The namespace of the PKI, in Vault Enterprise and OpenBao."),
        Field("mount", description="Where the PKI is mounted; C(pki) if it is not given."),
        Field("role", description="The role of the PKI that signs."),
        Field("login_id", identifies=True, description="The role id of an AppRole; for ACME the key id of an external account."),
        Field("login_secret", secret=True, description="A token; with C(login_id) the secret id of that AppRole, or the HMAC key."),
        Field("contact", description="The email address of an account at an ACME service."),
        Field("accept_terms", choices=("true",), description="Accepts the terms of service of an ACME service."),
        Field("challenge", choices=("http", "dns"), description="How the control of names is proved; C(http) if it is not given."),
        Field("challenge_directory", description="Where the files are written that prove it by HTTP."),
        Field("account_key", secret=True, description="The private key of the account at an ACME service."),
    )

    def is_secret(self, field: str) -> bool:
        """Return False also for the public fields that are computed."""
        return field not in _SHOWN and super().is_secret(field)

    def expand(self, fields: Fields) -> Dict[str, Secret]:
        """Replace `fullchain`, `pkcs12` and `jks` by their parts. Who signs follows from what is given, where `issuer` is not."""
        check_packages(self.packages)
        expanded = parts.expand_bundles(parts.expand_key_stores(fields))
        there = find_values(expanded)
        found = issuers.find_issuer(there)
        return dict(expanded, issuer=Secret(found)) if found and "issuer" not in there else expanded

    def check_given(self, given: Fields, merged: Fields) -> None:
        """Check as every type does; and that no certificate and no login is given that the issuer does not use.

        Raises:
            InvalidInput: see `CredentialType.check_given`.
        """
        super().check_given(given, merged)
        issuers.check_given(find_values(given), read_issuer(merged))

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the fields. A key that has lost its last newline (a lookup of a file takes it) gets it back.

        Raises:
            InvalidInput: see `CredentialType.validate`; also a key or certificates that cannot be read or do not belong together,
                and fields that the issuer does not use.
            MissingLibrary: a package is not installed.
        """
        complete = super().validate(fields)
        complete["private_key"] = private_keys.restore_lines(complete["private_key"])
        issuer = read_issuer(complete)
        complete = issuers.select_fields(complete, issuer)
        texts, key = read_public_texts(self, complete), self._read_key(complete)
        if issuer == OTHER:
            return parts.check_signed_elsewhere(complete, key)
        if issuer == ACME:
            check_packages((*self.packages, *BY_ACME))
        if issuer == CA:
            check_name(texts["ca"])
        terms.read_terms(texts, "name")
        return complete

    def complete(self, name: str, fields: Fields, read: Callable[[str], Record], now: datetime) -> Dict[str, Secret]:
        """Return the fields with a certificate that is signed here, the stored one if it still fits; or with the name for a service.

        Raises:
            InvalidInput: the certificate of another issuer has expired; or `ca` is this credential itself, is of another type, or may
                not sign such a certificate.
            CredentialError: `ca` cannot be read.
        """
        complete, texts, issuer = dict(fields), read_public_texts(self, fields), read_issuer(fields)
        if issuer in SERVICES:
            # A refresh does not know the name. Services sign names, so one of them is the common name.
            alt_names = names.read_alt_names(texts["alt_names"]) if "alt_names" in texts else ()
            complete = dict({"common_name": Secret(alt_names[0].text if alt_names else name)}, **complete)
            return issuing.complete_order(complete, terms.read_terms(read_public_texts(self, complete), name))
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
        """Return when the certificate ends; None if there is none. That of a service is due at once."""
        if read_issuer(fields) in SERVICES:
            return DUE_AT_ONCE
        certificate = find_values(fields).get(CERTIFICATE)
        return None if certificate is None else certificates.read_certificate(certificate.expose(), CERTIFICATE).not_valid_after_utc

    def keeps_state(self, before: Fields, after: Fields) -> bool:
        """Return True if a service signs, and would issue the same certificate as before."""
        there, then = find_values(before), find_values(after)
        return read_issuer(after) in SERVICES and all(there.get(field) == then.get(field) for field in _ORDERED)

    def generate(self, options: Mapping[str, Any], fields: Fields) -> Dict[str, Secret]:
        """Return `fields` with a new private key, encrypted with the passphrase if there is one, and without a certificate.

        Args:
            options: `kind` (ed25519, ecdsa, rsa) and `bits`. By default both are those of the key that is replaced, else
                Ed25519; ECDSA where a service signs.
            fields: the other fields, given or kept.

        Raises:
            InvalidInput: an option does not fit, or another issuer signs the certificate.
            MissingLibrary: a package is not installed.
        """
        check_packages(self.packages)
        is_replaced = "private_key" in find_values(fields)
        # Few services sign Ed25519 keys.
        usual = private_keys.KeyKind(private_keys.ECDSA if read_issuer(fields) in SERVICES else private_keys.ED25519)
        replaced = private_keys.describe_key(self._read_key(fields), self.name) if is_replaced else usual
        key = private_keys.make_key(private_keys.choose_kind(options, replaced, self.name))
        if read_issuer(fields) == OTHER:
            self.refuse(
                "private_key", "is not generated for another issuer's certificate", "Give the new key and its certificate together."
            )
        made = {field: value for field, value in fields.items() if field not in PEM}
        return dict(made, private_key=Secret(parts.write_private_key(key, parts.find_bytes(fields, "passphrase"))))

    def can_refresh(self, fields: Fields) -> bool:
        """Return True if a service signs the certificate."""
        return read_issuer(fields) in SERVICES

    def explain_no_refresh(self, fields: Fields) -> str:
        """Return who renews it."""
        return _RENEWED_BY.get(read_issuer(fields)) or super().explain_no_refresh(fields)

    def refresh(self, fields: Fields, state: Fields) -> RefreshAnswer:
        """Order a certificate for the stored key.

        Raises:
            RefreshUnsupported: no service signs it.
            StorageError: the service has sent a certificate of another key, or certificates that are no chain of it.
            CredentialError: the service refuses, or there was no response.
        """
        if not self.can_refresh(fields):
            raise refresh_unsupported_error(self, fields)
        key, texts = self._read_key(fields), read_public_texts(self, fields)
        found = issuing.order_certificates(fields, texts, key, terms.read_terms(texts, self.name))
        chain = certificates.sort_chain(found[0], certificates.remove_repeated(found[1:]))
        if chain is None or not certificates.is_of_key(found[0], key.public_key()):
            raise StorageError("the service sent no certificate of the key with its chain", remedy="Check the address of the service.")
        return RefreshAnswer(parts.build_pem(found[0], chain), found[0].not_valid_after_utc)

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return a field. The chain as a whole, key stores, fingerprints, `serial` and `subject` are computed from the stored ones."""
        held = {**fields, **state}
        if field == CHAIN and CERTIFICATE in find_values(held) and field not in find_values(held):
            return Secret("")  # the root has signed it
        if field not in (*_SHOWN, *key_stores.FORMS, BUNDLE):
            return super().read(fields, state, field)
        certificate = certificates.read_certificate(super().read(fields, state, CERTIFICATE).expose(), CERTIFICATE)
        if field in key_stores.FORMS:
            return self._write_key_store(field, held, certificate)
        fullchain = certificates.write_certificates([certificate, *parts.read_pem(held, CHAIN)])
        if field in (FULLCHAIN, BUNDLE):
            return Secret((b"" if field == FULLCHAIN else held["private_key"].expose()) + fullchain.encode("ascii"))
        computed: Dict[str, Callable[[x509.Certificate], str]] = {
            "fingerprint": certificates.write_fingerprint,
            "fingerprint_sha1": lambda each: certificates.write_fingerprint(each, "SHA1"),
            "serial": certificates.write_serial,
            "subject": lambda each: each.subject.rfc4514_string(),
        }
        return Secret(computed[field](certificate))

    def _read_signer(self, name: str, ca: str, read: Callable[[str], Record]) -> signing.Signer:
        if ca == name:
            self.refuse("ca", "is the credential itself", "Name the credential of the CA, or write 'issuer: self'.")
        record = read_named(read, ca, name)
        if record.type != self.name:
            self.refuse("ca", "names a credential of another type", "Name one of type '{0}'.".format(self.name))
        certificate = certificates.read_certificate(super().read(record.fields, {}, CERTIFICATE).expose(), CERTIFICATE)
        above = (*parts.read_pem(record.fields, CHAIN), *parts.read_pem(record.fields, ROOT))
        return signing.Signer(self._read_key(record.fields), certificate, above)

    def _read_key(self, fields: Fields) -> private_keys.PrivateKey:
        check_packages(self.packages)
        text = super().read(fields, {}, "private_key").expose()
        if b"BEGIN OPENSSH PRIVATE KEY" in text:
            raise private_keys.key_error(self.name, "is in OpenSSH's format", "Convert it with: ssh-keygen -p -m PKCS8 -f FILE")
        return private_keys.read_private_key(text, parts.find_bytes(fields, "passphrase"), self.name)

    def _write_key_store(self, form: str, fields: Fields, certificate: x509.Certificate) -> Secret:
        passphrase = parts.find_bytes(fields, "keystore_passphrase")
        if not passphrase:
            raise NoToken("a key store needs a passphrase", remedy="Set the field 'keystore_passphrase'.")
        store = key_stores.KeyStore(self._read_key(fields), certificate, tuple(parts.read_pem(fields, CHAIN)))
        alias = signing.find_common_name(certificate.subject.rfc4514_string()) or self.name
        return Secret(key_stores.write_key_store(form, store, alias, passphrase))
