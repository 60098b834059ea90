# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a plugin's validated arguments to an operation's parameters."""

from __future__ import annotations

from typing import Any, Dict, Mapping

EDGE_OPTIONS = ("store", "run_on", "on_missing", "on_denied", "on_error", "default")
"""What the edge itself deals with."""


def for_operation(arguments: Mapping[str, Any]) -> Dict[str, Any]:
    """Leave out what the edge deals with, and in nested mappings the options that nobody set."""
    return {name: _without_unset(value) for name, value in arguments.items() if name not in EDGE_OPTIONS}


def _without_unset(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_unset(element) for name, element in value.items() if element is not None}
    if isinstance(value, list):
        return [_without_unset(element) for element in value]
    return value
