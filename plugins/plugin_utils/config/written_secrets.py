# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets among a task's arguments must be text: what YAML makes of 0123, yes or 2027-01-31 is not what was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import not_text_error
from ansible_collections.nebula.credential.plugins.plugin_utils.config.given_mappings import Spec, label_element, list_names

_KEPT = (str, bytes, bool, int, float, type(None))
"""The types that an operation itself can judge, by the type of the credential. It never sees others, for example a date."""


def check_texts(arguments: Mapping[str, Any], spec: Spec, place: str = "") -> None:
    """Check the values of the options that are marked `no_log`.

    Args:
        arguments: the arguments as written, of Python's own types; other scalars, for example dates, as they are.
        spec: the options that may be among them.
        place: the option, with a dot, that these are parts of.

    Raises:
        InvalidInput: one is not text; or, where the option takes more than text, it is something that JSON does not have.
    """
    options = list_names(spec)
    for name, value in arguments.items():
        option = options.get(name, {})
        if option.get("no_log") and option.get("type", "str") == "str":
            if not isinstance(value, (str, bytes, type(None))):
                raise not_text_error(value, place + name)
        elif option.get("no_log"):
            _check_leaves(value, place + name)
        elif option.get("options"):
            for part, where in _list_parts(value, place + name):
                check_texts(part or {}, option["options"], where + ".")


def _list_parts(value: Any, place: str) -> list[tuple[Any, str]]:
    """Return the mappings that an option holds, one or a list of them, each with its place."""
    if not isinstance(value, list):
        return [(value, place)]
    return [(part, label_element(place, number, part)) for number, part in enumerate(value)]


def _check_leaves(value: Any, place: str) -> None:
    for where, leaf in _walk(value, place):
        if not isinstance(leaf, _KEPT):
            raise not_text_error(leaf, where)


def _walk(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _walk(part, "{0}.{1}".format(place, name))
    elif isinstance(value, list):
        for part in value:
            yield from _walk(part, place)
    else:
        yield place, value
