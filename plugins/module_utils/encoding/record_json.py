# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plain record as data that JSON, YAML and the binary layout can all hold.

Times are ISO 8601 in UTC with microseconds. A value is text if it is UTF-8, else `{"base64": …}`.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Dict, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.encoding.metadata_json import read_metadata, text, write_metadata
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, Record, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import BASE64, JSON, NULL, Secret

FORMAT = 1
"""The version of this layout."""


def write_document(record: Record) -> Dict[str, Any]:
    """Return a record, with its secrets, as mappings, lists, text and numbers."""
    return {
        "format": FORMAT,
        "name": record.name,
        "stage": record.stage,
        "type": record.type,
        "serial": record.serial,
        "revision": record.revision,
        "record_id": (record.record_id or b"").hex(),
        "metadata": write_metadata(record.full_metadata),
        "fields": write_values(record.fields),
        "state": write_values(record.state),
    }


def write_values(fields: Fields) -> Dict[str, Any]:
    """Return fields as text, or as `{"base64": …}` if a value is not UTF-8. Leave out fields without a value."""
    return {key: _write_value(value.expose()) for key, value in find_values(fields).items()}


def write_native(fields: Fields) -> Dict[str, Any]:
    """Return fields as JSON in which other tools' numbers, booleans, lists, mappings and nulls stay what they are."""
    return {key: _write_native(value) for key, value in fields.items()}


def _write_native(value: Secret) -> Any:
    if value.is_null:
        return None
    if value.form == JSON:
        return json.loads(value.expose())
    return _write_base64(value.expose()) if value.form == BASE64 else _write_value(value.expose())


def _write_value(value: bytes) -> Any:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return _write_base64(value)


def _write_base64(value: bytes) -> Dict[str, str]:
    return {"base64": base64.b64encode(value).decode("ascii")}


def read_document(name: str, stage: str, document: Any) -> Record:
    """Read what `write_document` wrote for (`name`, `stage`).

    Raises:
        Damaged: something is missing, of the wrong kind, or belongs to another name or stage.
    """
    try:
        if document["format"] != FORMAT or (document["name"], document["stage"]) != (name, stage):
            raise ValueError
        return Record(
            name=name,
            type=text(document["type"]),
            fields=read_values(document["fields"]),
            state=read_values(document["state"]),
            metadata=read_metadata(document["metadata"]),
            stage=stage,
            version=str(_count(document["serial"])),
            serial=document["serial"],
            record_id=bytes.fromhex(document["record_id"]) or None,
            revision=_count(document["revision"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Damaged(
            "the file is not a plain record of that name and stage",
            name=name,
            remedy="Restore it from a backup, or delete the credential and put it again.",
        ) from None


def _count(value: Any) -> int:
    if value.__class__ is not int or not 0 <= value < 2**63:
        raise TypeError
    return int(value)


def read_values(values: Mapping[str, Any]) -> Dict[str, Secret]:
    """Read what `write_values` wrote.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is something else. The caller raises the fitting error.
    """
    return {text(key): Secret(_read_value(value)) for key, value in values.items()}


def _read_value(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8")
    return base64.b64decode(value["base64"], validate=True)


def read_native(values: Mapping[str, Any]) -> Dict[str, Secret]:
    """Read what `write_native`, or another tool, wrote: any JSON. What is neither text nor our base64 is read as its JSON text."""
    return {key: read_native_value(value) for key, value in values.items()}


def read_native_value(value: Any) -> Secret:
    """Return one value of JSON, in the form in which `write_native` writes it again."""
    if value is None:
        return Secret(b"", NULL)
    if isinstance(value, str):
        return Secret(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, dict) and set(value) == {"base64"} and isinstance(value["base64"], str):
        try:
            return Secret(base64.b64decode(value["base64"].encode("ascii"), validate=True), BASE64)
        except ValueError:
            pass
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Secret(text.encode("utf-8", "surrogatepass"), JSON)
