# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a plugin's validated arguments to an operation's parameters."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

EDGE_OPTIONS = ("store", "run_on", "progress", "on_missing", "on_denied", "on_error", "default")
"""Options that the edge itself handles."""

_FREE = ("fields", "tags", "metadata", "data")
"""The user's own mappings, in which None has a meaning."""


def for_operation(arguments: Mapping[str, Any], other_stores: Sequence[str] = ()) -> Dict[str, Any]:
    """Return the parameters without the edge's options, without those that name `other_stores`, and without unset nested options."""
    kept = {name: value for name, value in arguments.items() if name not in EDGE_OPTIONS and name not in other_stores}
    return {name: value if name in _FREE else _nest(value) for name, value in kept.items()}


def is_given(parameters: Mapping[str, Any], option: str, defaults: Mapping[str, Any]) -> bool:
    """Return True if the task sets the option to something else than its default, or to anything if it has none."""
    value = parameters.get(option)
    return value is not None and value != defaults.get(option)


def names_of(parameters: Mapping[str, Any]) -> List[str]:
    """Return the credentials that the parameters name."""
    return [name for name in (parameters.get("name"), *(parameters.get("names") or ())) if isinstance(name, str)]


def list_changed_names(parameters: Mapping[str, Any], result: Optional[Mapping[str, Any]]) -> Optional[List[str]]:
    """Return the credentials that an operation may have changed; None if they are not known, so that it may be any.

    Args:
        parameters: its parameters. If they have a prefix, or name no credential, only the result names them.
        result: its result, or None if that is not known. Its `names` are None if there are too many to name.
    """
    named = names_of(parameters)
    if result is None:
        return None if parameters.get("prefix") is not None else named or None
    return None if result.get("names", ()) is None else list(dict.fromkeys((*named, *names_of(result))))


def _nest(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: element if name in _FREE else _nest(element) for name, element in value.items() if element is not None}
    if isinstance(value, list):
        return [_nest(element) for element in value]
    return value
