# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the readers of formats share: the content of a file within bounds, the errors that name a place, and names that occur twice."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NoReturn, Optional, Tuple, Union

from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import RepeatedKey, TooDeep, read_distinct_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB, read_file

MOST_BYTES = 16 * MIB
"""The most bytes of a file that a reader takes, unless the reader states another bound."""
Value = Union[str, bytes]
CHARACTERS, KEEP, REPLACE = "characters", "keep", "replace"
NAMING: Mapping[str, Mapping[str, Any]] = {
    CHARACTERS: {
        "description": "With 'replace', what a credential's name cannot have (blanks, brackets, letters beyond ASCII) becomes '-'.",
        "type": "str",
        "choices": [KEEP, REPLACE],
        "default": KEEP,
    }
}
"""What readers take whose files have names that people wrote."""
_UNFIT = re.compile(r"[^A-Za-z0-9_./-]+")
_PLAIN_ALONE = frozenset(("username", "url", "server"))


def read_content(path: str, most: int = MOST_BYTES) -> bytes:
    """Return the bytes of a regular file.

    Raises:
        StorageError: it cannot be read.
        Damaged: it is no regular file, or is larger than `most` bytes.
    """
    with translated("the file", path, writing=False):
        return read_file(path, most)


def read_text(path: str, most: int = MOST_BYTES) -> str:
    """Return the text of a file in UTF-8, without a byte order mark.

    Raises:
        InvalidInput: it is not text in UTF-8.
        CredentialError: as `read_content`.
    """
    content = read_content(path, most)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return refuse(path, "byte {0}".format(error.start + 1), "it is not text in UTF-8", "Save the file as UTF-8, or name another file.")
    if "\0" in text:
        refuse(path, "character {0}".format(text.index("\0") + 1), "a zero byte, which text does not have", "Name another file.")
    return text


def refuse(path: str, place: str, what: str, remedy: str) -> NoReturn:
    """Refuse a file.

    Args:
        path: the file.
        place: where in it; empty for the whole file. Nothing secret.
        what: what is wrong there, without any value.
        remedy: what the user can do.

    Raises:
        InvalidInput: always.
    """
    where = "{0}, {1}".format(path, place) if place else path
    raise InvalidInput("{0}: {1}".format(where, what), option="path", remedy=remedy) from None


def read_object(path: str, text: Union[str, bytes], kind: str, remedy: str) -> Dict[str, Any]:
    """Return the object that a JSON text is.

    Args:
        path: the file.
        text: its content.
        kind: what it should be, as in "an export of Bitwarden".
        remedy: what the user can do if it is not.

    Raises:
        InvalidInput: it is no JSON object, is nested too deep, or an object in it has a key twice.
    """
    try:
        found = read_distinct_json(text)
    except RepeatedKey as error:
        return refuse(path, show(error.key), "this key is in one object twice", "Keep one of them. " + remedy)
    except TooDeep:
        return refuse(path, "", "it is nested deeper than {0} is".format(kind), remedy)
    except ValueError:
        return refuse(path, "", "it is not JSON, which {0} is, or ends too early".format(kind), remedy)
    if not isinstance(found, dict):
        refuse(path, "", "it is not {0}: the outermost part is no object".format(kind), remedy)
    return found


def show(name: object) -> str:
    """Return a name from a file as messages show it: shortened, with no control character."""
    return ascii(str(name)[:80])[1:-1]


def take_object(path: str, part: Any, place: str, remedy: str) -> Mapping[str, Any]:
    """Return a part of JSON or YAML that has to be an object. None is one that is empty.

    Raises:
        InvalidInput: it is something else.
    """
    if part is None:
        return {}
    if not isinstance(part, dict):
        refuse(path, place, "it is no object", remedy)
    return part


def take_list(path: str, part: Any, place: str, remedy: str) -> List[Any]:
    """Return a part of JSON or YAML that has to be a list. None is one that is empty.

    Raises:
        InvalidInput: it is something else.
    """
    if part is None:
        return []
    if not isinstance(part, list):
        refuse(path, place, "it is no list", remedy)
    return part


def take_text(path: str, part: Any, place: str, remedy: str) -> str:
    """Return a part of JSON or YAML that has to be text. None is an empty one.

    Raises:
        InvalidInput: it is something else.
    """
    if part is None:
        return ""
    if not isinstance(part, str):
        refuse(path, place, "it is no text", remedy)
    return part


def decode_base64(path: str, text: str, place: str) -> bytes:
    """Return what is written in base64. Line breaks count for nothing.

    Raises:
        InvalidInput: it is no base64.
    """
    try:
        return base64.b64decode(text.replace("\r", "").replace("\n", "").encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return refuse(path, place, "it is not valid base64", "Write it anew, for example with 'base64 --wrap=0'.")


def as_text(value: bytes) -> Value:
    """Return bytes as text if they are UTF-8, which gives the same bytes again."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


def make_found(path: str, place: str, name: str, fields: Mapping[str, Value], **more: Any) -> Optional[Found]:
    """Return the entry with these fields, without the empty ones; None if all are empty.

    A field that is alone is the value of the entry, unless it says only where or as whom to log in.

    Args:
        path: the file.
        place: where in it the entry is.
        name: its name.
        fields: its fields.
        more: what else a `Found` has.
    """
    kept = {field: value for field, value in fields.items() if value}
    origin = "{0}, {1}".format(path, place)
    if len(kept) == 1 and not _PLAIN_ALONE.intersection(kept):
        ((field, value),) = kept.items()
        return Found(name, value, {}, "{0}, {1}".format(origin, show(field)), **more)
    return Found(name, None, kept, origin, **more) if kept else None


def add_field(fields: Dict[str, Value], name: str, value: Value) -> None:
    """Add a field. If there is one of its name, the new one is `<name>_2`, the next `<name>_3`."""
    free, number = name, 1
    while free in fields:
        number += 1
        free = "{0}_{1}".format(name, number)
    fields[free] = value


def make_distinct(path: str, entries: Iterable[Tuple[Optional[Found], str]], options: Mapping[str, Any]) -> Iterator[Found]:
    """Yield entries in their order. Of those that have one name, each gets `/` and its mark behind it.

    Args:
        path: the file.
        entries: each entry, or None for one that is left out, and its mark: what tells it apart from others, empty if there is nothing.
        options: `characters` (`NAMING`).

    Raises:
        InvalidInput: two entries have one name and nothing that tells them apart.
    """
    fit = _replace_unfit if options.get(CHARACTERS) == REPLACE else str
    kept = [(found._replace(name=fit(found.name)), fit(mark)) for found, mark in entries if found is not None]
    counts: Dict[str, int] = {}
    for found, _mark in kept:
        counts[found.name] = counts.get(found.name, 0) + 1
    places: Dict[str, str] = {}
    for found, mark in kept:
        name = "{0}/{1}".format(found.name, mark) if counts[found.name] > 1 and mark else found.name
        if name in places:
            what = "there are two entries of the name '{0}', the other one is {1}".format(show(name), places[name])
            refuse(path, _place_in(found, path), what, "Rename or remove one of them in the file, and repeat.")
        places[name] = _place_in(found, path)
        yield found._replace(name=name)


def _replace_unfit(name: str) -> str:
    segments = (_UNFIT.sub("-", segment).strip("-.") for segment in name.split("/"))
    return re.sub(r"\.{2,}", ".", "/".join(segment for segment in segments if segment))


def _place_in(found: Found, path: str) -> str:
    return found.origin[len(path) + 2 :]
