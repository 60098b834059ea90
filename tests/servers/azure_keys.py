# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The RSA keys of a Key Vault: wrapKey and unwrapKey with RSA-OAEP-256, as Microsoft's reference of the REST interface describes them.

https://learn.microsoft.com/rest/api/keyvault/keys/unwrap-key/unwrap-key
"""

from __future__ import annotations

import base64
import secrets
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.servers.azure_secrets import Refused, Reply, bad

_OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
_LONGEST = 190
"""Bytes that RSA-OAEP-256 takes with a key of 2,048 bits."""
PERMISSIONS = {"wrapkey": "wrapKey", "unwrapkey": "unwrapKey"}


class _Version(NamedTuple):
    name: str
    key: rsa.RSAPrivateKey


class Keys:
    """Keys by their names, each with its versions, the newest last."""

    def __init__(self) -> None:
        """Begin without keys."""
        self._keys: Dict[str, List[_Version]] = {}

    def carry_out(self, order: Mapping[str, str]) -> None:
        """Make a version of a key, or remove a key with all of them."""
        ((what, name),) = order.items()
        if what == "remove":
            del self._keys[name]
        else:
            made = _Version(secrets.token_hex(16), rsa.generate_private_key(65537, 2048))
            self._keys.setdefault(name, []).append(made)

    def permission(self, path: str) -> str:
        """The permission for keys that a request needs."""
        return PERMISSIONS.get(path.rpartition("/")[2], "get")

    def handle(self, url: str, method: str, path: str, query: Mapping[str, str], body: Optional[Any]) -> Reply:
        """Answer POST /keys/NAME[/VERSION]/(wrapkey|unwrapkey). Raises Refused."""
        parts = path.strip("/").split("/")[1:]
        if method != "POST" or len(parts) not in (2, 3) or parts[-1] not in PERMISSIONS:
            raise Refused(405, "BadParameter", "Method is not allowed.")
        if not query.get("api-version"):
            raise bad("AKV10000: the api-version query parameter is missing")
        if not isinstance(body, dict) or set(body) != {"alg", "value"} or body["alg"] != "RSA-OAEP-256":
            raise bad("Property has invalid value canary-text")
        version = self._find(parts[0], parts[1] if len(parts) == 3 else "")
        content = _decode(str(body["value"]))
        kid = "{0}/keys/{1}/{2}".format(url, parts[0], version.name)
        if parts[-1] == "wrapkey":
            if len(content) > _LONGEST:
                raise bad("The parameter is too long.")
            return Reply(200, {"kid": kid, "value": _encode(version.key.public_key().encrypt(content, _OAEP))})
        try:
            return Reply(200, {"kid": kid, "value": _encode(version.key.decrypt(content, _OAEP))})
        except ValueError:
            raise bad("The parameter is incorrect. canary-text") from None

    def _find(self, name: str, version: str) -> _Version:
        found = [each for each in self._keys.get(name, ()) if version in ("", each.name)]
        if not found:
            raise Refused(404, "KeyNotFound", "A key with (name/id) {0}/{1} was not found in this key vault.".format(name, version))
        return found[-1]


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    if "=" in text or "+" in text or "/" in text:
        raise bad("it is not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
