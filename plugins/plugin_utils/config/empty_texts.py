# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that are given as an empty text, mostly because a variable is empty. It never means the same as an option that is left out.

Without this check, `state: absent` with an empty `version` would delete the whole credential.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.plugin_utils.config.given_mappings import label_element

_MAY_BE_EMPTY = ("value", "default", "description", "prefix", "argv")
"""Options, at any depth, in which an empty text has a meaning; of a `value`, `allow_empty` decides, and a program takes empty arguments."""


def refuse_empty_texts(parameters: Mapping[str, Any], spec: Mapping[str, Mapping[str, Any]], place: str = "") -> None:
    """Check that no option is an empty text. The user's own mappings (`fields`, `metadata`) are not searched.

    Args:
        parameters: the options by name, as ansible-core has validated them; None is "not given".
        spec: the specification that they were validated against.
        place: the option, with a dot, that these are parts of.

    Raises:
        InvalidInput: one is. The error names the option, with the list element that it is in.
    """
    for name, option in spec.items():
        if name not in _MAY_BE_EMPTY:
            _check(parameters.get(name), option, place + name)


def _check(value: Any, option: Mapping[str, Any], place: str) -> None:
    if isinstance(value, str) and value == "":
        raise InvalidInput("it is empty", option=place, remedy="Leave it out, or use omit.")
    if isinstance(value, list) and option.get("type") == "list":
        for number, element in enumerate(value):
            _check(element, option, label_element(place, number, element))
    elif isinstance(value, Mapping) and option.get("options"):
        refuse_empty_texts(value, option["options"], place + ".")
