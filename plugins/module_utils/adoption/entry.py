# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One credential of an adoption, as the controller sends it to the process that holds the store: values are base64 there."""

from __future__ import annotations

import base64
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple, Union

from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput


class Entry(NamedTuple):
    """One entry.

    Attributes:
        name: the name that the credential is to have in the store.
        origins: where it was found: several places if it has the same value in each.
        value: the value, for an entry with one.
        fields: the values of an entry with several, by their names.
        type: the type that the file states.
        description, tags: of the credential; None for none.
        older: older values, the newest first.
    """

    name: str
    origins: Tuple[str, ...]
    value: Optional[bytes]
    fields: Mapping[str, bytes]
    type: Optional[str]
    description: Optional[str]
    tags: Optional[Mapping[str, str]]
    older: Tuple[bytes, ...]

    def __repr__(self) -> str:  # values are secret
        return "Entry({0!r}, {1!r})".format(self.name, self.origins)


def write_entry(found: Found, name: str) -> Dict[str, Any]:
    """Return what was found as JSON-like data, with the name that it is to have.

    Raises:
        InvalidInput: a text holds half of a surrogate pair, which has no bytes.
    """
    try:
        return _write_entry(found, name)
    except UnicodeEncodeError:  # it holds the text itself
        what = "{0}: a value holds half of a surrogate pair, which UTF-8 cannot write".format(found.origin)
        raise InvalidInput(what, name=name, remedy="Nothing was adopted. Write the whole character there.") from None


def _write_entry(found: Found, name: str) -> Dict[str, Any]:
    return {
        "name": name,
        "origin": found.origin,
        "value": None if found.value is None else _write(found.value),
        "fields": {field: _write(value) for field, value in found.fields.items()},
        "type": found.type,
        "description": found.description,
        "tags": list(found.tags),
        "older": [_write(value) for value in found.older],
    }


def read_entry(written: Mapping[str, Any]) -> Entry:
    """Return what `write_entry` wrote."""
    value = written.get("value")
    return Entry(
        name=written["name"],
        origins=(written["origin"],),
        value=None if value is None else base64.b64decode(value),
        fields={field: base64.b64decode(part) for field, part in (written.get("fields") or {}).items()},
        type=written.get("type"),
        description=written.get("description") or None,
        tags=dict.fromkeys(written.get("tags") or (), "") or None,
        older=tuple(base64.b64decode(part) for part in written.get("older") or ()),
    )


def _write(value: Union[str, bytes]) -> str:
    return base64.b64encode(value.encode("utf-8") if isinstance(value, str) else value).decode("ascii")
