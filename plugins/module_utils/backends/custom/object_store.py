# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a command of the protocol `nebula` stores, as places of objects: each request is one process."""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import document_conflict
from ansible_collections.nebula.credential.plugins.module_utils.backends.custom.protocol import (
    LIST,
    READ,
    REMOVE,
    WRITE,
    Commands,
    read_objects,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.object_format import (
    DOCUMENT,
    OWN,
    find_name,
    find_path,
    read_object,
    write_object,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, ObjectStore, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError, Damaged, TooLarge
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, STAGES, Record

_MOST_TOKEN = 1000


class CommandObjects(ObjectStore):
    """The objects of a command. It compares the token of an object before it replaces or removes it."""

    def __init__(self, commands: Commands, *, encrypted: bool, tenant: str) -> None:
        """Take the calls, whether the store keeps envelopes, and the tenant of what other tools wrote."""
        self._commands = commands
        self._encrypted = encrypted
        self._tenant = tenant

    def read(self, place: ObjectKey) -> Optional[StoredObject]:
        return self.read_many([place]).get(place)

    def read_many(self, places: Sequence[ObjectKey]) -> Dict[ObjectKey, StoredObject]:
        """Return the objects of these places, without those where none is, by one request."""
        found = self._read([find_path(place) for place in places])
        return {place: self._object(place, found[find_path(place)]) for place in places if find_path(place) in found}

    def _read(self, paths: Sequence[str]) -> Dict[str, Mapping[str, Any]]:
        objects = read_objects(self._commands.call(READ, paths=list(paths)))
        found = None if objects is None else {each["path"]: each for each in objects}
        if objects is None or found is None or len(found) != len(objects) or not set(found) <= set(paths):
            raise self._commands.refuse(READ)
        if not all(_is_token(each.get("token")) for each in objects):
            raise self._commands.refuse(READ)
        return found

    def _object(self, place: ObjectKey, parts: Mapping[str, Any], *, listed: bool = False) -> StoredObject:
        return read_object(place, parts, encrypted=self._encrypted, tenant=self._tenant, listed=listed)

    def find_stages(self, name: str) -> Sequence[str]:
        places = [ObjectKey(name, stage) for stage in STAGES if stage != CURRENT]
        return [place.kind for place in self.read_many(places)]

    def create(self, place: ObjectKey, content: StoredObject) -> StoredObject:
        return replace(content, token=self._write(find_path(place), write_object(content), None, place.name))

    def replace(self, place: ObjectKey, content: StoredObject, found: StoredObject) -> StoredObject:
        return replace(content, token=self._write(find_path(place), write_object(content), found.token, place.name))

    def _write(self, path: str, parts: Mapping[str, Any], expected: Optional[str], name: Optional[str] = None) -> str:
        self._check_size(parts, name)
        with _naming(name):
            answer = self._commands.call(WRITE, path=path, expected=expected, **parts)
        token = answer.get("token")
        if not _is_token(token):
            raise self._commands.refuse(WRITE, writing=True)
        return str(token)

    def _check_size(self, parts: Mapping[str, Any], name: Optional[str]) -> None:
        most = self._commands.find_abilities().max_bytes
        size = len(json.dumps(parts, ensure_ascii=False).encode("utf-8", "surrogatepass")) if most is not None else 0
        if most is not None and size > most:
            what = "the value has {0} bytes with its metadata, and the command takes {1}".format(size, most)
            raise TooLarge(what, name=name, remedy="Store a smaller value.")

    def remove(self, place: ObjectKey, found: Optional[StoredObject]) -> None:
        with _naming(place.name):
            self._commands.call(REMOVE, path=find_path(place), expected=None if found is None else found.token)

    def scan(self, prefix: str, stage: str, names_only: bool) -> Iterator[StoredObject]:
        start = find_path(ObjectKey(prefix, stage))
        for parts in self._list(start, names_only):
            name = find_name(parts["path"], stage)
            if name is None or not name.startswith(prefix):
                continue
            place = ObjectKey(name, stage)
            yield StoredObject(Record(name, stage=stage)) if names_only else self._object(place, parts, listed=True)

    def _list(self, start: str, names_only: bool) -> List[Mapping[str, Any]]:
        objects = read_objects(self._commands.call(LIST, prefix=start, names_only=names_only))
        if objects is None or not all(each["path"].startswith(start) for each in objects):
            raise self._commands.refuse(LIST)
        return objects if start.startswith(OWN) else [each for each in objects if not each["path"].startswith(OWN)]

    def read_document(self) -> Optional[Tuple[bytes, Optional[str]]]:
        found = self._read([DOCUMENT]).get(DOCUMENT)
        if found is None:
            return None
        try:
            return base64.b64decode(found["public"]["document"], validate=True), found["token"]
        except (KeyError, TypeError, ValueError):
            remedy = "Restore it with the tool that the command belongs to."
            raise Damaged("the store's document is not what was written", remedy=remedy) from None

    def write_document(self, content: bytes, found: Optional[Tuple[bytes, Optional[str]]]) -> None:
        public = {"document": base64.b64encode(content).decode("ascii")}
        try:
            self._write(DOCUMENT, {"fields": {}, "private": {}, "public": public}, None if found is None else found[1])
        except Conflict:
            raise document_conflict() from None


def _is_token(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MOST_TOKEN


@contextmanager
def _naming(name: Optional[str]) -> Iterator[None]:
    """Add the credential's name to errors of the block, which does not know it."""
    try:
        yield
    except CredentialError as problem:
        raise problem.within(name=name) from None
