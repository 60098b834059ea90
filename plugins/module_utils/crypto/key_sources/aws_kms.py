# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key source `aws_kms`: a random secret that a symmetric key of AWS KMS encrypts and decrypts (E2).

The key never leaves KMS. The store's id is the encryption context, so KMS does not decrypt for one store what it encrypted for another,
and CloudTrail shows which store was opened. KMS finds the key's own version in the ciphertext: its rotation changes nothing for a slot.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import read_login
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.entry import Surroundings, naming_source, read_entry
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.wrapping import WrappingSource
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidConfiguration,
    MissingKey,
    WrongPassphrase,
)
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws import AwsConnection
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_errors import Refused
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

CONTEXT = "nebula:store"
"""The name of the store's id in the encryption context: policies may require it."""
_OTHER_KEY = ("IncorrectKeyException", "InvalidCiphertextException")
_ABSENT = ("InvalidArnException", "InvalidKeyId", "NotFoundException")
_NOT_NOW = ("DisabledException", "KMSInvalidStateException", "KeyUnavailableException")


class AwsKms(WrappingSource):
    """A key of AWS KMS. Build it with `from_options`."""

    kind = "aws_kms"
    operation = "asking AWS KMS"
    does_not_unwrap = ("KMS does not decrypt what it encrypted", "Check that 'endpoint_url' leads to KMS itself.")

    def __init__(self, connection: AwsConnection, key: str, label: str, seconds: float) -> None:
        """Take the connection, the key's id, alias or ARN, the label of slots, and the time limit of each use. Sends nothing."""
        super().__init__(label, seconds)
        self._connection = connection
        self._key = key

    def wrap(self, secret: bytes, store_id: bytes) -> bytes:
        return bytes(self._ask("encrypt", "Encrypt", store_id, Plaintext=secret).get("CiphertextBlob") or b"")

    def unwrap(self, wrapped: bytes, store_id: bytes) -> bytes:
        return bytes(self._ask("decrypt", "Decrypt", store_id, CiphertextBlob=wrapped).get("Plaintext") or b"")

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, action: str, store_id: bytes, **parameters: Any) -> Dict[str, Any]:
        context = {CONTEXT: store_id.hex()}
        try:
            return self._connection.call(method, action, self._key, KeyId=self._key, EncryptionContext=context, **parameters)
        except Refused as problem:
            raise self._explain(problem) from None
        except AccessDenied as problem:
            problem.remedy = "Allow it to this login, in IAM or in the key's policy (docs/policies/aws-kms.json). The key must be enabled."
            raise

    def _explain(self, problem: Refused) -> CredentialError:
        if problem.refusal in _ABSENT:
            return MissingKey(
                "there is no KMS key '{0}'".format(self._key),
                remedy="Correct 'key' and 'region'. A store that it opened needs that very key: cancel its deletion, or use another key "
                "source of the store.",
            )
        if problem.refusal in _OTHER_KEY:
            return WrongPassphrase(
                "the KMS key '{0}' is not the key that this store's slot was made with".format(self._key),
                remedy="Name that one: an alias may have been moved to another key. Or use another key source of the store.",
            )
        if problem.refusal in _NOT_NOW:
            return self.unusable(
                "the KMS key '{0}' is disabled, or about to be deleted".format(self._key),
                "Run: aws kms enable-key (after cancel-key-deletion), or use another key source of the store.",
            )
        if problem.refusal == "InvalidKeyUsageException":
            return InvalidConfiguration(
                "the KMS key '{0}' is not a symmetric key that encrypts".format(self._key),
                remedy="Use one of the key spec SYMMETRIC_DEFAULT, whose usage is ENCRYPT_DECRYPT.",
            )
        return problem


def from_options(given: Mapping[str, Any], surroundings: Surroundings) -> AwsKms:
    """Build the source of an entry of `key_sources`.

    Raises:
        InvalidConfiguration: an option is wrong. No network was used.
    """
    with naming_source(AwsKms.kind):
        entry = read_entry(AwsKms.kind, given).config
        key = entry["key"]
        if not key or not key.isprintable() or " " in key:
            raise InvalidConfiguration(
                "it names no key", option="key", remedy="Write the id or the ARN of a KMS key, or its alias as 'alias/…'."
            )

        def read_secret(option: str) -> Optional[Secret]:
            return read_login(entry, option, surroundings.warn)

        connection = AwsConnection(entry, "kms", read_secret=read_secret, warn=surroundings.warn)
    return AwsKms(connection, key, entry["label"] or key, entry["read_timeout"])
