# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module's parameters as a result may show them."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import is_store_name

CENSORED = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
"""What ansible-core writes instead of such a value."""


def censor_invocation(
    parameters: Mapping[str, Any], argument_spec: Mapping[str, Mapping[str, Any]], other_stores: Sequence[str] = ()
) -> Dict[str, Any]:
    """Return the parameters without the values that are marked `no_log`, at any depth, and without the logins of every store."""
    return {
        name: _censor(value, argument_spec.get(name, {}), name == "store" or name in other_stores) for name, value in parameters.items()
    }


def _censor(value: Any, option: Mapping[str, Any], is_store: bool = False) -> Any:
    if value is not None and option.get("no_log"):
        return CENSORED
    if is_store:
        return _censor_store(value)
    nested = option.get("options")
    if nested and isinstance(value, Mapping):
        return censor_invocation(value, nested)
    if nested and isinstance(value, list):
        return [_censor(element, {"options": nested}) for element in value]
    return value


def _censor_store(value: Any) -> Any:
    """Return a store's name as it is. A whole configuration may hold a login anywhere, also as text: little of it is shown."""
    if isinstance(value, Mapping):
        return {key: element if key in ("name", "backend") else CENSORED for key, element in value.items()}
    return value if value is None or is_store_name(value) else CENSORED
