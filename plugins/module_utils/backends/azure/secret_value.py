# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The value of a secret: the text of the only field, or the fields as JSON, or an envelope in base64."""

from __future__ import annotations

import base64
from typing import Any, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.secret_tags import damage_error, write_json
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_fields import read_fields, read_state, write_data
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import JSON, Secret

TEXT_TYPE, JSON_TYPE, ENVELOPE_TYPE = "text/plain", "application/json", "application/vnd.nebula.envelope"
OUR_TYPES = (TEXT_TYPE, JSON_TYPE, ENVELOPE_TYPE)
_LONGEST_FIELD = 60


def write_value(record: Record) -> Tuple[str, str, Optional[str]]:
    """Return the value of a secret, its content type, and the field that it is the text of.

    Raises:
        InvalidInput: a field has a reserved name.
    """
    if record.envelope is not None:
        return base64.b64encode(record.envelope).decode("ascii"), ENVELOPE_TYPE, None
    field = _find_text_field(record)
    if field is not None:
        return record.fields[field].expose().decode("utf-8"), TEXT_TYPE, field
    return write_json(write_data(record), ascii_only=False), JSON_TYPE, None


def _find_text_field(record: Record) -> Optional[str]:
    """Return the only field of a record if its value can be the secret itself."""
    if record.state or len(record.fields) != 1:
        return None
    ((name, value),) = record.fields.items()
    content = value.expose()
    if value.is_null or value.form == JSON or not content or b"\0" in content or len(name) > _LONGEST_FIELD or not name.isascii():
        return None
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return name


def read_value(name: str, value: str, info: Mapping[str, Any], kind: Optional[str]) -> Tuple[Fields, Fields]:
    """Return fields and state. A value of another tool is the field `value`, unless its content type says that it is a JSON object.

    Raises:
        Damaged: we wrote it, and it is not what was written.
    """
    if info.get("field") is not None:
        return {str(info["field"]): Secret(value)}, {}
    data = None
    if info or kind == JSON_TYPE:
        try:
            data = read_json(value)
        except ValueError:
            data = None
    if isinstance(data, dict):
        return read_fields(data), read_state(data, name) if info else {}
    if info:
        raise damage_error()
    return {"value": Secret(value)}, {}
