# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nested mappings and lists of a file, as entries with one value each, or with fields."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Tuple, TypeVar

from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

JOIN, FIELDS = "join", "fields"
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "nested": {"type": "str", "choices": [JOIN, FIELDS], "default": JOIN},
    "separator": {"type": "str", "default": "/"},
}
"""What every format with nested mappings takes: whether a value below the first level becomes a credential, or a field; and what joins
the keys on the way to it."""

Value = TypeVar("Value", str, bytes)

Leaf = Tuple[Tuple[str, ...], str, str]
"""The keys on the way to a value, the value, and where it is."""


def build_entries(leaves: List[Leaf], options: Mapping[str, Any]) -> Iterator[Found]:
    """Yield one entry for each leaf; with `nested: fields` one for each key of the first level, with the leaves below as its fields.

    Raises:
        InvalidInput: two leaves with different values would be one field.
    """
    separator = options.get("separator") or "/"
    groups: Dict[str, Dict[str, str]] = {}
    places: Dict[str, str] = {}
    for keys, value, origin in leaves:
        if len(keys) == 1 or options.get("nested", JOIN) == JOIN:
            yield Found(separator.join(keys), value, {}, origin)
        else:
            add_distinct(groups.setdefault(keys[0], {}), separator.join(keys[1:]), value, origin)
            places.setdefault(keys[0], origin)
    for name, fields in groups.items():
        yield Found(name, None, fields, places[name])


def add_distinct(fields: Dict[str, Value], field: str, value: Value, origin: str) -> None:
    """Add a field to an entry. It may be there already with the same value.

    Raises:
        InvalidInput: it is there with another value, which would be lost.
    """
    if fields.setdefault(field, value) != value:
        what = "{0}: the keys on the way to this value become the same field as those of another value".format(origin)
        raise InvalidInput(what, option="path", remedy="Nothing was adopted. Write 'nested: join' or another 'separator' in 'options'.")


def split_mapping(value: Any, keys: Tuple[str, ...] = ()) -> Iterator[Tuple[Tuple[str, ...], str]]:
    """Yield the text values of nested mappings and lists with the keys on the way; an element of a list has its number as a key."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from split_mapping(part, (*keys, str(key)))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from split_mapping(part, (*keys, str(number)))
    elif value is not None:
        yield keys, value
