# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole object as the keys of one mapping, where the service's own versions and metadata cannot hold ours.

nebula.envelope   base64 of an envelope; without it the fields are keys of their own
nebula.metadata   of a plain value; an envelope has its own
nebula.object     serial, older values, time of writing
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_fields import (
    DELETED,
    ENVELOPE,
    METADATA,
    OBJECT,
    Description,
    bytes_of,
    damage_error,
    read_description,
    read_fields,
    read_state,
    refuse_envelope,
    text_of,
    write_data,
    write_description,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import DELETED as DELETED_PLACE
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import KeptVersion, ObjectKey, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import public_record
from ansible_collections.nebula.credential.plugins.module_utils.encoding.metadata_json import text
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Damaged, NotEncrypted
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope

_UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=timezone.utc)
"""The time of a value that states none."""


def write_object(content: StoredObject) -> Dict[str, Any]:
    """Return the keys of an object.

    Raises:
        InvalidInput: a field has a reserved name.
    """
    record = content.record
    data: Dict[str, Any] = {ENVELOPE: text_of(record.envelope)} if record.envelope is not None else write_data(record)
    if record.envelope is None and record.metadata is not None:
        description = Description(record.type, record.metadata, record.record_id, record.revision)
        data[METADATA] = write_description(description)
    data[OBJECT] = {
        "serial": record.serial,
        "older": [[kept.serial, _text(kept.written_at), *([kept.token] if kept.token else [])] for kept in content.older],
        "leftover": list(content.garbage),
        "written_at": _text(content.written_at),
    }
    return data


def read_object(
    place: ObjectKey, data: Mapping[str, Any], token: str, *, encrypted: bool, tenant: str, written_at: Optional[datetime] = None
) -> Optional[StoredObject]:
    """Return the object of a secret that we or another tool wrote; None if it is marked as deleted.

    Args:
        place: the object's place.
        data: the keys.
        token: the token of the returned object.
        encrypted: whether the store keeps envelopes only.
        tenant: the tenant of a value that another tool wrote.
        written_at: the time of writing, if the server reports it.
    """
    if DELETED in data:
        return None
    stage = place.kind if place.is_stage else CURRENT
    found = StoredObject(Record(place.name, stage=stage), token, written_at=written_at)
    try:
        found = _with_bookkeeping(found, data.get(OBJECT), place.name)
        if not place.kind.startswith(DELETED_PLACE):
            found = replace(found, record=_record(found, data, encrypted, tenant))
    except CredentialError as problem:
        return replace(found, problem=problem)
    return found


def _record(found: StoredObject, data: Mapping[str, Any], encrypted: bool, tenant: str) -> Record:
    name, stage = found.record.name, found.record.stage
    if encrypted:
        return public_record(name, stage, _envelope(data, name))
    refuse_envelope(data, name)
    record = replace(found.record, fields=read_fields(data), state=read_state(data, name))
    if METADATA not in data:
        when = found.written_at or _UNKNOWN_TIME
        return replace(record, serial=None, metadata=Metadata(when, when, scope=Scope(tenant=tenant)))
    known = read_description(data[METADATA], name, METADATA)
    return replace(record, type=known.type, metadata=known.metadata, record_id=known.record_id, revision=known.revision)


def _envelope(data: Mapping[str, Any], name: str) -> bytes:
    if ENVELOPE not in data:
        remedy = "Another tool wrote it: delete it by force and write it again, or use a store without 'encrypt: true'."
        raise NotEncrypted("a plain value in a store of envelopes", name=name, remedy=remedy)
    content = bytes_of(data[ENVELOPE])
    if content is None:
        raise Damaged("the envelope is not the text that was written", name=name, remedy="Restore it from a backup of the server.")
    return content


def _with_bookkeeping(found: StoredObject, written: Any, name: str) -> StoredObject:
    if written is None:
        return found
    try:
        older: Tuple[KeptVersion, ...] = tuple(_read_kept(*kept) for kept in written["older"])
        leftover = tuple(_count(serial) for serial in written["leftover"])
        record = replace(found.record, serial=_count(written["serial"]))
        return replace(found, record=record, older=older, garbage=leftover, written_at=_time(written["written_at"]) or found.written_at)
    except (KeyError, TypeError, ValueError):
        raise damage_error(name, OBJECT) from None


def _read_kept(serial: Any, when: Any, token: Any = "") -> KeptVersion:
    return KeptVersion(_count(serial), _time(when), text(token))


def _count(value: Any) -> int:
    if value.__class__ is not int or value < 0:
        raise TypeError
    return int(value)


def _text(when: Optional[datetime]) -> Optional[str]:
    return None if when is None else when.isoformat()


def _time(text: Optional[str]) -> Optional[datetime]:
    return None if text is None else datetime.fromisoformat(text)
