# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An object as the payload of a version: a JSON object with a key a field, and one key of ours. Any payload of others is read.

An envelope follows a line with our key alone, as bytes: base64 would leave a quarter less room.

A read is one request for one version, so what belongs to a value is in its payload. The secret's annotation has a copy of what is
not secret, for listings.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import DELETED, KeptVersion, ObjectKey, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import public_record
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.encoding.metadata_json import read_metadata, text, write_metadata
from ansible_collections.nebula.credential.plugins.module_utils.encoding.record_json import (
    read_native,
    read_values,
    write_native,
    write_values,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    Damaged,
    InvalidConfiguration,
    InvalidInput,
    NotEncrypted,
    TooLarge,
    UnknownFormat,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, OPAQUE, Fields, Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

MAX_PAYLOAD = 65536
"""The most bytes of a version's payload."""
OURS = "nebula.credential"
"""The key of our data in the payload."""
VALUE = "value"
"""The field of a payload that is no JSON object."""
_FORMAT = 1
_NEWLINE = b"\n"
"""Ends our line before an envelope. JSON without blanks has none."""
_UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=timezone.utc)
_REMEDY = "Restore a version of the secret, or delete the credential by force and write it again."


@dataclass(frozen=True)
class Reading:
    """How the payloads of a store are read: the tenant of others' values, and whether all are envelopes."""

    tenant: str
    encrypted: bool


def write_payload(content: StoredObject) -> bytes:
    """Return the payload of an object.

    Raises:
        InvalidInput: a field has the name of one of our keys.
        TooLarge: it is larger than a version can be.
    """
    record = content.record
    payload = _write_plain(content) if record.envelope is None else write_json({OURS: describe(content)}) + _NEWLINE + record.envelope
    if len(payload) > MAX_PAYLOAD:
        raise TooLarge(
            "the value and its metadata have {0} bytes, and a version of a secret holds {1} at most".format(len(payload), MAX_PAYLOAD),
            name=content.record.name,
            remedy="Store less, or shorten the description, tags and attributes.",
        )
    return payload


def measure_payload(record: Record) -> int:
    """Return the bytes of a record's value in a payload, without metadata."""
    if record.envelope is not None:
        return len(record.envelope)
    return len(write_json(write_native(record.fields))) + (len(write_json(write_values(record.state))) if record.state else 0)


def write_document(content: bytes) -> bytes:
    """Return the payload of the store's document."""
    return write_json({OURS: {"document": base64.b64encode(content).decode("ascii")}})


def read_document(payload: bytes) -> bytes:
    """Return the store's document.

    Raises:
        Damaged: the payload is something else.
    """
    try:
        return base64.b64decode(read_json(payload)[OURS]["document"], validate=True)
    except (ValueError, KeyError, TypeError):
        raise Damaged("the store's document is not what was written", remedy="Restore an older version of its secret.") from None


def is_ours(payload: bytes) -> bool:
    """Return True if this collection has written the payload."""
    data = _split_payload(payload)[0]
    return data is not None and OURS in data


