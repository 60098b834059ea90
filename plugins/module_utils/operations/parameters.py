# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a plugin's validated arguments to an operation's parameters."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

EDGE_OPTIONS = ("store", "run_on", "on_missing", "on_denied", "on_error", "default")
"""What the edge itself deals with."""

_FREE = ("fields", "tags")
"""The user's own mappings, in which None says something."""


def for_operation(arguments: Mapping[str, Any]) -> Dict[str, Any]:
    """Leave out what the edge deals with, and in nested options those that nobody set."""
    kept = {name: value for name, value in arguments.items() if name not in EDGE_OPTIONS}
    return {name: value if name in _FREE else _nested(value) for name, value in kept.items()}


def names_of(parameters: Mapping[str, Any]) -> List[str]:
    """The credentials that an operation is about, as far as its parameters name them."""
    return [name for name in (parameters.get("name"), *(parameters.get("names") or ())) if isinstance(name, str)]


def _nested(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: element if name in _FREE else _nested(element) for name, element in value.items() if element is not None}
    if isinstance(value, list):
        return [_nested(element) for element in value]
    return value
