# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metadata as data that JSON, YAML and the binary layout can all hold. Times are ISO 8601 in UTC with microseconds."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.model.record import Metadata, Transition
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope


def write_metadata(metadata: Metadata) -> Dict[str, Any]:
    """Return metadata as mappings, lists, text and numbers."""
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


def read_metadata(data: Mapping[str, Any]) -> Metadata:
    """Read what `write_metadata` wrote.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is something else. The caller raises the fitting error.
    """
    return Metadata(
        created_at=_time(data["created_at"]),
        updated_at=_time(data["updated_at"]),
        expires_at=_optional_time(data["expires_at"]),
        description=text(data["description"]),
        tags=_texts(data["tags"]),
        scope=_read_scope(**_mapping(data["scope"])),
        lifecycle=text(data["lifecycle"]),
        history=tuple(_read_history(data["history"])),
        policy=_mapping(data["policy"]),
        attributes=_mapping(data["attributes"]),
    )


def _optional_time(value: Optional[str]) -> Optional[datetime]:
    return None if value is None else _time(value)


def _time(value: Any) -> datetime:
    moment = datetime.fromisoformat(text(value))
    if moment.tzinfo is None:
        raise ValueError
    return moment


def _read_scope(tenant: Any, workflow: Any = None, user: Any = None, tags: Any = None) -> Scope:
    return Scope(text(tenant), _optional_text(workflow), _optional_text(user), _texts({} if tags is None else tags))


def _optional_text(value: Any) -> Optional[str]:
    return None if value is None else text(value)


def _texts(value: Any) -> Dict[str, str]:
    return {text(key): text(item) for key, item in _mapping(value).items()}


def _mapping(value: Any) -> Dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _read_history(steps: Any) -> List[Transition]:
    return [Transition(text(event), text(origin), text(target), _time(at)) for event, origin, target, at in steps]


def text(value: Any) -> str:
    """Return `value` if it is text.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(value, str):
        raise TypeError
    return value
