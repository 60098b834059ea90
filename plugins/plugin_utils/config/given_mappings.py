# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mappings among a task's arguments, in each form that ansible-core accepts: as such, as JSON, as `key=value` pairs.

They are parsed before anything else looks at them. So the secrets in them are known in every form; and a value of another type is refused
here, by the option's name: ansible-core's validator fails on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.common.validation import check_type_dict, check_type_list

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

Spec = Mapping[str, Mapping[str, Any]]


def parse_mappings(given: Mapping[str, Any], spec: Spec, place: str = "") -> dict[str, Any]:
    """Return the arguments with each mapping, and each list of mappings, parsed, at any depth.

    Args:
        given: the arguments, of Python's own types.
        spec: the options that may be among them; others are returned as they are.
        place: the option, with a dot, that these are parts of.

    Raises:
        InvalidInput: an option is of another type and cannot be parsed. The error does not show it.
    """
    options = list_names(spec)
    return {name: value if value is None else _parse(value, options.get(name, {}), place + name) for name, value in given.items()}


def list_names(spec: Spec) -> dict[str, Mapping[str, Any]]:
    """Return the options by each of their names: aliases count."""
    return {name: option for known, option in spec.items() for name in (known, *option.get("aliases", ()))}


def label_element(place: str, number: int, element: Any) -> str:
    """Return how messages name an element of the list `place`: by its number, from 0, and its name if it has one."""
    name = element.get("name") if isinstance(element, Mapping) else None
    return "{0}[{1}]".format(place, number) + (" ({0})".format(ascii(name)[1:-1]) if name and isinstance(name, str) else "")


def _parse(value: Any, option: Mapping[str, Any], place: str) -> Any:
    if option.get("type") == "dict":
        mapping = _convert(check_type_dict, value, place, "a mapping")
        return parse_mappings(mapping, option.get("options") or {}, place + ".")
    if option.get("type") == "list" and option.get("elements") == "dict":
        elements = _convert(check_type_list, value, place, "a list of mappings")
        single = {**option, "type": "dict"}
        return [_parse(element, single, label_element(place, number, element)) for number, element in enumerate(elements)]
    if option.get("type") in ("int", "float") and isinstance(value, bool):  # ansible-core reads true as 1
        raise _type_error(value, option["type"], place, "a number")
    return value


def _convert(convert: Callable[[Any], Any], value: Any, place: str, wanted: str) -> Any:
    try:
        return convert(value)
    except (TypeError, ValueError):
        raise _type_error(value, wanted, place, wanted) from None


def _type_error(value: Any, wanted: str, place: str, remedy: str) -> InvalidInput:
    what = "it is a {0}, and cannot be read as {1}".format(type(value).__name__, wanted)
    return InvalidInput(what, option=place, remedy="Write {0}.".format(remedy))
