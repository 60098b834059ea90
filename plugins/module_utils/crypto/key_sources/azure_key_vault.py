# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key source `azure_key_vault`: a random secret that an RSA key in Azure Key Vault wraps and unwraps, by RSA-OAEP-256 (E2).

The private key never leaves the vault. RSA has no associated data, so the store's id is wrapped with the secret, and compared. A slot
holds the version of the key before the wrapped secret: after a rotation of the key, old versions still unwrap.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.entry import Surroundings, naming_source, read_entry
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.wrapping import WrappingSource, take_secret
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidConfiguration,
    InvalidInput,
    MissingKey,
    WrongPassphrase,
)

ALGORITHM = "RSA-OAEP-256"
_NAME = re.compile(r"[0-9A-Za-z-]{1,127}\Z")
_VERSION = re.compile(rb"[0-9a-f]{32}")
_GRANT = "Grant it the role 'Key Vault Crypto Service Encryption User', or these permissions for keys in an access policy."


class KeyVaultKey(WrappingSource):
    """A key of a vault. Build it with `from_options`."""

    kind = "azure_key_vault"
    operation = "asking Azure Key Vault"
    does_not_unwrap = ("the vault does not unwrap what it wrapped", "Check that 'vault_url' leads to the vault itself.")

    def __init__(self, options: Mapping[str, Any], connection: Connection) -> None:
        """Take the checked options, and the connection. Sends nothing."""
        self._key = options["key"]
        super().__init__(options["label"] or self._key, options["read_timeout"])
        self._connection = connection
        self._version = options["api_version"]

    def wrap(self, secret: bytes, store_id: bytes) -> bytes:
        found = self._ask("wrapKey", "/keys/{0}/wrapkey".format(self._key), store_id + secret)
        if found is None:
            raise self._missing_key_error()
        version = str(found.get("kid")).rpartition("/")[2].encode("utf-8", "replace")
        if not _VERSION.fullmatch(version):
            raise self.unusable("its response names no version of the key", "Check that 'vault_url' leads to the vault itself.")
        return version + _decode(found.get("value"))

    def unwrap(self, wrapped: bytes, store_id: bytes) -> bytes:
        version, content = wrapped[:32], wrapped[32:]
        if not _VERSION.fullmatch(version):  # whoever may write the store would choose where the login is sent
            raise self._wrong_key_error()
        try:
            found = self._ask("unwrapKey", "/keys/{0}/{1}/unwrapkey".format(self._key, version.decode("ascii")), content)
        except InvalidInput:
            raise self._wrong_key_error() from None
        if found is None:
            raise self._wrong_key_error() if self._has_key(store_id) else self._missing_key_error()
        secret = take_secret(_decode(found.get("value")), store_id)
        if secret is None:
            raise self._wrong_key_error()
        return secret

    def close(self) -> None:
        self._connection.close()

    def _has_key(self, store_id: bytes) -> bool:
        """Return True if the key exists, in other versions than the slot's, as far as this login may know."""
        try:
            return self._ask("wrapKey", "/keys/{0}/wrapkey".format(self._key), store_id) is not None
        except AccessDenied:
            return False

    def _ask(self, permission: str, path: str, content: bytes) -> Optional[Mapping[str, Any]]:
        """Send one request. Return the response, or None if there is no such key, or no such version of it."""
        body = {"alg": ALGORITHM, "value": base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")}
        try:
            answer = self._connection.request(permission, "POST", path, body, secret=self._key, query={"api-version": self._version})
        except AccessDenied as problem:
            if "firewall" in problem.what:
                raise
            what = "this login has not the permission '{0}' on the key '{1}', or the key is disabled".format(permission, self._key)
            raise AccessDenied(what, remedy=_GRANT) from None
        return None if answer.status == 404 else answer.body

    def _missing_key_error(self) -> CredentialError:
        return MissingKey(
            "there is no key '{0}' in the vault".format(self._key),
            remedy="Correct 'key' and 'vault_url', or recover it: az keyvault key recover. A store that it opened needs that very key.",
        )

    def _wrong_key_error(self) -> CredentialError:
        return WrongPassphrase(
            "the key '{0}' is not the key that this store's slot was made with".format(self._key),
            remedy="It was deleted and made again, or is that of another vault. Use another key source of the store.",
        )


def _decode(value: Any) -> bytes:
    """Return the bytes of base64url without padding; none for what is no such text."""
    try:
        text = str(value).encode("ascii")
        return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except (UnicodeEncodeError, binascii.Error):
        return b""


def from_options(given: Mapping[str, Any], surroundings: Surroundings) -> KeyVaultKey:
    """Build the source of an entry of `key_sources`.

    Raises:
        InvalidConfiguration: an option is wrong. No network was used.
    """
    with naming_source(KeyVaultKey.kind):
        entry = read_entry(KeyVaultKey.kind, given).config
        if not _NAME.match(entry["key"] or ""):
            raise InvalidConfiguration("it is not the name of a key", option="key", remedy="Write the name of an RSA key of the vault.")
        connection = Connection(entry, version=entry["api_version"], store="", warn=surroundings.warn)
    return KeyVaultKey(entry, connection)
