# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option `tags`: a mapping of names to values, or a list of names."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ansible.module_utils.common.validation import check_type_dict

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

_REMEDY = "Write a mapping, 'tags: {team: payments}', or a list of names, 'tags: [production, api]'."


def read_tags(given: Any, option: str = "tags") -> Optional[Dict[str, str]]:
    """Return tags by name; None if none are given. A tag of a list has the value "".

    Raises:
        InvalidInput: it is neither a mapping nor a list of names, or a value is not a scalar.
    """
    if given is None:
        return None
    if isinstance(given, (list, tuple)):
        return {_check_name(name, option): "" for name in given}
    return {str(name): read_scalar(value, "{0}.{1}".format(option, name)) for name, value in _read_mapping(given, option).items()}


def read_wanted_tags(given: Any) -> Dict[str, Optional[str]]:
    """Return the tags of a filter: the value that each must have; None for any value, if only names are given.

    Raises:
        InvalidInput: as `read_tags`.
    """
    tags = read_tags(given) or {}
    return dict.fromkeys(tags) if isinstance(given, (list, tuple)) else dict(tags)


def _check_name(name: Any, option: str) -> str:
    if not isinstance(name, str) or not name:
        raise InvalidInput("an element is not the name of a tag", option=option, remedy=_REMEDY)
    return name


def _read_mapping(given: Any, option: str) -> Mapping[Any, Any]:
    try:
        found: Mapping[Any, Any] = check_type_dict(given)
    except (TypeError, ValueError):
        raise InvalidInput("it is a {0}".format(type(given).__name__), option=option, remedy=_REMEDY) from None
    return found


def read_scalar(value: Any, option: str) -> str:
    """Return a YAML scalar as text: a port written as a number becomes its digits.

    Raises:
        InvalidInput: it is not a scalar; the error names the option.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise InvalidInput("it is a {0}, not text".format(type(value).__name__), option=option, remedy="Write text; for JSON, use to_json.")
