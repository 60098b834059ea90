# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data about a value, in annotations and labels of its Secret. None of it is secret."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.managed_fields import last_written
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import DELETED, KeptVersion, ObjectKey, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.encoding.metadata_json import read_metadata, write_metadata
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Damaged, UnknownFormat
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, OPAQUE, Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope

OURS = "nebula.credential/"
FORMAT = "1"
"""The version of this layout."""
MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "nebula-credential"
STAGE = OURS + "stage"
"""A label: a stage, `version` or `deleted`."""
VERSION = "version"
NAME = OURS + "name"
"""An annotation: the credential's name if the Secret's name does not encode it."""
_TYPE = OURS + "type"
_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?\Z")
_LABEL_KEY = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?\Z")
_NATIVE_TYPES = {"kubernetes.io/basic-auth": "basic"}
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def stage_label(place: ObjectKey) -> str:
    """Return the value of the label `STAGE` for a place's Secret."""
    if place.is_stage:
        return place.kind
    return DELETED if place.kind.startswith(DELETED) else VERSION


def write_annotations(name: Optional[str], content: StoredObject, fields: List[str]) -> Dict[str, str]:
    """Return the annotations of an object.

    Args:
        name: the credential's name if the Secret's own name does not contain it.
        content: the object.
        fields: the keys of the Secret's data.
    """
    record = content.record
    plain = record.metadata is not None and record.envelope is None
    told: Dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "type": record.type if plain else None,
        "serial": None if record.serial is None else str(record.serial),
        "record-id": record.record_id.hex() if record.record_id else None,
        "revision": str(record.revision) if record.revision else None,
        "metadata": _json(write_metadata(record.full_metadata)) if plain else None,
        "written-at": content.written_at.isoformat() if content.written_at else None,
        "older": _json([[kept.serial, kept.written_at and kept.written_at.isoformat()] for kept in content.older])
        if content.older
        else None,
        "leftover": _json(list(content.garbage)) if content.garbage else None,
        "touched": content.foreign_token or None,
        "fields": _json(sorted(fields)),
    }
    return {OURS + key: value for key, value in told.items() if value is not None}


def write_labels(place: ObjectKey, record: Record) -> Dict[str, str]:
    """Return the labels of an object: its manager, stage and type; on the current one also those of its tags that can be labels.

    Selectors of other tools find a credential by its labels, and would take an older value or a stage for another one.
    """
    labels = {MANAGED_BY: MANAGER, STAGE: stage_label(place)}
    if record.metadata is not None:
        if place.kind == CURRENT:
            labels = dict(labels_from_tags(record.metadata), **labels)
        if _LABEL_VALUE.match(record.type):
            labels[_TYPE] = record.type
    return labels


def labels_from_tags(metadata: Metadata) -> Dict[str, str]:
    """Return the tags that can be labels too."""
    return {
        key: value
        for key, value in metadata.tags.items()
        if _LABEL_KEY.match(key) and _LABEL_VALUE.match(value) and not key.startswith(OURS) and key != MANAGED_BY
    }


def read_texts(metadata: Mapping[str, Any], part: str) -> Dict[str, str]:
    """Return the annotations or the labels (`part`) of a Secret, without what is no text: `manifest` reports that."""
    found = metadata.get(part)
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def is_ours(annotations: Mapping[str, str]) -> bool:
    """Return True if this collection has written the object."""
    return OURS + "format" in annotations


def read_annotations(place: ObjectKey, annotations: Mapping[str, str], stage: str) -> StoredObject:
    """Return the object of our annotations, without fields, token and `touched`, and without metadata that is in an envelope."""
    read = _Reader(annotations)
    record = Record(place.name, read.text("type") or OPAQUE, stage=stage)
    try:
        return _read(record, read)
    except CredentialError as problem:
        return StoredObject(record, problem=problem)
    except (ValueError, TypeError, KeyError, AttributeError):
        damaged = Damaged(
            "the annotations of the Secret are not what was written",
            remedy="Restore them ('kubectl edit secret'), or delete the credential and put it again.",
        )
        return StoredObject(record, problem=damaged)


class _Reader:
    """Reads our annotations by their short names."""

    def __init__(self, annotations: Mapping[str, str]) -> None:
        self._annotations = annotations

    def text(self, key: str) -> str:
        return self._annotations.get(OURS + key, "")

    def json(self, key: str) -> Any:
        return read_json(self.text(key) or "[]")

    def count(self, key: str) -> Optional[int]:
        return _count(self.text(key)) if self.text(key) else None


def _read(record: Record, read: _Reader) -> StoredObject:
    if read.text("format") != FORMAT:
        raise UnknownFormat("a later release of the collection wrote the Secret", remedy="Upgrade the collection on this controller.")
    whole = replace(
        record,
        serial=read.count("serial"),
        record_id=bytes.fromhex(read.text("record-id")) or None,
        revision=read.count("revision") or 0,
        metadata=read_metadata(read_json(read.text("metadata"))) if read.text("metadata") else None,
    )
    return StoredObject(
        whole,
        older=tuple(KeptVersion(_count(serial), _time(when)) for serial, when in read.json("older")),
        garbage=tuple(_count(serial) for serial in read.json("leftover")),
        foreign_token=read.text("touched"),
        written_at=_time(read.text("written-at")),
    )


def read_field_names(annotations: Mapping[str, str]) -> List[str]:
    """Return the keys of the Secret's data when we last wrote it; none if the annotation does not hold what was written."""
    try:
        found = read_json(annotations.get(OURS + "fields", "[]"))
    except ValueError:
        return []
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def foreign_record(place: ObjectKey, stage: str, metadata: Mapping[str, Any], kind: str, tenant: str) -> Record:
    """Return the record of a Secret that another tool wrote, as far as Kubernetes knows it: its labels are the tags."""
    created = _time(metadata.get("creationTimestamp")) or EPOCH
    known = Metadata(
        created_at=created,
        updated_at=_time(last_written(metadata)) or created,
        tags=dict(metadata.get("labels") or {}),
        scope=Scope(tenant=tenant),
    )
    return Record(place.name, _NATIVE_TYPES.get(kind, OPAQUE), metadata=known, stage=stage)


def _count(value: Any) -> int:
    """Return a serial or revision, which is text where it is an annotation of its own."""
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else value
    if number.__class__ is not int or not 0 <= number < 2**63:
        raise ValueError("not a count")
    return int(number)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _time(text: Optional[str]) -> Optional[datetime]:
    """Return a time in our format or in that of Kubernetes (`Z`, which Python reads from 3.11 on)."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
