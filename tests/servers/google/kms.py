# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cloud KMS: Encrypt and Decrypt of symmetric keys, by REST, as the reference describes them.

https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys/decrypt
"""

from __future__ import annotations

import base64
import json
import os
import re
import threading
from typing import Any, Dict, List, Mapping, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.servers.google.access import Access
from tests.servers.google.model import Refusal

PATH = re.compile(r"/v1/(projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/:]+):(encrypt|decrypt)\Z")
_PERMISSIONS = {"encrypt": "cloudkms.cryptoKeyVersions.useToEncrypt", "decrypt": "cloudkms.cryptoKeyVersions.useToDecrypt"}
_STATUSES = {"UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "NOT_FOUND": 404}
_AAD, _LONGEST = "additionalAuthenticatedData", 64 * 1024


class _Version(NamedTuple):
    number: int
    key: bytes


class Kms:
    """Keys by their resource names, each with its versions. The last one is the primary one."""

    def __init__(self, access: Access) -> None:
        """Begin without keys."""
        self._access = access
        self._keys: Dict[str, List[_Version]] = {}
        self._disabled: Dict[str, bool] = {}
        self._lock = threading.Lock()

    def carry_out(self, order: Mapping[str, str]) -> None:
        """Make, rotate, remove or disable a key."""
        ((what, name),) = order.items()
        with self._lock:
            if what in ("make", "rotate"):
                versions = self._keys.setdefault(name, [])
                versions.append(_Version(len(versions) + 1, os.urandom(32)))
            elif what == "remove":
                del self._keys[name]
            else:
                self._disabled[name] = what == "disable"

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Dict[str, Any]]:
        """The status and the content of a response."""
        found = PATH.match(path)
        assert found
        name, what = found.groups()
        try:
            principal = self._access.find_principal(headers.get("authorization"))
            self._access.check(principal, _PERMISSIONS[what], name)
            with self._lock:
                versions = self._keys.get(name)
            if versions is None:
                raise Refusal("NOT_FOUND", "CryptoKey {0} not found.".format(name))
            return 200, (_encrypt if what == "encrypt" else _decrypt)(name, self._check_enabled(name, versions), json.loads(body))
        except Refusal as refusal:
            status = _STATUSES.get(refusal.code, 400)
            return status, {"error": {"code": status, "status": refusal.code, "message": refusal.text + " canary-text"}}

    def _check_enabled(self, name: str, versions: List[_Version]) -> List[_Version]:
        if self._disabled.get(name):
            raise Refusal("FAILED_PRECONDITION", "{0}/cryptoKeyVersions/1 is not enabled, current state is: DISABLED.".format(name))
        return versions


def _encrypt(name: str, versions: List[_Version], body: Mapping[str, str]) -> Dict[str, Any]:
    plain, bound = _read(body, "plaintext", _AAD)
    version, nonce = versions[-1], os.urandom(12)
    made = bytes([version.number]) + nonce + AESGCM(version.key).encrypt(nonce, plain, bound)
    return {
        "name": "{0}/cryptoKeyVersions/{1}".format(name, version.number),
        "ciphertext": base64.b64encode(made).decode(),
        "ciphertextCrc32c": str(_checksum(made)),
        "verifiedPlaintextCrc32c": "plaintextCrc32c" in body,
        "verifiedAdditionalAuthenticatedDataCrc32c": _AAD + "Crc32c" in body,
        "protectionLevel": "SOFTWARE",
    }


def _decrypt(_name: str, versions: List[_Version], body: Mapping[str, str]) -> Dict[str, Any]:
    made, bound = _read(body, "ciphertext", _AAD)
    for version in versions:
        if made[:1] == bytes([version.number]):
            try:
                plain = AESGCM(version.key).decrypt(made[1:13], made[13:], bound)
            except (InvalidTag, ValueError):
                break
            used = version is versions[-1]
            checksum = str(_checksum(plain))
            return {"plaintext": base64.b64encode(plain).decode(), "plaintextCrc32c": checksum, "usedPrimary": used}
    raise Refusal("INVALID_ARGUMENT", "Decryption failed: verify that 'name' refers to the correct CryptoKey.")


def _read(body: Mapping[str, str], *names: str) -> List[bytes]:
    """The parts of a request. Raises Refusal for a field that there is not, for what is no base64, and for a wrong checksum."""
    unknown = set(body) - {name + ending for name in names for ending in ("", "Crc32c")}
    if unknown:
        raise Refusal("INVALID_ARGUMENT", "Unknown name.")
    found = []
    for name in names:
        try:
            content = base64.b64decode(body.get(name, ""), validate=True)
        except ValueError:
            raise Refusal("INVALID_ARGUMENT", "Invalid value.") from None
        if len(content) > _LONGEST or body.get(name + "Crc32c", str(_checksum(content))) != str(_checksum(content)):
            raise Refusal("INVALID_ARGUMENT", "The checksum does not match the data, or it is too long.")
        found.append(content)
    return found


def _checksum(content: bytes) -> int:
    """CRC32C by its definition (RFC 3720, appendix B.4)."""
    checksum = 0xFFFFFFFF
    for byte in content:
        checksum ^= byte
        for _bit in range(8):
            checksum = checksum >> 1 ^ (0x82F63B78 if checksum & 1 else 0)
    return checksum ^ 0xFFFFFFFF
