# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials on a shelf: JSON files of one directory, under a lock. Replace what reads and writes them by your service.

Seven methods, on which the collection builds versions, stages, serials and compare-and-swap. docs/how-to/custom-backends.md of the
collection says what each must do.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Capabilities
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.backend import ObjectBackend
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.object_format import (
    DOCUMENT,
    find_name,
    find_path,
    read_object,
    write_object,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.options import OPTIONS
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, ObjectStore, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Located
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record

TRAITS = BackendTraits(
    spec={
        **OPTIONS,
        "directory": {"description": "The directory of the shelf.", "type": "path", "required": True},
        "pin": {"description": "Not used: an option that is masked wherever Ansible prints.", "type": "str", "no_log": True},
    },
)


class ShelfObjects(ObjectStore):
    """One file per object."""

    def __init__(self, directory: str, *, encrypted: bool, tenant: str) -> None:
        self._directory = directory
        self._form = {"encrypted": encrypted, "tenant": tenant}

    def read(self, place: ObjectKey) -> Optional[StoredObject]:
        parts = self._read(find_path(place))
        return None if parts is None else read_object(place, {**parts, "token": _make_token(parts)}, **self._form)

    def create(self, place: ObjectKey, content: StoredObject) -> StoredObject:
        return replace(content, token=self._write(find_path(place), write_object(content), None))

    def replace(self, place: ObjectKey, content: StoredObject, found: StoredObject) -> StoredObject:
        return replace(content, token=self._write(find_path(place), write_object(content), found.token))

    def remove(self, place: ObjectKey, found: Optional[StoredObject]) -> None:
        path = find_path(place)
        with self._locked():
            parts = self._read(path)
            if parts is None:
                return
            if found is not None and _make_token(parts) != found.token:
                raise Conflict("another run changed it", name=place.name, remedy="Read it again and repeat.")
            os.unlink(self._file(path))

    def scan(self, prefix: str, stage: str, names_only: bool) -> Iterator[StoredObject]:
        for path in self._paths():
            name = find_name(path, stage)
            if name is not None and name.startswith(prefix):
                place = ObjectKey(name, stage)
                parts = {} if names_only else self._read(path)
                if names_only:
                    yield StoredObject(Record(name, stage=stage))
                elif parts is not None:
                    yield read_object(place, {"public": parts["public"]}, listed=True, **self._form)

    def read_document(self) -> Optional[Tuple[bytes, Optional[str]]]:
        parts = self._read(DOCUMENT)
        return None if parts is None else (base64.b64decode(parts["public"]["document"]), _make_token(parts))

    def write_document(self, content: bytes, found: Optional[Tuple[bytes, Optional[str]]]) -> None:
        public = {"document": base64.b64encode(content).decode("ascii")}
        self._write(DOCUMENT, {"fields": {}, "private": {}, "public": public}, None if found is None else found[1])

    # What follows is this place's own.

    def _file(self, path: str) -> str:
        return os.path.join(self._directory, path + ".json")

    def _read(self, path: str) -> Optional[Dict[str, Any]]:
        try:
            with open(self._file(path), encoding="utf-8") as file:
                return dict(json.load(file))
        except FileNotFoundError:
            return None

    def _write(self, path: str, parts: Dict[str, Any], expected: Optional[str]) -> str:
        """Write an object if the stored one still has the expected token. The former file or the new one is there, whole."""
        with self._locked():
            found = self._read(path)
            if (None if found is None else _make_token(found)) != expected:
                raise Conflict("another run changed it", remedy="Read it again and repeat.")
            file = self._file(path)
            os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
            with open(os.open(file + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as new:
                json.dump(parts, new)
                new.flush()
                os.fsync(new.fileno())
            os.replace(file + ".new", file)
        return _make_token(parts)

    def _paths(self) -> List[str]:
        found = []
        for place, _folders, files in os.walk(self._directory):
            start = os.path.relpath(place, self._directory)
            found += [os.path.normpath(os.path.join(start, name[: -len(".json")])) for name in files if name.endswith(".json")]
        return sorted(found)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        descriptor = os.open(os.path.join(self._directory, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _make_token(parts: Dict[str, Any]) -> str:
    """Return the token of an object. Each write has a serial or revision of its own, so no two states have one token."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class Shelf(ObjectBackend, Located):
    """What a store with `backend: shelf` opens."""

    capabilities = Capabilities(versions=True, native_cas=True, stages=True, envelopes=True, native=True)
    options = TRAITS.spec

    def make_places(self) -> ObjectStore:
        """Check the options; open nothing."""
        if not os.path.isabs(self.setting("directory")):
            raise InvalidConfiguration("it is a relative path", option="directory", remedy="Write a whole path.")
        tenant = self.settings.get("tenant") or "default"
        return ShelfObjects(self.setting("directory"), encrypted=bool(self.settings.get("encrypt")), tenant=tenant)

    def location(self) -> str:
        return "shelf {0}".format(os.path.realpath(self.setting("directory")))

    def locate(self, name: str) -> Dict[str, str]:
        return {"file": os.path.join(self.setting("directory"), name + ".json")}


BACKEND = Shelf
