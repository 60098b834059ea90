# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of a field that holds JSON: `database.users.0.name`. The first part is the field; a number is the place in a list, from 0.

A key that has dots itself comes before a path: of several, the longest. Imported when the first path is read or written.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, InvalidToken, NoToken
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import JSON, Secret, not_text_error

Key = Union[str, int]
Given = Mapping[str, Optional[Secret]]

_QUOTED = "It was a text before. Quote the new value, or write null first to remove the old one."


def split_field(path: str, read: Callable[[str], Secret]) -> Tuple[str, List[str]]:
    """Return the field that a path begins with, and the parts after it.

    Args:
        path: at least two parts with a dot between them.
        read: returns the value of a field; raises NoToken if there is none.

    Raises:
        NoToken: no field is a beginning of the path.
    """
    for field, rest in _list_beginnings(path):
        try:
            read(field)
        except NoToken:
            continue
        return field, rest
    return read(path.partition(".")[0]), []  # type: ignore[return-value]  # it raises: there is none


def read_part(value: Secret, field: str, parts: Sequence[str]) -> Secret:
    """Return a part of the JSON in a field: text as it is, anything else as JSON.

    Raises:
        NoToken: there is no such part, or it is null, or the value is no JSON.
        InvalidToken: it is text that UTF-8 cannot write.
    """
    found, seen = _parse(value), field
    if found is None:
        raise NoToken("field '{0}' is no JSON object or list, so it has no part '{1}'".format(field, parts[0]))
    left = list(parts)
    while left:
        key, left_after = _find_key(found, left)
        if key is None:
            raise NoToken("there is no '{0}' in '{1}'".format(left[0], seen))
        found, seen, left = found[key], "{0}.{1}".format(seen, key), left_after
    if found is None:
        raise NoToken("there is no value in '{0}'".format(seen))
    return _wrap(found, seen)


def merge_parts(given: Given, stored: Fields, is_field: Callable[[str], bool]) -> Dict[str, Optional[Secret]]:
    """Return the fields that a task gives, with each path replaced by the whole field that it is a part of.

    Args:
        given: values by field or path. None removes a part.
        stored: the fields now. A name is a path only if a stored field with JSON is a beginning of it.
        is_field: returns True for a name that is a field, whatever is stored.

    Raises:
        InvalidInput: a part cannot be written there, or a path and its field are both given.
    """
    merged: Dict[str, Optional[Secret]] = {}
    changed: Dict[str, Any] = {}
    for name, value in given.items():
        place = None if "." not in name or name in stored or is_field(name) else _find_place(name, stored)
        if place is None:
            merged[name] = value
            continue
        field, parts = place
        if field in given:
            remedy = "Give the whole field, or parts of it."
            raise InvalidInput("'{0}' is a part of '{1}', which is given, too".format(name, field), option="fields", remedy=remedy)
        before = changed[field] if field in changed else _parse(stored[field])
        changed[field] = _write(before, parts, value, name)
    for field, data in changed.items():
        merged[field] = _keep_unchanged(stored[field], data)
    return merged


def _keep_unchanged(stored: Secret, data: Any) -> Secret:
    """Return the stored value itself if it has the same data: its own spelling stays, and nothing is written."""
    return stored if _dump(_parse(stored)) == _dump(data) else Secret(_dump(data), stored.form)


def _find_place(path: str, stored: Fields) -> Optional[Tuple[str, List[str]]]:
    """Return the stored field that holds JSON and is a beginning of the path, and the parts after it; None if there is none."""
    for field, rest in _list_beginnings(path):
        if field in stored and _parse(stored[field]) is not None:
            return field, rest
    return None


def _list_beginnings(path: str) -> Iterator[Tuple[str, List[str]]]:
    parts = path.split(".")
    for end in range(len(parts) - 1, 0, -1):
        yield ".".join(parts[:end]), parts[end:]


def _parse(value: Secret) -> Any:
    """Return the mapping or list in a value; None if it is neither."""
    if value.is_null:
        return None
    try:
        found = read_json(value.expose())
    except ValueError:  # no JSON, no UTF-8, or nested too deep
        return None
    return found if isinstance(found, (dict, list)) else None


def _find_key(data: Any, parts: List[str]) -> Tuple[Optional[Key], List[str]]:
    """Return the key of the next step and the parts after it; None for the key if there is none."""
    if isinstance(data, list):
        is_there = parts[0].isascii() and parts[0].isdigit() and int(parts[0]) < len(data)
        return (int(parts[0]) if is_there else None), parts[1:]
    for end in range(len(parts), 0, -1):
        key = ".".join(parts[:end])
        if isinstance(data, dict) and key in data:
            return key, parts[end:]
    return None, parts


def _write(data: Any, parts: List[str], value: Optional[Secret], path: str) -> Any:
    """Return the data with a part written or removed, and everything else as it is."""
    key, rest = _find_key(data, parts)
    if key is None and value is None:
        return data
    if key is None:
        if not isinstance(data, dict):
            raise _no_place_error(path, parts[0])
        key, rest = parts[0], parts[1:]
    changed: Any = data.copy()
    there = changed[key] if isinstance(data, list) else changed.get(key)
    if rest:
        if there is not None and not isinstance(there, (dict, list)):
            raise _no_place_error(path, rest[0])
        changed[key] = _write({} if there is None else there, rest, value, path)
    elif value is None:
        del changed[key]
    else:
        changed[key] = _unwrap(value, there, path)
    return changed


def _no_place_error(path: str, part: str) -> InvalidInput:
    what = "there is no place for '{0}' of '{1}': what it would be in is no JSON object, or a shorter list".format(part, path)
    return InvalidInput(what, option="fields", remedy="Write the part that it is in as a whole.")


def _wrap(data: Any, path: str) -> Secret:
    if not isinstance(data, str):
        return Secret(_dump(data), JSON)
    try:
        return Secret(data)
    except InvalidInput:
        raise InvalidToken("'{0}' has half of a surrogate pair, which UTF-8 cannot write".format(path), remedy="Write it again.") from None


def _unwrap(value: Secret, there: Any, path: str) -> Any:
    """Return a given value as data. YAML makes numbers of unquoted text, so a number does not take the place of a text."""
    if value.is_text:
        try:
            return value.expose().decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidInput(
                "bytes that are no UTF-8 cannot be in JSON", option="fields." + path, remedy="Give it as base64 text."
            ) from None
    data = json.loads(value.expose())
    if isinstance(there, str):
        error = not_text_error(data, "fields." + path)
        error.remedy = _QUOTED
        raise error
    return data


def _dump(data: Any) -> str:
    return json.dumps(data, allow_nan=False)
