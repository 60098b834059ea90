# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An object as the value of a secret: a JSON text with one key for each field, as AWS's own consoles and tools write it.

Our own keys begin with `nebula.`. One of them holds the id of the version that it was written for: a value of another id was written by
another tool, which has kept or copied our keys.
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_fields import OBJECT
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_object import read_object, write_object
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json

ID = "id"
"""The part of `nebula.object` with the id of the version."""
VALUE = "value"
"""The field of a value that is no JSON mapping."""


def write_text(content: StoredObject, version_id: str) -> str:
    """Return the value of a secret.

    Raises:
        InvalidInput: a field has a reserved name.
    """
    return write_mapping(build_data(content, version_id))


def build_data(content: StoredObject, version_id: str) -> Dict[str, Any]:
    """Return the keys of an object that is written as this version."""
    data = write_object(content)
    data[OBJECT][ID] = version_id
    return data


def write_mapping(data: Mapping[str, Any]) -> str:
    """Return a mapping as JSON, as short as it can be."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    # AWS counts the bytes. A lone surrogate has none in UTF-8.
    return text if text.isascii() or _is_unicode(text) else json.dumps(data, separators=(",", ":"))


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def build_value(text: str) -> Dict[str, str]:
    """Return the value of a secret as its requests name it."""
    return {"SecretString": text}


def read_mapping(answer: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the keys of a value, from any tool: a text that is no JSON mapping, and binary content, are one field."""
    if "SecretString" not in answer:
        return {VALUE: {"base64": base64.b64encode(bytes(answer["SecretBinary"])).decode("ascii")}}
    text = str(answer["SecretString"])
    try:
        found = read_json(text)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {VALUE: text}


def read_stored(place: ObjectKey, answer: Mapping[str, Any], *, encrypted: bool, tenant: str) -> Optional[StoredObject]:
    """Return the object in a response to `GetSecretValue`, or in one row of `BatchGetSecretValue`."""
    return read_data(place, read_mapping(answer), answer, encrypted=encrypted, tenant=tenant)


def read_data(
    place: ObjectKey, data: Mapping[str, Any], answer: Mapping[str, Any], *, encrypted: bool, tenant: str
) -> Optional[StoredObject]:
    """Return the object of these keys, which a response holds."""
    token = str(answer["VersionId"])
    found = read_object(place, data, token, encrypted=encrypted, tenant=tenant, written_at=read_time(answer.get("CreatedDate")))
    if found is None:
        return None
    own = data.get(OBJECT)
    is_ours = isinstance(own, Mapping) and own.get(ID) == token
    return found if is_ours else replace(found, foreign_token=token)


def read_time(value: Any) -> Optional[datetime]:
    """Return a time of a response in UTC; None if there is none."""
    return value.astimezone(timezone.utc) if isinstance(value, datetime) else None
