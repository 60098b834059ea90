# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Envelopes in KV version 2 (`encrypt: true`). One version is kept: older values are separate objects, and an
envelope under a replaced master key must not stay in an old version.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Iterator, Mapping, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import CONNECTIONS, BackendContext, Capabilities
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.conflict_retry import attempts
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_fields import DELETED
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_object import read_object, write_object
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, ObjectStore, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_document import read_document, write_document
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_requests import Kv2Requests, Value
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv_object_backend import KvObjectBackend
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.mount import STORE, Location
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import KV2_ENCRYPTED
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.tree_walk import find_stages, names
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict


class Kv2Places(ObjectStore):
    """Objects as secrets. The token is the version of KV, which still rises after an object is removed."""

    def __init__(self, connection: Connection, location: Location, context: BackendContext) -> None:
        """Take the connection, the location of the store, and the context, which says how many objects are read at once."""
        self._context = context
        self._location = location
        self._requests = Kv2Requests(connection, location.mount)

    def read(self, place: ObjectKey) -> Optional[StoredObject]:
        return self._object(place, self._requests.read(self._path(place)))

    def _path(self, place: ObjectKey) -> str:
        return self._location.place(place.name, place.kind)

    def _object(self, place: ObjectKey, value: Optional[Value]) -> Optional[StoredObject]:
        if value is None or value.data is None:
            return None
        number, when = str(value.version.number), value.version.written_at
        return read_object(place, value.data, number, encrypted=True, tenant="", written_at=when)

    def find_stages(self, _name: str) -> Sequence[str]:
        return find_stages(self._requests.keys, self._location.internal_path(""))

    def create(self, place: ObjectKey, content: StoredObject) -> StoredObject:
        path, data, last = self._path(place), write_object(content), 0
        for _each in attempts(place.name):
            try:
                return self._write(path, data, last, content)
            except Conflict:
                # The object may have been removed; then its versions continue.
                value = self._requests.read(path)
                if self._object(place, value) is not None:
                    raise
                last = value.version.number if value is not None else self._newest(path)
        raise AssertionError

    def _newest(self, path: str) -> int:
        sheet = self._requests.sheet(path)
        return sheet.current if sheet is not None else 0

    def replace(self, place: ObjectKey, content: StoredObject, found: StoredObject) -> StoredObject:
        return self._write(self._path(place), write_object(content), int(found.token or 0), content)

    def _write(self, path: str, data: Mapping[str, Any], last: int, content: StoredObject) -> StoredObject:
        if last == 1 and content.record.envelope is not None:
            # Set the limit before there is a second version, so that no envelope stays in an older one.
            self._requests.keep(path, 1, new=False)
        value = self._requests.write(path, data, last)
        return replace(content, token=str(value.version.number))

    def remove(self, place: ObjectKey, found: Optional[StoredObject]) -> None:
        path, there = self._path(place), found
        if there is None and place.is_stage:
            there = self.read(place)
        if there is not None:
            self._write(path, {DELETED: datetime.now(timezone.utc).isoformat()}, int(there.token or 0), there)
        if not place.is_stage:
            # No process writes there again, so the version count may be removed too.
            self._requests.forget(path)

    def scan(self, prefix: str, stage: str, names_only: bool) -> Iterator[StoredObject]:
        places = (ObjectKey(name, stage) for name in names(self._requests.keys, self._location.folder(stage), prefix))
        parallelism = self._context.parallelism
        listed = map(self.read_listed, places) if parallelism is None else parallelism.map(places, self.read_listed)
        yield from (found for found in listed if found is not None)

    def read_document(self) -> Optional[Tuple[bytes, Optional[str]]]:
        found = read_document(self._requests, self._location.within(STORE))
        return (found.content, str(found.version)) if found else None

    def write_document(self, content: bytes, found: Optional[Tuple[bytes, Optional[str]]]) -> None:
        write_document(self._requests, self._location.within(STORE), content, int(found[1] or 0) if found else None)


class Kv2Envelopes(KvObjectBackend):
    """Envelopes as secrets of KV version 2."""

    capabilities = Capabilities(
        versions=True,
        native_cas=True,
        stages=True,
        envelopes=True,
        native=True,
        remote=True,
        server_side_encryption=True,
        parallel=CONNECTIONS,
    )
    options = KV2_ENCRYPTED

    def make_places(self) -> ObjectStore:
        return Kv2Places(self._connection, Location.of(self.settings), self.context)
