# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An object as JSON, for places that have no form of their own: the fields for other tools, and what this collection adds to them.

fields    the value, as other tools see it
private   what is as secret as the value: the state of a refresh, and a digest that shows whether another tool changed the fields
public    type, metadata, serial, older values; an envelope if the collection encrypts. A listing returns it without the rest
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import KeptVersion, ObjectKey, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import public_record
from ansible_collections.nebula.credential.plugins.module_utils.encoding.metadata_json import read_metadata, write_metadata
from ansible_collections.nebula.credential.plugins.module_utils.encoding.record_json import read_native, read_values, write_values
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    Damaged,
    InvalidConfiguration,
    NotEncrypted,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.names import read_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope

OWN = ".nebula/"
"""Where everything but the current values is. No credential's name begins with a dot."""
DOCUMENT = OWN + "store"
_UNKNOWN = datetime(1970, 1, 1, tzinfo=timezone.utc)
"""The time of a value that states none."""
_OTHER_TOOL = "other"
"""The version mark of a value that another tool wrote: such values cannot be told from each other."""
_FORMAT = 1


def find_path(place: ObjectKey) -> str:
    """Return the path of a place: a credential's name, or below `OWN` its kind and its name."""
    return place.name if place.kind == CURRENT else "{0}{1}/{2}".format(OWN, place.kind, place.name)


def find_name(path: str, stage: str) -> Optional[str]:
    """Return the credential that has a stage at this path; None if the path is no such place."""
    start = "" if stage == CURRENT else "{0}{1}/".format(OWN, stage)
    if not path.startswith(start):
        return None
    return None if stage == CURRENT and path.startswith(OWN) else read_name(path[len(start) :])


def write_object(content: StoredObject) -> Dict[str, Any]:
    """Return the parts of an object."""
    record = content.record
    public: Dict[str, Any] = {
        "nebula": _FORMAT,
        "serial": record.serial,
        "older": [[kept.serial, _write_time(kept.written_at)] for kept in content.older],
        "garbage": list(content.garbage),
        "written_at": _write_time(content.written_at),
    }
    if record.envelope is not None:
        return {"fields": {}, "private": {}, "public": {**public, "envelope": base64.b64encode(record.envelope).decode("ascii")}}
    if record.metadata is None:  # it records a deleted value
        return {"fields": {}, "private": {}, "public": public}
    public.update(
        type=record.type,
        revision=record.revision,
        record_id=(record.record_id or b"").hex(),
        metadata=write_metadata(record.metadata),
    )
    fields = write_values(record.fields)
    # A digest is written again only with the value: new metadata must not adopt what another tool wrote.
    digest = "" if content.foreign_token else _compute_digest(fields)
    return {"fields": fields, "private": {"state": write_values(record.state), "digest": digest}, "public": public}


def _compute_digest(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode("utf-8")).hexdigest()


def _write_time(when: Optional[datetime]) -> Optional[str]:
    return None if when is None else when.isoformat()


def read_object(place: ObjectKey, parts: Mapping[str, Any], *, encrypted: bool, tenant: str, listed: bool = False) -> StoredObject:
    """Return the object of an answer. What cannot be read is its `problem`.

    Args:
        place: the object's place.
        parts: what `write_object` returned, and the `token`. What another tool wrote has `fields` alone.
        encrypted: whether the store keeps envelopes only.
        tenant: the tenant of a value that another tool wrote.
        listed: it is a row of a listing, without fields.
    """
    stage = place.kind if place.is_stage else CURRENT
    token = parts.get("token")
    found = StoredObject(Record(place.name, stage=stage), token if isinstance(token, str) else None)
    public = parts.get("public")
    try:
        found = _add_bookkeeping(found, public)
        if place.is_stage or not (isinstance(public, dict) and "metadata" not in public and "envelope" not in public):
            found = _add_value(found, parts, encrypted, tenant, listed)
    except CredentialError as problem:
        return replace(found, problem=problem.within(name=place.name))
    except (KeyError, TypeError, ValueError, AttributeError):
        remedy = "Restore it with the tool that the command belongs to, or delete the credential by force and write it again."
        return replace(found, problem=Damaged("what is stored with the value is not what was written", name=place.name, remedy=remedy))
    return found


def _add_bookkeeping(found: StoredObject, public: Any) -> StoredObject:
    if public is None:
        return found
    if public["nebula"] != _FORMAT:
        raise ValueError
    older = tuple(KeptVersion(_count(serial), _read_time(when)) for serial, when in public["older"])
    garbage = tuple(_count(serial) for serial in public["garbage"])
    serial = None if public["serial"] is None else _count(public["serial"])  # None: another tool wrote the value, and we its tags
    record = replace(found.record, serial=serial)
    return replace(found, record=record, older=older, garbage=garbage, written_at=_read_time(public["written_at"]))


def _add_value(found: StoredObject, parts: Mapping[str, Any], encrypted: bool, tenant: str, listed: bool) -> StoredObject:
    public, record = parts.get("public") or {}, found.record
    if encrypted:
        return replace(found, record=public_record(record.name, record.stage, _read_envelope(public)))
    if "envelope" in public:
        what = "the value is encrypted, and the store is configured as plain"
        raise InvalidConfiguration(what, option="encrypt", remedy="Write 'encrypt: true' for this store, as it was when it was written.")
    fields = {} if listed else parts["fields"]
    if not listed and not isinstance(fields, dict):
        raise TypeError
    if not public:
        metadata = Metadata(_UNKNOWN, _UNKNOWN, scope=Scope(tenant=tenant))
        return replace(found, record=replace(record, fields=read_native(fields), metadata=metadata), foreign_token=_OTHER_TOOL)
    private = {} if listed else parts.get("private") or {}
    known = replace(
        record,
        type=str(public["type"]),
        fields=read_native(fields),
        state=read_values(private.get("state") or {}),
        metadata=read_metadata(public["metadata"]),
        revision=_count(public["revision"]),
        record_id=bytes.fromhex(public["record_id"]) or None,
    )
    is_ours = listed or private.get("digest") == _compute_digest(fields)
    return replace(found, record=known, foreign_token="" if is_ours else _OTHER_TOOL)


def _read_envelope(public: Mapping[str, Any]) -> bytes:
    if "envelope" not in public:
        remedy = "Another tool wrote it: delete it by force and write it again, or use a store without 'encrypt: true'."
        raise NotEncrypted("a plain value in a store of envelopes", remedy=remedy)
    return base64.b64decode(public["envelope"], validate=True)


def _count(value: Any) -> int:
    if value.__class__ is not int or value < 0:
        raise TypeError
    return int(value)


def _read_time(text: Optional[str]) -> Optional[datetime]:
    return None if text is None else datetime.fromisoformat(text)
