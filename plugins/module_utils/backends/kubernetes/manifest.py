# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stored object as a Secret, and back (docs/integrations/backends/kubernetes.md shows one).

Each field is a key of the Secret's data, as bytes; an encrypted value is one key. Labels, annotations and owners that other tools
set stay through every write of ours, on the Secret where they were set.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes import annotations as notes
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.limits import check_annotations, check_keys
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.managed_fields import (
    claim_fields,
    find_owned_fields,
    is_foreign,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.secret_names import is_hashed, secret_name
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.secret_types import (
    OPAQUE_TYPE,
    check_type,
    fitting_type,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import DELETED, ObjectKey, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import public_record
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.encoding.record_json import read_values, write_values
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    Damaged,
    InvalidConfiguration,
    NotEncrypted,
    ReadOnly,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Fields, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

STATE = "nebula.state"
"""The key of a value's state, as JSON."""
ENVELOPE = "nebula.envelope"
"""The key of an encrypted value."""
_SHOWN = 100


@dataclass(frozen=True)
class KubeObject(StoredObject):
    """A stored object with its Secret as read, without the data: the parts that a write keeps."""

    manifest: Mapping[str, Any] = field(default_factory=dict)


class Manifests:
    """Writes and reads the Secrets of one store."""

    def __init__(self, prefix: str, tenant: str, encrypted: bool) -> None:
        """Take the prefix of the Secrets' names, the store's tenant, and whether the values are envelopes."""
        self._prefix = prefix
        self._tenant = tenant
        self._encrypted = encrypted

    def write(self, place: ObjectKey, content: StoredObject, found: Optional[StoredObject]) -> Dict[str, Any]:
        """Return the Secret of an object, which replaces `found` if given.

        Raises:
            InvalidInput, TooLarge: Kubernetes would not accept it.
            ReadOnly: the existing Secret is immutable.
        """
        check_keys(content.record.fields, (STATE, ENVELOPE))
        data = secret_data(content.record)
        there = found.manifest if isinstance(found, KubeObject) else {}
        written = self._metadata(place, content, found, there, list(data))
        check_annotations(written["annotations"])
        secret: Dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": written}
        secret["type"] = _type_of(place, content.record, there)
        secret["data"] = {key: base64.b64encode(value).decode("ascii") for key, value in data.items()}
        if there.get("immutable"):
            _check_unchanged(content, found)
            secret["immutable"] = True
        return secret

    def _metadata(
        self, place: ObjectKey, content: StoredObject, found: Optional[StoredObject], there: Mapping[str, Any], keys: Any
    ) -> Dict[str, Any]:
        before = there.get("metadata") or {}
        name = str(before.get("name") or secret_name(self._prefix, place))
        noted_name = place.name if is_hashed(self._prefix, place.name) or name != secret_name(self._prefix, place) else None
        ours = notes.write_annotations(noted_name, content, keys)
        others = {key: value for key, value in (before.get("annotations") or {}).items() if not key.startswith(notes.OURS)}
        written = dict(before, managedFields=claim_fields(before, keys)) if before else {}
        written.update(
            name=name,
            labels=_labels(before, found, notes.write_labels(place, content.record)),
            annotations=dict(others, **ours),
        )
        return written

    def read(self, place: ObjectKey, secret: Mapping[str, Any], *, whole: bool = True) -> KubeObject:
        """Return the object in a Secret; `whole` is False if the data was left out, as in a listing.

        One that is not as an API server stores it has a `problem`.
        """
        try:
            return self._read(place, secret, whole)
        except (AttributeError, KeyError, TypeError, ValueError):
            stage = place.kind if place.is_stage else CURRENT
            token = str(secret["metadata"].get("resourceVersion", ""))
            return KubeObject(Record(place.name, stage=stage), token, problem=_shape_error(), manifest={"metadata": secret["metadata"]})

    def _read(self, place: ObjectKey, secret: Mapping[str, Any], whole: bool) -> KubeObject:
        _check_metadata(secret["metadata"])
        metadata = secret["metadata"]
        known = metadata.get("annotations") or {}
        stage = place.kind if place.is_stage else CURRENT
        token = str(metadata.get("resourceVersion", ""))
        kept = {key: value for key, value in secret.items() if key not in ("data", "stringData")}
        if notes.is_ours(known):
            parts = vars(notes.read_annotations(place, known, stage))
            found = KubeObject(**dict(parts, token=token, manifest=kept))
        else:
            record = notes.foreign_record(place, stage, metadata, str(secret.get("type", "")), self._tenant)
            found = KubeObject(record, token, foreign_token=token, written_at=record.full_metadata.updated_at, manifest=kept)
        found = replace(found, ending=ending_error(metadata))
        keys = set(secret.get("data") or {}) if whole else None
        if notes.is_ours(known) and _is_touched(metadata, known, keys):
            found = replace(found, foreign_token=token)
        if found.problem is not None or place.kind.startswith(DELETED):
            return found
        return self._with_value(found, secret) if whole else found

    def _with_value(self, found: KubeObject, secret: Mapping[str, Any]) -> KubeObject:
        """Return the object with its fields or its envelope, or with a problem if it does not fit the store's configuration."""
        try:
            record = self._open(found.record, read_data(secret))
            return replace(found, record=record, foreign_token="" if record.envelope is not None else found.foreign_token)
        except CredentialError as problem:
            return replace(found, problem=problem)

    def _open(self, record: Record, data: Dict[str, bytes]) -> Record:
        envelope = data.get(ENVELOPE)
        if self._encrypted and envelope is None:
            raise NotEncrypted(
                "a plain value where the store is configured as encrypted",
                remedy="Remove it, or put the value in through the collection. A plain store says 'encrypt: false'.",
            )
        if envelope is not None:
            if not self._encrypted:
                raise InvalidConfiguration(
                    "the value is encrypted by this collection, and the store is configured as plain",
                    option="encrypt",
                    remedy="Write 'encrypt: true' in the store's configuration.",
                )
            return public_record(record.name, record.stage, envelope)
        state = data.pop(STATE, None)
        return replace(record, fields={key: Secret(value) for key, value in data.items()}, state=_state(state))


def _check_metadata(metadata: Mapping[str, Any]) -> None:
    """Raise one of several errors of Python for what no later step of a read or a write expects."""
    find_owned_fields(metadata)
    for part in ("annotations", "labels"):
        if len(notes.read_texts(metadata, part)) != len(metadata.get(part) or ()):
            raise ValueError(part)


def _shape_error() -> Damaged:
    return Damaged(
        "the Secret is not as an API server stores it",
        remedy="Check that nothing between this machine and the API server changes responses.",
    )


def read_data(secret: Mapping[str, Any]) -> Dict[str, bytes]:
    """Return the keys of a Secret's data and their bytes.

    Raises:
        Damaged: it is no data of a Secret.
    """
    data = secret.get("data") or {}
    if not isinstance(data, dict):
        raise _shape_error()
    return {key: read_base64(value) for key, value in data.items()}


def read_base64(text: Any) -> bytes:
    """Return the bytes of a key of a Secret's data; none for null.

    Raises:
        Damaged: it is not base64, which an API server never stores.
    """
    try:
        return base64.b64decode(text or "", validate=True)
    except (ValueError, TypeError):
        raise Damaged(
            "a value of the Secret is not base64", remedy="Check that nothing between this machine and the API server changes responses."
        ) from None


def ending_error(metadata: Mapping[str, Any]) -> Optional[ReadOnly]:
    """Return the error for a write to a Secret that is being deleted: it would be lost with it. None if it is not."""
    if not metadata.get("deletionTimestamp"):
        return None
    name, holders = metadata.get("name"), metadata.get("finalizers") or ("none",)
    listed = ", ".join(ascii(str(each)[:_SHOWN])[1:-1] for each in holders[:_SHOWN])
    return ReadOnly(
        "the Secret '{0}' is being deleted, and stays until its finalizers are removed: {1}".format(name, listed),
        remedy="Wait until the controllers that set them have removed them, then repeat.",
    )


def secret_data(record: Record) -> Dict[str, bytes]:
    """Return the keys of a Secret that hold a record, and their bytes."""
    if record.envelope is not None:
        return {ENVELOPE: record.envelope}
    data = {key: value.expose() for key, value in record.fields.items()}
    if record.state:
        data[STATE] = json.dumps(write_values(record.state), separators=(",", ":")).encode("utf-8")
    return data


def _state(content: Optional[bytes]) -> Fields:
    try:
        return read_values(read_json(content)) if content else {}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Damaged(
            "the key '{0}' of the Secret is not what was written".format(STATE), remedy="Remove that key, or put the value again."
        ) from None


def _type_of(place: ObjectKey, record: Record, there: Mapping[str, Any]) -> str:
    """Return the type of a Secret: an existing one stays; `current` values get the type that fits; all others are `Opaque`."""
    if there.get("type"):
        check_type(str(there["type"]), record.fields)
        return str(there["type"])
    if place.kind != CURRENT or record.envelope is not None:
        return OPAQUE_TYPE
    return fitting_type(list(record.fields), record.type)


def _check_unchanged(content: StoredObject, found: Optional[StoredObject]) -> None:
    """Check that an immutable Secret keeps its data. Its annotations and labels may change."""
    parts: Tuple[str, ...] = ("fields", "state", "envelope")
    if found is None or any(getattr(content.record, part) != getattr(found.record, part) for part in parts):
        raise ReadOnly("the Secret is immutable", remedy="Make it again with the same data and without 'immutable', or write another name.")


def _labels(before: Mapping[str, Any], found: Optional[StoredObject], ours: Mapping[str, str]) -> Dict[str, str]:
    """Return our labels and the existing ones of others. Another manager that the Secret names stays: it compares that label."""
    others = _other_labels(before, found)
    managed = {notes.MANAGED_BY: others[notes.MANAGED_BY]} if notes.MANAGED_BY in others else {}
    return {**others, **ours, **managed}


def _other_labels(before: Mapping[str, Any], found: Optional[StoredObject]) -> Dict[str, str]:
    """Return the existing labels that are not ours: neither by name nor as a tag that was written before."""
    known = before.get("annotations") or {}
    tags = notes.labels_from_tags(found.record.metadata) if found is not None and found.record.metadata and notes.is_ours(known) else {}
    return {
        key: value
        for key, value in (before.get("labels") or {}).items()
        if not key.startswith(notes.OURS) and tags.get(key) != value and (key, value) != (notes.MANAGED_BY, notes.MANAGER)
    }


def _is_touched(metadata: Mapping[str, Any], known: Mapping[str, str], keys: Optional[Any]) -> bool:
    """Return True if another tool changed the value since our write: a field's value, or the set of fields."""
    fields = set(notes.read_field_names(known))
    return is_foreign(metadata) or (fields != keys if keys is not None else not fields <= find_owned_fields(metadata))
