# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From an item of 1Password to the fields and the dates of a credential, and back to nothing: items are only read.

The user name, the password and the notes of an item are the fields `username`, `password` and `notes`. Every other field has its label;
in a section, `section.label`. A field without a value is left out, and so are files, and the code of the moment of a one-time password,
of which the field has the `otpauth` address.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.backends.reader import UNKNOWN
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_reader import Entry
from ansible_collections.nebula.credential.plugins.module_utils.errors import StorageError

Item = Mapping[str, Any]
_PURPOSES = {"USERNAME": "username", "PASSWORD": "password", "NOTES": "notes"}


def read_summary(item: Item) -> Entry:
    """Return what a listing says of an item."""
    tags = tuple(str(tag) for tag in item.get("tags") or ())
    return Entry(str(item.get("version") or 1), {}, tags, _read_date(item.get("createdAt")), _read_date(item.get("updatedAt")))


def read_entry(item: Item) -> Entry:
    """Return an item with its values.

    Raises:
        StorageError: two of its fields have the same name.
    """
    summary = read_summary(item)
    sections = {str(section.get("id")): str(section.get("label") or "") for section in item.get("sections") or ()}
    fields: Dict[str, str] = {}
    for field in item.get("fields") or ():
        if field.get("value") in (None, ""):
            continue
        key = _find_key(field, sections)
        if key in fields:
            what = "the item has two fields named {0}".format(ascii(key))
            remedy = "Rename one of them in 1Password, or put it into a section."
            raise StorageError(what, name=str(item["title"]), remedy=remedy)
        fields[key] = str(field["value"])
    return Entry(summary.version, fields, summary.tags, summary.created_at, summary.updated_at)


def _find_key(field: Mapping[str, Any], sections: Mapping[str, str]) -> str:
    purpose = _PURPOSES.get(str(field.get("purpose") or ""))
    if purpose is not None:
        return purpose
    label = str(field.get("label") or field.get("id"))
    section = sections.get(str((field.get("section") or {}).get("id")), "")
    return "{0}.{1}".format(section, label) if section else label


def _read_date(text: Any) -> datetime:
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return UNKNOWN
    return found.astimezone(timezone.utc) if found.tzinfo else UNKNOWN
