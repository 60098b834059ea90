# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets of one namespace as places of objects: every write compares `resourceVersion`, which is the token."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes import annotations as notes
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.manifest import KubeObject, Manifests, read_base64
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.pagination import Listing
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.secret_names import document_name, place_of, secret_name
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import DELETED, ObjectKey, ObjectStore, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, STAGES

_DOCUMENT = "document"
_STORE = "store"
_OTHERS = ",".join((*(stage for stage in STAGES if stage != CURRENT), notes.VERSION, DELETED, _STORE))


class KubePlaces(ObjectStore):
    """One Secret per object."""

    def __init__(self, connection: Connection, prefix: str, tenant: str, *, encrypted: bool, label_selector: str = "") -> None:
        """Take the connection, the prefix of the Secrets' names, the store's tenant, and the selector for listings."""
        self._connection = connection
        self._prefix = prefix
        self._encrypted = encrypted
        self._selector = label_selector
        self._manifests = Manifests(prefix, tenant, encrypted)

    def read(self, place: ObjectKey) -> Optional[StoredObject]:
        answer = self._connection.request("get", secret_name(self._prefix, place))
        return None if answer.status == 404 else self._manifests.read(place, answer.body)

    def create(self, place: ObjectKey, content: StoredObject) -> StoredObject:
        return self._write("create", place, content, None)

    def replace(self, place: ObjectKey, content: StoredObject, found: StoredObject) -> StoredObject:
        return self._write("update", place, content, found)

    def _write(self, verb: str, place: ObjectKey, content: StoredObject, found: Optional[StoredObject]) -> StoredObject:
        with _about(place):
            secret = self._manifests.write(place, content, found)
            answer = self._connection.request(verb, "" if found is None else secret["metadata"]["name"], secret)
        _check_swapped(answer.status, place.name)
        metadata = answer.body.get("metadata") or {}
        kept = {key: value for key, value in answer.body.items() if key != "data"}
        return KubeObject(
            content.record,
            str(metadata.get("resourceVersion")),
            older=content.older,
            garbage=content.garbage,
            foreign_token=content.foreign_token,
            written_at=content.written_at,
            manifest=kept,
        )

    def remove(self, place: ObjectKey, found: Optional[StoredObject]) -> None:
        body: Dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if isinstance(found, KubeObject):
            body["preconditions"] = {"uid": found.manifest["metadata"]["uid"], "resourceVersion": found.token}
        answer = self._connection.request("delete", secret_name(self._prefix, place), body)
        if answer.status != 404:
            _check_swapped(answer.status, place.name)

    def scan(self, prefix: str, stage: str, names_only: bool) -> Iterator[StoredObject]:
        # Only our Secrets have the label. Those of other tools belong to the stage `current`.
        chosen = "{0} notin ({1})".format(notes.STAGE, _OTHERS) if stage == CURRENT else "{0}={1}".format(notes.STAGE, stage)
        selector = ",".join(part for part in (self._selector, chosen) if part)
        values = self._encrypted and not names_only
        for secret in Listing(self._connection, selector, values=values):
            metadata = secret["metadata"]
            noted = (metadata.get("annotations") or {}).get(notes.OURS + "name")
            place = place_of(self._prefix, metadata["name"], noted)
            if place is not None and place.kind == stage and place.name.startswith(prefix):
                found = self._manifests.read(place, secret, whole=values)
                yield replace(found, record=replace(found.record, fields={}, state={}))

    def read_document(self) -> Optional[Tuple[bytes, Optional[str]]]:
        answer = self._connection.request("get", document_name(self._prefix))
        if answer.status == 404:
            return None
        data = answer.body.get("data") or {}
        return read_base64(data.get(_DOCUMENT)), str(answer.body["metadata"]["resourceVersion"])

    def write_document(self, content: bytes, found: Optional[Tuple[bytes, Optional[str]]]) -> None:
        name = document_name(self._prefix)
        metadata: Dict[str, Any] = {"name": name, "labels": {notes.MANAGED_BY: notes.MANAGER, notes.STAGE: _STORE}}
        if found is not None:
            metadata["resourceVersion"] = found[1]
        data = {_DOCUMENT: base64.b64encode(content).decode("ascii")}
        secret: Mapping[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}
        answer = self._connection.request("create" if found is None else "update", "" if found is None else name, secret)
        _check_swapped(answer.status, None)


class _about:  # noqa: N801  # read as a statement: with _about(place)
    """Adds the credential's name to errors of inner functions, which do not know it."""

    def __init__(self, place: ObjectKey) -> None:
        self._place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, problem: Optional[BaseException], _trace: object) -> None:
        if isinstance(problem, CredentialError):
            problem.within(name=self._place.name)


def _check_swapped(status: int, name: Optional[str]) -> None:
    """Raise Conflict for 409 (it already exists, or has changed) and 404 (it is gone)."""
    if status in (404, 409):
        raise Conflict("the Secret was changed by another run", name=name, remedy="Read it again and repeat.")
