# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The primitives of `objects.places` in memory, and a backend of them: what `objects.backend` does is tested without a server."""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Capabilities
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.backend import ObjectBackend
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.options import OPTIONS
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import (
    KeptVersion,
    ObjectKey,
    ObjectStore,
    StoredObject,
)
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import public_record
from ansible_collections.nebula.credential.plugins.module_utils.encoding.metadata_json import read_metadata, write_metadata
from ansible_collections.nebula.credential.plugins.module_utils.encoding.record_json import read_values, write_values
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, NotEncrypted
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Metadata, Record

Objects = Dict[Any, Tuple[int, str]]
UNKNOWN = datetime(1970, 1, 1, tzinfo=timezone.utc)
"""When a value was made that another tool wrote."""


class MemoryPlaces(ObjectStore):
    """Objects as JSON in a dictionary, each with a count of its changes as its token."""

    def __init__(self, objects: Optional[Objects] = None, encrypted: bool = False) -> None:
        self.objects: Objects = {} if objects is None else objects
        self._encrypted = encrypted
        self._lock = threading.Lock()
        self._changes = 0

    def read(self, place: ObjectKey) -> Optional[StoredObject]:
        found = self.objects.get(place)
        return None if found is None else self._parsed(place, *found)

    def create(self, place: ObjectKey, content: StoredObject) -> StoredObject:
        return self._written(place, content, None)

    def replace(self, place: ObjectKey, content: StoredObject, found: StoredObject) -> StoredObject:
        return self._written(place, content, found.token)

    def remove(self, place: ObjectKey, found: Optional[StoredObject]) -> None:
        with self._lock:
            there = self.objects.get(place)
            if there is not None and found is not None and str(there[0]) != found.token:
                raise Conflict("another token")
            self.objects.pop(place, None)

    def scan(self, prefix: str, stage: str, names_only: bool) -> Iterator[StoredObject]:
        for place in list(self.objects):
            if place is not None and place.kind == stage and place.name.startswith(prefix):
                found = self.read(place)
                if found is not None:
                    yield replace(found, record=replace(found.record, fields={}, state={}))

    def read_document(self) -> Optional[Tuple[bytes, Optional[str]]]:
        found = self.objects.get(None)
        return None if found is None else (bytes.fromhex(found[1]), str(found[0]))

    def write_document(self, content: bytes, found: Optional[Tuple[bytes, Optional[str]]]) -> None:
        self._swap(None, content.hex(), None if found is None else found[1])

    def meddle(self, name: str, **fields: str) -> None:
        """Write a value as another tool does, which knows nothing of what stands beside it."""
        _token, text = self.objects.get(ObjectKey(name), (0, "{}"))
        values = {key: {"base64": base64.b64encode(value.encode()).decode()} for key, value in fields.items()}
        self._changes += 1
        document = dict(json.loads(text), fields=values, touched="t{0}".format(self._changes))
        self.objects[ObjectKey(name)] = (self._changes, json.dumps(document))

    def _written(self, place: ObjectKey, content: StoredObject, token: Optional[str]) -> StoredObject:
        return replace(content, token=self._swap(place, json.dumps(_document(content)), token))

    def _swap(self, key: Optional[ObjectKey], text: str, token: Optional[str]) -> str:
        with self._lock:
            there = self.objects.get(key)
            if (None if there is None else str(there[0])) != token:
                raise Conflict("another token")
            self._changes = max(self._changes, *(count for count, _text in self.objects.values()), 0) + 1
            self.objects[key] = (self._changes, text)
            return str(self._changes)

    def _parsed(self, place: ObjectKey, token: int, text: str) -> StoredObject:
        found = _read(place, json.loads(text), str(token))
        plain = self._encrypted and found.record.metadata is not None and found.record.envelope is None
        return replace(found, problem=NotEncrypted("plain")) if plain else found


def _document(content: StoredObject) -> Mapping[str, Any]:
    record = content.record
    return {
        "type": record.type,
        "fields": write_values(record.fields),
        "state": write_values(record.state),
        "metadata": None if record.metadata is None or record.envelope else write_metadata(record.metadata),
        "serial": record.serial,
        "revision": record.revision,
        "record_id": (record.record_id or b"").hex(),
        "envelope": base64.b64encode(record.envelope or b"").decode(),
        "older": [[kept.serial, kept.written_at and kept.written_at.isoformat()] for kept in content.older],
        "leftover": list(content.garbage),
        "touched": content.foreign_token,
        "written_at": content.written_at and content.written_at.isoformat(),
    }


def _read(place: ObjectKey, document: Mapping[str, Any], token: str) -> StoredObject:
    return StoredObject(
        _record(place, document),
        token,
        tuple(KeptVersion(serial, _time(when)) for serial, when in document.get("older", [])),
        tuple(document.get("leftover", [])),
        document.get("touched", ""),
        _time(document.get("written_at")),
    )


def _record(place: ObjectKey, document: Mapping[str, Any]) -> Record:
    stage = place.kind if place.is_stage else CURRENT
    if document.get("envelope"):
        return public_record(place.name, stage, base64.b64decode(document["envelope"]))
    if "serial" not in document:
        return Record(place.name, fields=read_values(document["fields"]), metadata=Metadata(UNKNOWN, UNKNOWN), stage=stage)
    return Record(
        place.name,
        document["type"],
        read_values(document["fields"]),
        read_values(document["state"]),
        document["metadata"] and read_metadata(document["metadata"]),
        stage,
        serial=document["serial"],
        revision=document["revision"],
        record_id=bytes.fromhex(document["record_id"]) or None,
    )


def _time(text: Optional[str]) -> Optional[datetime]:
    return None if text is None else datetime.fromisoformat(text)


class MemoryObjects(ObjectBackend):
    """A backend of `MemoryPlaces`. Option `places`: the places, where a test has made them."""

    capabilities = Capabilities(versions=True, native_cas=True, stages=True, envelopes=True, native=True, persistent=False)
    options = dict(OPTIONS, places={"type": "raw"})

    def make_places(self) -> ObjectStore:
        return self.settings.get("places") or MemoryPlaces(encrypted=bool(self.settings.get("encrypt")))
