# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Detects that another tool overwrote a value, by the managers that Kubernetes records for each field (`metadata.managedFields`).

Each of our writes makes us the manager of every field of the value, so a field with another manager was written since: even
within the same second, which the recorded times cannot show. Reads only names of tools and fields, never a value or a hash of one.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, Mapping, Set

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.connection import FIELD_MANAGER

_PARTS = ("f:data", "f:stringData")
_FIELD = "f:"


def is_foreign(metadata: Mapping[str, Any]) -> bool:
    """Return True if another tool is recorded for a field of the current value."""
    return any(entry.get("manager") != FIELD_MANAGER and _fields_of(entry) for entry in _entries(metadata))


def find_owned_fields(metadata: Mapping[str, Any]) -> Set[str]:
    """Return the fields of the value that have a recorded manager."""
    return {field for entry in _entries(metadata) for field in _fields_of(entry)}


def claim_fields(metadata: Mapping[str, Any], fields: Iterable[str]) -> List[Dict[str, Any]]:
    """Return the entries for a write of these fields: we manage the whole value, all other entries stay as they are."""
    kept = [_without_value(entry) for entry in _entries(metadata)]
    others = [entry for entry in kept if entry["fieldsV1"] and not _is_of_ours(entry)]
    mine = next((entry for entry in kept if _is_of_ours(entry)), None)
    entry: Dict[str, Any] = dict(mine or {}, manager=FIELD_MANAGER, operation="Update", apiVersion="v1", fieldsType="FieldsV1")
    entry["fieldsV1"] = dict(entry.get("fieldsV1") or {}, **{_PARTS[0]: dict({".": {}}, **{_FIELD + field: {} for field in fields})})
    return [*others, entry]


def last_written(metadata: Mapping[str, Any]) -> str:
    """Return when the object was last written, in the format of Kubernetes (RFC 3339, whole seconds); "" if not recorded."""
    return max((str(entry.get("time") or "") for entry in _entries(metadata)), default="")


def _is_of_ours(entry: Mapping[str, Any]) -> bool:
    return entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Update"


def _without_value(entry: Mapping[str, Any]) -> Dict[str, Any]:
    noted = {part: fields for part, fields in (entry.get("fieldsV1") or {}).items() if part not in _PARTS}
    return dict(entry, fieldsV1=noted)


def _entries(metadata: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (entry for entry in metadata.get("managedFields") or () if isinstance(entry, dict))


def _fields_of(entry: Mapping[str, Any]) -> List[str]:
    noted = entry.get("fieldsV1") or {}
    return [field[len(_FIELD) :] for part in _PARTS for field in noted.get(part) or () if field.startswith(_FIELD)]
