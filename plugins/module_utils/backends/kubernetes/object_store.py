# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets of one namespace as places of objects: every write compares `resourceVersion`, which is the token."""

from __future__ import annotations

import base64
import time
from dataclasses import replace
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes import annotations as notes
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.errors import Answer
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.manifest import (
    KubeObject,
    Manifests,
    ending_error,
    read_data,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.pagination import Listing
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.secret_names import (
    document_name,
    own_name,
    place_of,
    secret_name,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import DELETED, ObjectKey, ObjectStore, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, STAGES, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

_DOCUMENT = "document"
_STORE = "store"
_PATIENCE = 5.0
"""The seconds for which a delete waits for finalizers, at most."""
_PAUSE = 0.2
_OTHERS = ",".join((*(stage for stage in STAGES if stage != CURRENT), notes.VERSION, DELETED, _STORE))


class KubePlaces(ObjectStore):
    """One Secret per object."""

    ends_later = True

    def __init__(self, connection: Connection, prefix: str, tenant: str, *, encrypted: bool, label_selector: str = "") -> None:
        """Take the connection, the prefix of the Secrets' names, the store's tenant, and the selector for listings."""
        self._connection = connection
        self._prefix = prefix
        self._encrypted = encrypted
        self._selector = label_selector
        self._manifests = Manifests(prefix, tenant, encrypted)
        self._own_names: Dict[str, str] = {}

    def read(self, place: ObjectKey) -> Optional[StoredObject]:
        found = self._read_secret(place, secret_name(self._prefix, place))
        own = own_name(self._prefix, place) if found is None else None
        return found if own is None else self._read_secret(place, own)

    def find_name(self, name: str) -> str:
        """Return the name of a credential's Secret: its own if another tool made it and it was read here, else as we name it."""
        return self._own_names.get(name) or secret_name(self._prefix, ObjectKey(check_name(name)))

    def _note_name(self, place: ObjectKey, secret: str) -> None:
        if place.kind == CURRENT and secret != secret_name(self._prefix, place):
            self._own_names[place.name] = secret
        elif place.kind == CURRENT:
            self._own_names.pop(place.name, None)

    def _read_secret(self, place: ObjectKey, name: str) -> Optional[StoredObject]:
        """Return the object in a Secret; None if there is no such Secret, or it is another credential's."""
        answer = self._connection.request("get", name)
        if answer.status == 404:
            return None
        known = notes.read_texts(answer.body["metadata"], "annotations")
        expected = (place.name, None) if name == secret_name(self._prefix, place) else (place.name,)
        if notes.is_ours(known) and known.get(notes.NAME) not in expected:
            return None
        self._note_name(place, name)
        return self._manifests.read(place, answer.body)

    def create(self, place: ObjectKey, content: StoredObject) -> StoredObject:
        try:
            return self._write("create", place, content, None)
        except Conflict:
            if place.kind == CURRENT:
                self._check_free(place)
            raise

    def _check_free(self, place: ObjectKey) -> None:
        """Check that a Secret which exists is this credential's: one that another tool made may have this name, and be another's."""
        name = secret_name(self._prefix, place)
        answer = self._connection.request("get", name)
        if answer.status != 404 and self._read_secret(place, name) is None:
            holder = notes.read_texts(answer.body["metadata"], "annotations").get(notes.NAME)
            raise InvalidInput(
                "the Secret '{0}' holds the credential {1}".format(name, ascii(holder)), name=place.name, remedy="Choose another name."
            )

    def replace(self, place: ObjectKey, content: StoredObject, found: StoredObject) -> StoredObject:
        if found.ending is not None:
            raise found.ending.within(name=place.name)
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

    def check_writable(self, place: ObjectKey) -> None:
        """Check that the Secret of a place may get other data, by a dry run of an update: rules of the cluster may refuse it.

        Raises:
            ReadOnly: the Secret is immutable, or is being deleted.
            AccessDenied, InvalidInput: an admission rule refuses it.
        """
        found = self.read(place)
        if found is None or found.problem is not None:
            return
        if found.ending is not None:
            raise found.ending
        secret = self._manifests.write(place, replace(found, record=_change_value(found.record)), found)
        # A Secret that was changed meanwhile, or an admission webhook that supports no dry run, says nothing about the real write.
        self._connection.request("update", secret["metadata"]["name"], secret, query={"dryRun": "All"})

    def remove(self, place: ObjectKey, found: Optional[StoredObject]) -> None:
        name = secret_name(self._prefix, place)
        body: Dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if isinstance(found, KubeObject):
            metadata = found.manifest["metadata"]
            name, body["preconditions"] = metadata["name"], {"uid": metadata.get("uid"), "resourceVersion": found.token}
        answer = self._connection.request("delete", name, body)
        if answer.status == 404:
            return
        _check_swapped(answer.status, place.name)
        with _about(place):
            self._await_end(answer, 0 if found is None else _PATIENCE)

    def _await_end(self, answer: Answer, seconds: float) -> None:
        """Wait until a deleted Secret is gone: the API server returns one that finalizers still hold.

        Raises:
            ReadOnly: it is still there.
        """
        metadata, end = answer.body["metadata"], time.monotonic() + seconds
        while True:
            ending = ending_error(metadata) if answer.body.get("kind") == "Secret" else None
            if ending is None or answer.body["metadata"].get("uid") != metadata.get("uid"):
                return
            if time.monotonic() + _PAUSE >= end or deadline.is_over(after=_PAUSE):
                raise ending
            time.sleep(_PAUSE)
            answer = self._connection.request("get", metadata["name"])

    def scan(self, prefix: str, stage: str, names_only: bool) -> Iterator[StoredObject]:
        # Only our Secrets have the label. Those of other tools belong to the stage `current`.
        chosen = "{0} notin ({1})".format(notes.STAGE, _OTHERS) if stage == CURRENT else "{0}={1}".format(notes.STAGE, stage)
        # Only current Secrets have the labels that the store's selector means. A stage is listed if its credential is.
        selected = {found.record.name for found in self.scan(prefix, CURRENT, True)} if self._selector and stage != CURRENT else None
        selector = ",".join(part for part in (self._selector if selected is None else "", chosen) if part)
        values = self._encrypted and not names_only
        listing = Listing(self._connection, selector, values=values)
        held = []
        for secret in listing:
            metadata = secret["metadata"]
            known = notes.read_texts(metadata, "annotations")
            place = place_of(self._prefix, metadata["name"], known.get(notes.NAME), foreign=not notes.is_ours(known))
            if place is None or place.kind != stage or not place.name.startswith(prefix):
                continue
            if selected is not None and place.name not in selected:
                continue
            found = self._manifests.read(place, secret, whole=values)
            found = replace(found, record=replace(found.record, fields={}, state={}))
            ours = secret_name(self._prefix, place)
            if notes.is_ours(known) or metadata["name"] == ours:
                self._note_name(place, metadata["name"])
                yield found
            else:
                held.append((ours, found, place, metadata["name"]))
        # A Secret of another tool is a credential by its own name unless we keep one of that name.
        for ours, found, place, secret_of_other in held:
            if ours not in listing.seen:
                self._note_name(place, secret_of_other)
                yield found

    def read_document(self) -> Optional[Tuple[bytes, Optional[str]]]:
        answer = self._connection.request("get", document_name(self._prefix))
        if answer.status == 404:
            return None
        return read_data(answer.body).get(_DOCUMENT, b""), str(answer.body["metadata"].get("resourceVersion"))

    def write_document(self, content: bytes, found: Optional[Tuple[bytes, Optional[str]]]) -> None:
        name = document_name(self._prefix)
        ending = None if found is None else ending_error(self._connection.request("get", name).body.get("metadata") or {})
        if ending is not None:
            raise ending
        metadata: Dict[str, Any] = {"name": name, "labels": {notes.MANAGED_BY: notes.MANAGER, notes.STAGE: _STORE}}
        if found is not None:
            metadata["resourceVersion"] = found[1]
        data = {_DOCUMENT: base64.b64encode(content).decode("ascii")}
        secret: Mapping[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}
        answer = self._connection.request("create" if found is None else "update", "" if found is None else name, secret)
        _check_swapped(answer.status, None)


def _change_value(record: Record) -> Record:
    """Return the record with another value, which is valid wherever the present one is: a document may end with a space."""
    if record.envelope is not None:
        return replace(record, envelope=record.envelope + b" ")
    return replace(record, fields={name: Secret(value.expose() + b" ") for name, value in record.fields.items()})


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
