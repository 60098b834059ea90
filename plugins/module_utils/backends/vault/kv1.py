# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""KV version 1: it has no versions, no metadata, and no compare-and-swap.

So each write reads again before it writes, and a store holds a lock meanwhile (`layers.write_lock`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import CONNECTIONS, Capabilities
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import document_conflict
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_fields import bytes_of, text_of
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_object import read_object, write_object
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, ObjectStore, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv_object_backend import KvObjectBackend
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.mount import STORE, Engine, Location
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import KV1
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.tree_walk import names
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, Damaged
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT

_DOCUMENT = "document"
_OTHER_TOOL = "other"
"""The version mark of a value that another tool wrote: such values cannot be told from each other."""


class Kv1Places(ObjectStore):
    """Objects as secrets. The token is a digest under a random key, so no other process can produce it."""

    def __init__(self, connection: Connection, settings: Mapping[str, Any]) -> None:
        """Take the connection and the store's options."""
        self._connection = connection
        self._location = Location.of(settings)
        self._engine = Engine(connection, self._location.mount, 1)
        self._encrypted = bool(settings.get("encrypt"))
        self._tenant = settings.get("tenant") or DEFAULT_TENANT
        self._key = os.urandom(32)

    def read(self, place: ObjectKey) -> Optional[StoredObject]:
        return self._object(place, self._read(self._path(place)))

    def _path(self, place: ObjectKey) -> str:
        return self._location.place(place.name, place.kind)

    def _object(self, place: ObjectKey, data: Optional[Mapping[str, Any]]) -> Optional[StoredObject]:
        if data is None:
            return None
        found = read_object(place, data, self._digest(data), encrypted=self._encrypted, tenant=self._tenant)
        foreign = found is not None and found.record.metadata is not None and found.record.serial is None
        return replace(found, foreign_token=_OTHER_TOOL) if found is not None and foreign else found

    def _digest(self, data: Mapping[str, Any]) -> str:
        return hmac.new(self._key, json.dumps(data, sort_keys=True).encode("utf-8"), hashlib.sha256).hexdigest()

    def create(self, place: ObjectKey, content: StoredObject) -> StoredObject:
        return self._swap(place, content, None)

    def replace(self, place: ObjectKey, content: StoredObject, found: StoredObject) -> StoredObject:
        return self._swap(place, content, found.token)

    def _swap(self, place: ObjectKey, content: StoredObject, expected: Optional[str]) -> StoredObject:
        path, data = self._path(place), write_object(content)
        self._compare(self._read(path), expected)
        self._write(path, data)
        return replace(content, token=self._digest(data))

    def remove(self, place: ObjectKey, found: Optional[StoredObject]) -> None:
        path = self._path(place)
        there = self._read(path)
        if there is None:
            return
        if found is not None:
            self._compare(there, found.token)
        self._request("DELETE", path, writing=True, capability="delete")

    def _compare(self, there: Optional[Mapping[str, Any]], expected: Optional[str]) -> None:
        if (None if there is None else self._digest(there)) != expected:
            raise Conflict("another process wrote first", remedy="Read it again and repeat.")

    def scan(self, prefix: str, stage: str, names_only: bool) -> Iterator[StoredObject]:
        for name in names(self._keys, self._location.folder(stage), prefix):
            found = self.read_listed(ObjectKey(name, stage))
            if found is not None:
                yield replace(found, record=replace(found.record, fields={}, state={}))

    def _keys(self, folder: str) -> List[str]:
        reply = self._request("LIST", folder, capability="list")
        told = reply.get("keys")
        return [key for key in told if isinstance(key, str)] if isinstance(told, list) else []

    def read_document(self) -> Optional[Tuple[bytes, Optional[str]]]:
        data = self._read(self._location.within(STORE))
        if data is None:
            return None
        content = bytes_of(data.get(_DOCUMENT))
        if content is None:
            raise Damaged("the store's document is not what was written", remedy="Restore it from a backup of the server.")
        return content, self._digest(data)

    def write_document(self, content: bytes, found: Optional[Tuple[bytes, Optional[str]]]) -> None:
        path = self._location.within(STORE)
        try:
            self._compare(self._read(path), found[1] if found else None)
        except Conflict:
            raise document_conflict() from None
        self._write(path, {_DOCUMENT: text_of(content)})

    def _read(self, path: str) -> Optional[Dict[str, Any]]:
        return self._request("GET", path, capability="read") or None

    def _write(self, path: str, data: Mapping[str, Any]) -> None:
        self._engine.check()
        self._request("PUT", path, data, writing=True, capability="update")

    def _request(
        self, method: str, path: str, body: Optional[Mapping[str, Any]] = None, *, writing: bool = False, capability: str
    ) -> Dict[str, Any]:
        """Send a request. Return the keys of its data; empty if there is none."""
        self._engine.check_root()
        whole = "{0}/{1}".format(self._location.mount, path)
        reply = self._connection.request(method, whole, body, writing=writing, capability=capability)
        if reply.status == 404:
            self._engine.check(reply)
        told = reply.body.get("data")
        return told if isinstance(told, dict) else {}


class Kv1(KvObjectBackend):
    """Credentials as secrets of KV version 1, plain or as envelopes."""

    capabilities = Capabilities(
        versions=True,
        stages=True,
        envelopes=True,
        native=True,
        json_fields=True,
        remote=True,
        server_side_encryption=True,
        parallel=CONNECTIONS,
    )
    options = KV1

    def make_places(self) -> ObjectStore:
        return Kv1Places(self._connection, self.settings)
