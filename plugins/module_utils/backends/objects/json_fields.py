# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values as users of a service expect them: a mapping with one key per field (J3). Our own data has keys that begin with `nebula.`."""

from __future__ import annotations

import base64
from typing import Any, Dict, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.encoding.metadata_json import read_metadata, text, write_metadata
from ansible_collections.nebula.credential.plugins.module_utils.encoding.record_json import (
    read_native,
    read_values,
    write_native,
    write_values,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, InvalidConfiguration, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

OURS = "nebula."
STATE = OURS + "state"
METADATA = OURS + "metadata"
"""The key of metadata that has no other place."""
ENVELOPE = OURS + "envelope"
OBJECT = OURS + "object"
"""The data that `objects.backend` needs about an object, if one is kept."""
DELETED = OURS + "deleted"
"""Marks the version that means "deleted from here on"."""


class Description(NamedTuple):
    """The facts about a value that are not secret."""

    type: str
    metadata: Metadata
    record_id: Optional[bytes]
    revision: int = 0


def write_data(record: Record) -> Dict[str, Any]:
    """Return the keys of a value.

    Raises:
        InvalidInput: a field has a reserved name.
    """
    for field in record.fields:
        if field.startswith(OURS):
            remedy = "Choose a name that does not begin with '{0}'.".format(OURS)
            raise InvalidInput("no field may be named {0}".format(ascii(field)), option="fields", name=record.name, remedy=remedy)
    data = write_native(record.fields)
    if record.state:
        data[STATE] = write_values(record.state)
    return data


def read_fields(data: Mapping[str, Any]) -> Dict[str, Secret]:
    """Return the fields among the keys of a value, from any tool."""
    return read_native({key: value for key, value in data.items() if not key.startswith(OURS)})


def refuse_envelope(data: Mapping[str, Any], name: str) -> None:
    """Refuse an envelope in a store that is configured as plain.

    Raises:
        InvalidConfiguration: it is one.
    """
    if ENVELOPE in data:
        remedy = "Write 'encrypt: true' for this store, as it was when the value was written."
        raise InvalidConfiguration(
            "the value is encrypted, and the store is configured as plain", option="encrypt", name=name, remedy=remedy
        )


def read_state(data: Mapping[str, Any], name: str) -> Dict[str, Secret]:
    """Return the state that we wrote next to the fields.

    Raises:
        Damaged: it does not hold what we wrote.
    """
    try:
        return read_values(data.get(STATE) or {})
    except (KeyError, TypeError, ValueError, AttributeError):
        raise damage_error(name, STATE) from None


def write_description(description: Description) -> Dict[str, Any]:
    """Return a description as mappings, lists, text and numbers."""
    return {
        "type": description.type,
        "record_id": (description.record_id or b"").hex(),
        "revision": description.revision,
        "metadata": write_metadata(description.metadata),
    }


def read_description(written: Any, name: str, place: str) -> Description:
    """Read what `write_description` wrote at `place`.

    Raises:
        Damaged: it is something else.
    """
    try:
        revision = written["revision"]
        if revision.__class__ is not int or revision < 0:
            raise TypeError
        record_id = bytes.fromhex(text(written["record_id"])) or None
        return Description(text(written["type"]), read_metadata(written["metadata"]), record_id, revision)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise damage_error(name, place) from None


def damage_error(name: str, place: str) -> Damaged:
    """Return the error for our metadata that was changed by hand."""
    remedy = "Remove that key by hand, or restore it; or delete the credential by force and write it again."
    return Damaged("'{0}' next to the value is not what was written there".format(place), name=name, remedy=remedy)


def text_of(content: bytes) -> str:
    """Return bytes as text for `bytes_of`."""
    return base64.b64encode(content).decode("ascii")


def bytes_of(text: Any) -> Optional[bytes]:
    """Return the bytes of a text; None if `text_of` does not write such a text (ENVELOPE rule 1)."""
    if not isinstance(text, str):
        return None
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:  # binascii.Error is one
        return None
    return content if text_of(content) == text else None
