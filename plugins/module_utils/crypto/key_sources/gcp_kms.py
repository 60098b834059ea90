# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key source `gcp_kms`: a random secret that a symmetric key of Google Cloud KMS encrypts and decrypts (E2).

The key never leaves KMS. The store's id is the additional authenticated data. KMS finds the key's own version in the ciphertext: its
rotation changes nothing for a slot. Checksums (CRC32C) go both ways, as Google recommends:
https://cloud.google.com/kms/docs/data-integrity-guidelines
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, Callable, Dict, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.crc32c import compute_crc32c
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.entry import Surroundings, naming_source, read_entry
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.wrapping import WrappingSource
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidConfiguration,
    LoginFailed,
    MissingKey,
    StorageError,
    WrongPassphrase,
)

GOOGLE = "https://cloudkms.googleapis.com"
_KEY = re.compile(r"projects/[^/\s]+/locations/[^/\s]+/keyRings/[^/\s]+/cryptoKeys/[^/\s:?#]+\Z")
_PERMISSIONS = {"encrypt": "useToEncrypt", "decrypt": "useToDecrypt"}


class GcpKms(WrappingSource):
    """A key of Cloud KMS. Build it with `from_options`."""

    kind = "gcp_kms"
    operation = "asking Cloud KMS"
    does_not_unwrap = ("KMS does not decrypt what it encrypted", "Check that 'endpoint' leads to Cloud KMS itself.")

    def __init__(self, options: Mapping[str, Any], warn: Callable[[str], object]) -> None:
        """Take the checked options, and the function for warnings. Sends nothing."""
        super().__init__(options["label"] or options["key"], options["read_timeout"])
        self._options = options
        self._key = options["key"]
        self._warn = warn

    def wrap(self, secret: bytes, store_id: bytes) -> bytes:
        return self._read(self._ask("encrypt", "plaintext", secret, store_id), "ciphertext")

    def unwrap(self, wrapped: bytes, store_id: bytes) -> bytes:
        return self._read(self._ask("decrypt", "ciphertext", wrapped, store_id), "plaintext")

    def _ask(self, what: str, name: str, content: bytes, store_id: bytes) -> Dict[str, Any]:
        """Send one request, and return the response."""
        from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.login import Login
        from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient
        from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls

        body = {**_describe(name, content), **_describe("additionalAuthenticatedData", store_id)}
        url = "{0}/v1/{1}:{2}".format((self._options["endpoint"] or GOOGLE).rstrip("/"), self._key, what)
        login, client = Login(self._options, self._warn), HttpClient(Tls(ca_file=self._options["ca_cert"]))
        try:
            headers = {"Authorization": "Bearer " + login.read_token(), "Content-Type": "application/json"}
            response = client.request("POST", url, headers=headers, body=json.dumps(body).encode("ascii")).check_available()
        finally:
            client.close()
            login.close()
        if response.status != 200:
            raise self._explain(response.status, response.json, what)
        return response.json

    def _read(self, response: Mapping[str, Any], name: str) -> bytes:
        """Return a part of a response whose checksum is right.

        Raises:
            StorageError: the response was changed on its way, or is not one of KMS.
        """
        try:
            content = base64.b64decode(str(response.get(name)), validate=True)
        except binascii.Error:
            content = b""
        if str(response.get(name + "Crc32c")) != str(compute_crc32c(content)):
            raise StorageError("the response was changed on its way, or is not one of Cloud KMS", remedy="Retry, and check 'endpoint'.")
        return content

    def _explain(self, status: int, response: Mapping[str, Any], what: str) -> CredentialError:
        found = response.get("error")
        code = str(found.get("status")) if isinstance(found, Mapping) else ""
        if status == 401:
            return LoginFailed("Google does not accept the login", remedy="Renew 'credentials' or 'access_token'.")
        if status == 403:
            return AccessDenied(
                "this login has not the permission 'cloudkms.cryptoKeyVersions.{0}' on {1}".format(_PERMISSIONS[what], self._key),
                remedy="Grant it roles/cloudkms.cryptoKeyEncrypterDecrypter on the key; to open a store, …Decrypter is enough.",
            )
        if status == 404:
            return MissingKey(
                "there is no key {0} in Cloud KMS".format(self._key),
                remedy="Correct 'key'. A store that it opened needs that very key, or another key source.",
            )
        if code == "FAILED_PRECONDITION":
            return self.unusable(
                "the version of {0} is disabled or destroyed".format(self._key),
                "Enable or restore it: gcloud kms keys versions enable (or restore), or use another key source of the store.",
            )
        if code == "INVALID_ARGUMENT" and what == "decrypt":
            return WrongPassphrase(
                "{0} is not the key that this store's slot was made with".format(self._key),
                remedy="Name that one, or use another key source of the store.",
            )
        if code == "INVALID_ARGUMENT":
            return InvalidConfiguration(
                "{0} is not a symmetric key that encrypts".format(self._key), remedy="Use one of the purpose ENCRYPT_DECRYPT."
            )
        return StorageError("Cloud KMS refused the request (HTTP status {0})".format(status), remedy="Check 'endpoint' and 'key'.")


def _describe(name: str, content: bytes) -> Dict[str, str]:
    """Return bytes as a request holds them, with their checksum."""
    return {name: base64.b64encode(content).decode("ascii"), name + "Crc32c": str(compute_crc32c(content))}


def from_options(given: Mapping[str, Any], surroundings: Surroundings) -> GcpKms:
    """Build the source of an entry of `key_sources`.

    Raises:
        InvalidConfiguration: an option is wrong. No network was used.
    """
    with naming_source(GcpKms.kind):
        entry = read_entry(GcpKms.kind, given).config
        if not _KEY.match(entry["key"] or ""):
            form = "Write it as 'projects/…/locations/…/keyRings/…/cryptoKeys/…', without a version."
            raise InvalidConfiguration("it is not the resource name of a key", option="key", remedy=form)
        if entry["endpoint"] and not entry["endpoint"].startswith("https://"):
            raise InvalidConfiguration("it is not the address of a service", option="endpoint", remedy="Write it as 'https://…'.")
        logins = [option for option in ("credentials", "access_token") if any(entry[option + end] for end in ("", "_file", "_env"))]
        if len(logins) > 1:
            raise InvalidConfiguration("'credentials' is given, too", option="access_token", remedy="Give one of them.")
    return GcpKms(entry, surroundings.warn)
