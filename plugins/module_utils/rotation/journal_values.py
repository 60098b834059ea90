# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the attributes of a stored journal may hold."""

from __future__ import annotations

from typing import Any, Callable, Mapping

_LAST_STAMP = 253402300800 * 1000000
"""The first microsecond of the year 10000 since the epoch, which no time can have."""


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return value.__class__ is int and 0 <= value < _LAST_STAMP


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, tuple) and all(map(_is_text, value))


CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "str": _is_text,
    "int": _is_number,
    "bool": lambda value: isinstance(value, bool),
    "Optional[str]": lambda value: value is None or _is_text(value),
    "Optional[int]": lambda value: value is None or _is_number(value),
    "Tuple[str, ...]": _is_list_of_texts,
    "Mapping[str, Any]": lambda value: isinstance(value, Mapping),
}
"""What a stored journal may hold, by the type of the attribute."""