def write_json(value: Any) -> bytes:
    """Return JSON without blanks, as UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def _write_plain(content: StoredObject) -> bytes:
    record = content.record
    if OURS in record.fields:
        what = "no field may be named {0}".format(ascii(OURS))
        raise InvalidInput(what, option="fields", name=record.name, remedy="Choose another name.")
    state = {"state": write_values(record.state)} if record.state else {}
    return write_json({**write_native(record.fields), OURS: {**describe(content), **state}})


def describe(content: StoredObject) -> Dict[str, Any]:
    """Return what is not secret of an object, as JSON takes it. An envelope has the metadata itself."""
    record = content.record
    plain = record.envelope is None and record.metadata is not None
    return {
        "format": _FORMAT,
        "name": record.name,
        "serial": record.serial,
        "revision": record.revision,
        "record_id": (record.record_id or b"").hex(),
        "older": [[kept.serial, _write_time(kept.written_at)] for kept in content.older],
        "foreign": content.foreign_token,
        "written_at": _write_time(content.written_at),
        **({"type": record.type, "metadata": write_metadata(record.full_metadata)} if plain else {}),
    }


def read_payload(place: ObjectKey, payload: bytes, number: int, reading: Reading) -> StoredObject:
    """Return the object of a payload that we or another tool wrote, with a problem if it cannot be read.

    Args:
        place: the object's place.
        payload: the bytes of the version.
        number: the number of the version.
        reading: how this store's payloads are read.
    """
    data, envelope = _split_payload(payload)
    found = StoredObject(Record(place.name, stage=_stage(place)), str(number))
    try:
        if data is None or OURS not in data:
            return _read_foreign(found, data, payload, reading)
        found = read_description(found, data[OURS])
        return replace(found, record=_read_value(found.record, data, envelope, reading))
    except CredentialError as problem:
        return replace(found, problem=problem)


def read_description(found: StoredObject, ours: Any) -> StoredObject:
    """Return an object with what `describe` wrote about it.

    Raises:
        Damaged: it is something else.
        UnknownFormat: a later release wrote it.
    """
    try:
        if ours["format"] != _FORMAT:
            raise UnknownFormat("a later release of the collection wrote the secret", remedy="Upgrade the collection on this controller.")
        if ours["name"] != found.record.name:
            raise ValueError
        record = replace(
            found.record,
            type=text(ours.get("type", OPAQUE)),
            metadata=read_metadata(ours["metadata"]) if "metadata" in ours else None,
            serial=_read_count(ours["serial"]),
            revision=_read_count(ours["revision"]) or 0,
            record_id=bytes.fromhex(text(ours["record_id"])) or None,
        )
        older = tuple(KeptVersion(_read_count(serial) or 0, _read_time(when)) for serial, when in ours["older"])
        token, when = text(ours["foreign"]), _read_time(ours["written_at"])
        return replace(found, record=record, older=older, foreign_token=token, written_at=when)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise damage_error() from None


def read_tags(ours: Mapping[str, Any]) -> Dict[str, str]:
    """Return the tags in what `describe` wrote; none if it has no metadata."""
    try:
        return {text(key): text(value) for key, value in ours["metadata"]["tags"].items()}
    except (KeyError, TypeError, AttributeError):
        return {}


def damage_error() -> Damaged:
    """Return the error for our data that was changed by hand."""
    return Damaged("'{0}' of the secret is not what was written there".format(OURS), remedy=_REMEDY)


def _read_value(record: Record, data: Mapping[str, Any], envelope: Optional[bytes], reading: Reading) -> Record:
    if reading.encrypted:
        if envelope is None:
            raise build_plain_error()
        return public_record(record.name, record.stage, envelope)
    if envelope is not None:
        what = "the value is encrypted, and the store is configured as plain"
        raise InvalidConfiguration(what, option="encrypt", remedy="Write 'encrypt: true' for this store, as it was when it was written.")
    fields = read_native({key: value for key, value in data.items() if key != OURS})
    return replace(record, fields=fields, state=_read_state(data[OURS]))


def _read_state(ours: Mapping[str, Any]) -> Fields:
    try:
        return read_values(ours.get("state") or {})
    except (KeyError, TypeError, ValueError, AttributeError):
        raise damage_error() from None


def _read_foreign(found: StoredObject, data: Optional[Mapping[str, Any]], payload: bytes, reading: Reading) -> StoredObject:
    if reading.encrypted:
        raise build_plain_error()
    fields = {VALUE: Secret(payload)} if data is None else read_native(data)
    record = replace(found.record, fields=fields, metadata=build_foreign_metadata(reading.tenant))
    return replace(found, record=record, foreign_token=found.token or "")


def build_foreign_metadata(tenant: str, created_at: Optional[datetime] = None, tags: Optional[Mapping[str, str]] = None) -> Metadata:
    """Return the metadata of a value that another tool wrote, as far as it is known."""
    when = created_at or _UNKNOWN_TIME
    return Metadata(when, when, tags=dict(tags or {}), scope=Scope(tenant=tenant))


def build_plain_error() -> NotEncrypted:
    """Return the error for a plain value in a store of envelopes."""
    remedy = "Another tool wrote it: delete it by force and write it again, or use a store without 'encrypt: true'."
    return NotEncrypted("a plain value in a store of envelopes", remedy=remedy)


def _split_payload(payload: bytes) -> Tuple[Optional[Dict[str, Any]], Optional[bytes]]:
    """Return the JSON object of a payload, or None, and the envelope after it."""
    head, newline, envelope = payload.partition(_NEWLINE)
    ours = _read_object(head) if newline else None
    return (ours, envelope) if ours is not None and set(ours) == {OURS} else (_read_object(payload), None)


def _read_object(payload: bytes) -> Optional[Dict[str, Any]]:
    try:
        found = read_json(payload)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _stage(place: ObjectKey) -> str:
    return place.kind if place.is_stage else CURRENT


def is_tombstone(place: ObjectKey) -> bool:
    """Return True if the place records the last serial of a deleted value. It has no version, only an annotation."""
    return place.kind.startswith(DELETED)


def _read_count(value: Any) -> Optional[int]:
    if value is None:
        return None
    if value.__class__ is not int or not 0 <= value < 2**63:
        raise ValueError("not a count")
    return int(value)


def _write_time(when: Optional[datetime]) -> Optional[str]:
    return None if when is None else when.isoformat()


def _read_time(written: Any) -> Optional[datetime]:
    return None if written is None else datetime.fromisoformat(text(written))
