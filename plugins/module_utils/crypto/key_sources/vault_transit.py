# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key source `vault_transit`: a random secret that the Transit engine of a Vault or OpenBao server encrypts and decrypts (E2).

The engine's key never leaves the server. A slot holds the encrypted secret (`vault:v1:…`) in the field where other slots
hold their salt: like a salt, it differs for every slot. The store's id is sent as associated data, so the server does not
decrypt for one store what it encrypted for another.
"""

from __future__ import annotations

import base64
import binascii
import re
from contextlib import suppress
from typing import Any, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Connection, Refused, Reply
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.errors import NO_ROUTE, Answer
from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.entry import Surroundings, naming_source, read_entry
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.wrapping import WrappingSource
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidConfiguration,
    MissingKey,
    WrongPassphrase,
)

_NO_CIPHERTEXT = "vault:v1:" + base64.b64encode(bytes(60)).decode("ascii")
"""A ciphertext that no key decrypts: the server's refusal shows whether the key exists."""
_SEGMENTS = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*\Z")


class _Seen(CredentialError):
    """The server refused `_NO_CIPHERTEXT`: so the key exists and may be used."""


class Transit(WrappingSource):
    """A key of a Transit engine. Build it with `from_options`."""

    kind = "vault_transit"
    operation = "asking Transit"
    does_not_unwrap = ("the server does not decrypt what it encrypted", "See the server's log.")

    def __init__(self, server: Connection, mount: str, key: str, label: str, seconds: float) -> None:
        """Take the connection, the key's place, the label of slots, and the time limit of each use in seconds. Sends nothing."""
        super().__init__(label, seconds)
        self._server = server
        self._mount = mount
        self._key = key

    def check(self, store_id: bytes) -> None:
        with self._in_use():
            self.look(store_id)

    def close(self) -> None:
        self._server.close()

    def look(self, store_id: bytes) -> None:
        """Check that the key exists and that this login may use it: with a policy that allows 'create', 'encrypt' would make a key."""

        def check_reply(reply: Reply) -> Optional[CredentialError]:
            return self._absence(reply) or _Seen("")

        with suppress(_Seen):
            self._ask("decrypt", store_id, check_reply, ciphertext=_NO_CIPHERTEXT)

    def wrap(self, secret: bytes, store_id: bytes) -> bytes:
        reply = self._ask("encrypt", store_id, self._absence, plaintext=_base64(secret))
        return str(reply.get("ciphertext")).encode("utf-8")

    def unwrap(self, wrapped: bytes, store_id: bytes) -> bytes:
        text = wrapped.decode("utf-8", "replace")

        def refusal_error(reply: Reply) -> CredentialError:
            return self._absence(reply) or self._refusal(reply, text)

        reply = self._ask("decrypt", store_id, refusal_error, ciphertext=text)
        try:
            secret = base64.b64decode(str(reply.get("plaintext")), validate=True)
        except binascii.Error:
            secret = b""
        if len(secret) != primitives.KEY_SIZE:
            raise self.unusable("the server's response is not a key", "Check that 'url' leads to the server itself.")
        return secret

    def _ask(self, what: str, store_id: bytes, refused: Refused, **body: str) -> Mapping[str, Any]:
        # `context` binds the store for keys with derivation, as well as the associated data. Other keys ignore it.
        bound = dict(body, associated_data=_base64(store_id), context=_base64(store_id))
        path = "{0}/{1}/{2}".format(self._mount, what, self._key)
        reply = self._server.request("POST", path, bound, capability="update", refused=refused)
        if reply.status == 404:
            raise self._absence(reply) or self._mount_missing_error()
        return reply.body.get("data") or {}

    def _absence(self, reply: Reply) -> Optional[CredentialError]:
        """Return the error if a refusal says that the key is missing or has an unsuitable type, else None."""
        answer = Answer(reply.status, reply.body)
        if answer.says(NO_ROUTE):
            return self._mount_missing_error()
        if answer.says("key not found"):
            return self._without_key()
        if answer.says("non-AEAD"):
            return InvalidConfiguration(
                "{0} is of a type that cannot be bound to a store".format(self._name), remedy="Use one of type aes256-gcm96, the default."
            )
        return None

    def _mount_missing_error(self) -> MissingKey:
        enable = "bao secrets enable -path={0} transit".format(self._mount)
        return MissingKey(
            "no Transit engine is mounted at '{0}'".format(self._mount),
            remedy="Enable it: {0} (or vault …), or correct 'mount' and 'namespace'.".format(enable),
        )

    def _without_key(self) -> MissingKey:
        make = "bao write -f {0}/keys/{1}".format(self._mount, self._key)
        return MissingKey(
            "there is no {0}".format(self._name),
            remedy="For a new store make it: {0} (or vault …). A store that it opened needs that very key: "
            "it is in a backup of the server, or another key source opens the store.".format(make),
        )

    def _refusal(self, reply: Reply, ciphertext: str) -> CredentialError:
        """Return why an existing key does not decrypt."""
        if not Answer(reply.status, reply.body).says("disallowed by policy"):
            return WrongPassphrase(
                "{0} is not the key that this store's slot was made with".format(self._name),
                remedy="It was deleted and made again, or belongs to another server. Restore it, or use another key source of the store.",
            )
        version = ciphertext.partition(":v")[2].partition(":")[0]
        place = "{0}/keys/{1}/config".format(self._mount, self._key)
        return self.unusable(
            "it no longer decrypts with version {0} of its key, with which this store's slot was made".format(version),
            "Allow it: bao write {0} min_decryption_version={1} (or vault …); then rotate the store's master key, "
            "which makes a slot with the newest version.".format(place, version),
        )

    @property
    def _name(self) -> str:
        return "Transit key '{0}' at '{1}'".format(self._key, self._mount)


def from_options(given: Mapping[str, Any], surroundings: Surroundings) -> Transit:
    """Build the source of an entry of `key_sources`.

    Args:
        given: values of `VAULT_TRANSIT`, those of the connection among them.
        surroundings: its function for warnings is called about a connection that is not verified.

    Raises:
        InvalidConfiguration: an option is wrong. No network was used.
    """
    with naming_source(Transit.kind):
        entry, variables = read_entry(Transit.kind, given)
        mount, key = _place(entry)
        connection = Connection(entry, store="", warn=surroundings.warn, variables=variables)
    return Transit(connection, mount, key, entry["label"] or "{0}/{1}".format(mount, key), entry["read_timeout"])


def _place(entry: Mapping[str, Any]) -> Tuple[str, str]:
    mount, key = (entry["mount"] or "").strip("/"), entry["key"] or ""
    if not _SEGMENTS.match(mount):
        raise InvalidConfiguration("it is not a path of an engine", option="mount", remedy="Leave it out for 'transit'.")
    if not _SEGMENTS.match(key) or "/" in key:
        raise InvalidConfiguration("it is not the name of a key", option="key", remedy="Write the name of a key of the Transit engine.")
    return mount, key


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
