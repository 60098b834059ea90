# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys of WireGuard and of age: a private key is stored, and its public half is computed from it."""

from __future__ import annotations

import base64
import binascii
from abc import abstractmethod
from typing import Any, Dict, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, InvalidToken, Package, check_packages
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field

PYRAGE = Package("pyrage>=1.2", "pyrage")
CRYPTOGRAPHY = Package("cryptography>=44", "cryptography")
KEY_BYTES = 32


class KeyPair(CredentialType):
    """A private key, and a public one that can be read as a field."""

    public: str = ""
    """The field with the public key."""
    remedy: str = ""
    """What a private key looks like."""

    @abstractmethod
    def generate_private(self) -> str:
        """Return a new private key."""

    @abstractmethod
    def compute_public(self, private: str) -> str:
        """Return the public key of a private one. Raises ValueError if that is none."""

    def is_secret(self, field: str) -> bool:
        """Return False for the public key."""
        return field != self.public and super().is_secret(field)

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the private key.

        Raises:
            InvalidInput: as `CredentialType.validate`; or it is none.
            MissingLibrary: a package is not installed.
        """
        complete = super().validate(fields)
        private = complete[self.primary].expose().decode("utf-8").strip()
        check_packages(self.packages)
        try:
            self.compute_public(private)
        except ValueError:
            self.refuse(self.primary, "is no private key", self.remedy)
        return dict(complete, **{self.primary: Secret(private)})

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return a field, or the public key.

        Raises:
            NoToken: there is no such value.
            InvalidToken: another tool has written what is no private key.
            MissingLibrary: a package is not installed.
        """
        if field != self.public or field in state:
            return super().read(fields, state, field)
        check_packages(self.packages)
        private = super().read(fields, state, self.primary).expose().decode("utf-8", "replace").strip()
        try:
            return Secret(self.compute_public(private))
        except ValueError:
            raise InvalidToken("field '{0}' holds no private key".format(self.primary), remedy=self.remedy) from None

    def generate(self, options: Mapping[str, Any], fields: Fields) -> Dict[str, Secret]:
        """Return `fields` with a new private key.

        Raises:
            InvalidInput: an option is given.
            MissingLibrary: a package is not installed.
        """
        given = sorted(name for name, value in options.items() if value is not None)
        if given:
            what = "type '{0}' has no option {1}".format(self.name, ", ".join(given))
            raise InvalidInput(what, option="generate", remedy="Leave 'generate' out.")
        check_packages(self.packages)
        return dict(fields, **{self.primary: Secret(self.generate_private())})


class WireGuard(KeyPair):
    """A key of a WireGuard peer: X25519 (RFC 7748), in base64."""

    name = "wireguard"
    description = "a key of a WireGuard peer"
    primary = "private_key"
    public = "public_key"
    remedy = "Give what 'wg genkey' prints: 32 bytes in base64."
    packages = (CRYPTOGRAPHY,)
    fields = (Field("private_key", secret=True, required=True, description="The private key in base64, as C(wg genkey) prints it."),)

    def generate_private(self) -> str:
        import secrets

        key = bytearray(secrets.token_bytes(KEY_BYTES))
        # The bits that RFC 7748 section 5 fixes. WireGuard stores them so, and a key that is shown would differ from the one that was set.
        key[0] &= 248
        key[31] = key[31] & 127 | 64
        return base64.b64encode(key).decode("ascii")

    def compute_public(self, private: str) -> str:
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        try:
            key = base64.b64decode(private.encode("ascii"), validate=True)
        except (UnicodeEncodeError, binascii.Error):
            raise ValueError from None
        return base64.b64encode(X25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()).decode("ascii")


class Age(KeyPair):
    """An identity of age, the tool that encrypts files, and its recipient."""

    name = "age"
    description = "an identity of age, which decrypts files"
    primary = "identity"
    public = "recipient"
    remedy = "Give the line of 'age-keygen' that begins with AGE-SECRET-KEY-1."
    packages = (PYRAGE,)
    fields = (Field("identity", secret=True, required=True, description="The private key, C(AGE-SECRET-KEY-1…)."),)

    def generate_private(self) -> str:
        from pyrage import x25519

        return str(x25519.Identity.generate())

    def compute_public(self, private: str) -> str:
        import pyrage

        try:
            return str(pyrage.x25519.Identity.from_str(private).to_public())
        except pyrage.IdentityError:
            raise ValueError from None
