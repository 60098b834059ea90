# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether another tool wrote a value over ours, by what Kubernetes notes of who wrote which field (`metadata.managedFields`).

Only names, times and the names of fields are looked at, never a value or a hash of one. A tool's entry changes its time, in whole
seconds, when that tool changes a field; entries that were there when we wrote are noted beside the value and count no more.
"""

from __future__ import annotations

from typing import Any, FrozenSet, Iterator, List, Mapping, Set

from ansible_collections.nebula.credential.plugins.module_utils.kube.connection import FIELD_MANAGER

_PARTS = ("f:data", "f:stringData")
_FIELD = "f:"


def foreign_writers(metadata: Mapping[str, Any]) -> FrozenSet[str]:
    """Who else wrote a field of the value that is there now, and when: an id for each."""
    return frozenset(
        "{0}|{1}|{2}".format(entry.get("manager"), entry.get("operation"), entry.get("time"))
        for entry in _entries(metadata)
        if entry.get("manager") != FIELD_MANAGER and _fields_of(entry)
    )


def owned_fields(metadata: Mapping[str, Any]) -> Set[str]:
    """The fields of the value that somebody is noted for."""
    return {field for entry in _entries(metadata) for field in _fields_of(entry)}


def last_written(metadata: Mapping[str, Any]) -> str:
    """When anybody last wrote the object, as Kubernetes writes times (RFC 3339, whole seconds); "" where that is not noted."""
    return max((str(entry.get("time") or "") for entry in _entries(metadata)), default="")


def _entries(metadata: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (entry for entry in metadata.get("managedFields") or () if isinstance(entry, dict))


def _fields_of(entry: Mapping[str, Any]) -> List[str]:
    noted = entry.get("fieldsV1") or {}
    return [field[len(_FIELD) :] for part in _PARTS for field in noted.get(part) or () if field.startswith(_FIELD)]
