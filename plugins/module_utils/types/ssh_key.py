# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SSH keys, and certificates that a CA of the store signs for them (C8)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import Package, check_packages
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, Record, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import lifetime
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import openssh, private_keys
from ansible_collections.nebula.credential.plugins.module_utils.types.base import (
    SIGNED_AGAIN,
    CredentialType,
    Field,
    read_named,
    read_public_texts,
)

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.types.private_keys import PrivateKey

CRYPTOGRAPHY = Package("cryptography>=44", "cryptography")
BCRYPT = Package("bcrypt>=4", "bcrypt", when="a passphrase")
PUBLIC_KEY, FINGERPRINT = "public_key", "fingerprint"
_SHOWN = (PUBLIC_KEY, FINGERPRINT)
_TERMS = ("principals", "valid_for", "certificate_kind", "extensions")
_VALID_FOR = "30d"
_LONGEST = timedelta(days=3660)


class SshKey(CredentialType):
    """A private key, and with `ca` a certificate for it.

    `public_key` and `fingerprint` can be read as fields: they are always computed from the private key, so a rotation cannot leave
    old ones behind. A certificate is signed again when a third of its time is left, or when the key, the CA or its terms differ.
    """

    name = "ssh_key"
    description = "an SSH key, with a certificate if a CA of the store signs one"
    primary = "private_key"
    packages = (CRYPTOGRAPHY, BCRYPT)
    fields = (
        Field("private_key", secret=True, required=True, description="The private key, in OpenSSH's format or in PEM."),
        Field("passphrase", secret=True, description="The passphrase that the private key is encrypted with."),
        Field("comment", identifies=True, description="The end of the line of the public key."),
        Field("ca", description="The credential of type C(ssh_key), in the same store, that signs the certificate."),
        Field("principals", description="The names that the certificate is good for, with commas in between."),
        Field("valid_for", description="How long a certificate lasts, for example C(12h); C(30d) if it is not given."),
        Field("certificate_kind", choices=(openssh.USER, openssh.HOST), description="Whom it identifies; C(user) if it is not given."),
        Field("extensions", description="What a user may do, with commas in between; C(permit-pty) if it is not given."),
        Field("certificate", description="The certificate: signed by O(ca), or one that another CA has signed."),
    )

    def is_secret(self, field: str) -> bool:
        """Return False also for the two fields that are computed."""
        return field not in _SHOWN and super().is_secret(field)

    def check_given(self, given: Fields, merged: Fields) -> None:
        """Check as every type does; and that no certificate is given where `ca` would sign another one.

        Raises:
            InvalidInput: see `CredentialType.check_given`.
        """
        super().check_given(given, merged)
        if "certificate" in find_values(given) and "ca" in find_values(merged):
            self.refuse("certificate", "is given, and 'ca' signs another one", "Give one of the two.")

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the fields. A private key that has lost its last newline (a lookup of a file takes it) gets it back.

        Raises:
            InvalidInput: see `CredentialType.validate`; also a key or certificate that cannot be read, or that belong to different
                keys, and terms of a certificate that do not fit.
            MissingLibrary: a package is not installed.
        """
        complete = super().validate(fields)
        complete["private_key"] = private_keys.restore_lines(complete["private_key"])
        texts = read_public_texts(self, complete)
        if not texts.get("comment", "").isprintable():
            self.refuse("comment", "is not one line of printable characters", "Remove line breaks and control characters.")
        if "ca" in texts:
            self._read_terms(texts)
        else:
            self._refuse_terms(texts)
        key = self._read_key(complete)
        if "ca" not in texts and "certificate" in texts:
            certificate = openssh.read_certificate(complete["certificate"].expose())
            if not openssh.is_certificate_of(certificate, key.public_key()):
                self.refuse("certificate", "is of another key", "Give the one of this key; or null, to store none.")
        return complete

    def complete(self, name: str, fields: Fields, read: Callable[[str], Record], now: datetime) -> Dict[str, Secret]:
        """Return the fields with a certificate that `ca` has signed; the stored one if it still fits.

        Raises:
            InvalidInput: `ca` is this credential itself, or is not of this type.
            CredentialError: `ca` cannot be read.
        """
        complete = dict(fields)
        texts = read_public_texts(self, fields)
        if "ca" not in texts:
            return complete
        if texts["ca"] == name:
            self.refuse("ca", "is the credential itself", "Name the credential of the CA.")
        signer = read_named(read, texts["ca"], name)
        if signer.type != self.name:
            self.refuse("ca", "names a credential of another type", "Name one of type '{0}'.".format(self.name))
        ca, key, terms = self._read_key(signer.fields), self._read_key(fields).public_key(), self._read_terms(texts)
        if "certificate" in texts:
            stored = openssh.read_certificate(complete["certificate"].expose())
            if openssh.fits(stored, key, ca.public_key(), terms, now):
                return complete
        complete["certificate"] = Secret(openssh.sign(key, ca, name, terms, now))
        return complete

    def expires_at(self, fields: Fields) -> Optional[datetime]:
        """Return when the certificate ends; None if there is none."""
        certificate = find_values(fields).get("certificate")
        return None if certificate is None else openssh.read_end(openssh.read_certificate(certificate.expose()))

    def explain_no_refresh(self, fields: Fields) -> str:
        """Return what signs its certificate again, if it has a CA."""
        return SIGNED_AGAIN if "ca" in find_values(fields) else super().explain_no_refresh(fields)

    def generate(self, options: Mapping[str, Any], fields: Fields) -> Dict[str, Secret]:
        """Return `fields` with a new private key, encrypted with the passphrase if there is one, and without a certificate.

        Args:
            options: `kind` (ed25519, ecdsa, rsa) and `bits`. By default both are those of the key that is replaced, else Ed25519.
            fields: the other fields, given or kept.

        Raises:
            InvalidInput: an option does not fit.
            MissingLibrary: a package is not installed.
        """
        self._check_packages(fields)
        key = private_keys.make_key(private_keys.choose_kind(options, self._describe_key(fields), self.name))
        made = {name: value for name, value in fields.items() if name != "certificate"}
        made["private_key"] = Secret(openssh.write_private_key(key, _read_passphrase(fields)))
        return made

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return a field; the public key as a line of `authorized_keys`, or its SHA-256 fingerprint, computed from the private key."""
        if field not in _SHOWN:
            return super().read(fields, state, field)
        key = self._read_key(fields).public_key()
        comment = read_public_texts(self, fields).get("comment", "")
        return Secret(openssh.fingerprint(key) if field == FINGERPRINT else openssh.write_public_key(key, comment))

    def _read_key(self, fields: Fields) -> PrivateKey:
        self._check_packages(fields)
        return private_keys.read_private_key(super().read(fields, {}, "private_key").expose(), _read_passphrase(fields), self.name)

    def _describe_key(self, fields: Fields) -> private_keys.KeyKind:
        there = "private_key" in find_values(fields)
        return private_keys.describe_key(self._read_key(fields), self.name) if there else private_keys.KeyKind(private_keys.ED25519)

    def _check_packages(self, fields: Fields) -> None:
        check_packages(self.packages if _read_passphrase(fields) is not None else (CRYPTOGRAPHY,))

    def _read_terms(self, texts: Mapping[str, str]) -> openssh.CertificateTerms:
        check_name(texts["ca"])
        kind = texts.get("certificate_kind", openssh.USER)
        principals = _split(texts.get("principals", ""))
        if not principals or not all(name and name.isprintable() and " " not in name for name in principals):
            self.refuse("principals", "is missing, or has an empty name or a blank in it", "Write names with commas in between.")
        if kind == openssh.HOST and "extensions" in texts:
            self.refuse("extensions", "is given for a host", "Leave it out: only certificates of users have extensions.")
        extensions = () if kind == openssh.HOST else _split(texts.get("extensions", "permit-pty"))
        if not set(extensions) <= set(openssh.EXTENSIONS):
            self.refuse("extensions", "has an unknown one", "Use any of: {0}.".format(", ".join(openssh.EXTENSIONS)))
        lasts = lifetime(texts.get("valid_for", _VALID_FOR), "fields.valid_for")
        if lasts > _LONGEST:
            self.refuse("valid_for", "is longer than {0} days".format(_LONGEST.days), "Renew the certificate more often.")
        return openssh.CertificateTerms(kind, principals, lasts, extensions)

    def _refuse_terms(self, texts: Mapping[str, str]) -> None:
        idle = [name for name in _TERMS if name in texts]
        if idle:
            self.refuse(idle[0], "has no effect without 'ca'", "Name the CA in 'ca', or set to null: {0}.".format(", ".join(idle)))


def _read_passphrase(fields: Fields) -> Optional[bytes]:
    passphrase = find_values(fields).get("passphrase")
    return None if passphrase is None else passphrase.expose()


def _split(names: str) -> Tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in names.split(","))) if names else ()
