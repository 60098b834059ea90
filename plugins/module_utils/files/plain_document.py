# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plain record as data that JSON, YAML and the binary layout can all hold.

Times are ISO 8601 in UTC with microseconds. A value is text where it is UTF-8, else `{"base64": …}`.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged
from ansible_collections.nebula.credential.plugins.module_utils.record import Fields, Metadata, Record, Transition
from ansible_collections.nebula.credential.plugins.module_utils.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.secret import Secret

FORMAT = 1
"""The version of this layout."""


def write_document(record: Record) -> Dict[str, Any]:
    """Write a record, secrets included, as mappings, lists, text and numbers."""
    return {
        "format": FORMAT,
        "name": record.name,
        "stage": record.stage,
        "type": record.type,
        "serial": record.serial,
        "revision": record.revision,
        "record_id": (record.record_id or b"").hex(),
        "metadata": _write_metadata(record.known),
        "fields": _write_values(record.fields),
        "state": _write_values(record.state),
    }


def _write_values(fields: Fields) -> Dict[str, Any]:
    return {key: _write_value(value.expose()) for key, value in fields.items()}


def _write_value(value: bytes) -> Any:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode("ascii")}


def _write_metadata(metadata: Metadata) -> Dict[str, Any]:
    scope = metadata.scope
    return {
        "created_at": metadata.created_at.isoformat(),
        "updated_at": metadata.updated_at.isoformat(),
        "expires_at": None if metadata.expires_at is None else metadata.expires_at.isoformat(),
        "description": metadata.description,
        "tags": dict(metadata.tags),
        "scope": {"tenant": scope.tenant, "workflow": scope.workflow, "user": scope.user, "tags": dict(scope.tags)},
        "lifecycle": metadata.lifecycle,
        "history": [[step.event, step.origin, step.target, step.at.isoformat()] for step in metadata.history],
        "policy": dict(metadata.policy),
        "attributes": dict(metadata.attributes),
    }


def read_document(name: str, stage: str, document: Any) -> Record:
    """Read what `write_document` wrote for (`name`, `stage`).

    Raises:
        Damaged: something is missing, of the wrong kind, or belongs elsewhere.
    """
    try:
        if document["format"] != FORMAT or (document["name"], document["stage"]) != (name, stage):
            raise ValueError
        return Record(
            name=name,
            type=_text(document["type"]),
            fields=_read_values(document["fields"]),
            state=_read_values(document["state"]),
            metadata=_read_metadata(document["metadata"]),
            stage=stage,
            version=str(_count(document["serial"])),
            serial=document["serial"],
            record_id=bytes.fromhex(document["record_id"]) or None,
            revision=_count(document["revision"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
        raise Damaged(
            "the file is not a plain record of that name and stage",
            name=name,
            remedy="Restore it from a backup, or delete the credential and put it again.",
        ) from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _count(value: Any) -> int:
    if value.__class__ is not int or value < 0:
        raise TypeError
    return value


def _read_values(values: Mapping[str, Any]) -> Dict[str, Secret]:
    return {_text(key): Secret(_read_value(value)) for key, value in values.items()}


def _read_value(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8")
    return base64.b64decode(value["base64"], validate=True)


def _read_metadata(data: Mapping[str, Any]) -> Metadata:
    return Metadata(
        created_at=datetime.fromisoformat(data["created_at"]),
        updated_at=datetime.fromisoformat(data["updated_at"]),
        expires_at=_optional_time(data["expires_at"]),
        description=_text(data["description"]),
        tags=_mapping(data["tags"]),
        scope=Scope(**_mapping(data["scope"])),
        lifecycle=_text(data["lifecycle"]),
        history=tuple(_read_history(data["history"])),
        policy=_mapping(data["policy"]),
        attributes=_mapping(data["attributes"]),
    )


def _optional_time(value: Optional[str]) -> Optional[datetime]:
    return None if value is None else datetime.fromisoformat(value)


def _mapping(value: Any) -> Dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _read_history(steps: Any) -> List[Transition]:
    return [Transition(_text(event), _text(origin), _text(target), datetime.fromisoformat(at)) for event, origin, target, at in steps]
