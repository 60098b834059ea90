# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one way to read JSON that is stored somewhere: anyone may have changed it.

Numbers that JSON has no text for (NaN, infinity) and data nested deeper than this collection writes are refused like a missing brace.
"""

from __future__ import annotations

import json
from math import isfinite
from typing import Any, Dict, List, Tuple, Union

MAX_DEPTH = 64


class TooDeep(ValueError):
    """The data is nested deeper than is allowed."""


class RepeatedKey(ValueError):
    """An object has a key twice. Readers that take one of the two do not agree about which.

    Attributes:
        key: the key.
    """

    def __init__(self, key: str) -> None:
        """Set the key."""
        super().__init__("a key is repeated")
        self.key = key


def read_json(text: Union[str, bytes], depth: int = MAX_DEPTH) -> Any:
    """Return the data in a JSON text, nested `depth` deep at most. Bytes are UTF-8.

    Raises:
        TooDeep: it is nested deeper.
        ValueError: it is not JSON, or has a number that is not finite.
    """
    try:
        found = _DECODER.decode(text if isinstance(text, str) else text.decode("utf-8"))
    except RecursionError:
        raise TooDeep from None
    _check_depth(found, depth)
    return found


def read_unicode_json(text: Union[str, bytes], depth: int = MAX_DEPTH) -> Any:
    """Return the data in a JSON text whose texts go on as UTF-8, nested `depth` deep at most.

    Raises:
        ValueError: as `read_json`, or a text has half of a surrogate pair, which UTF-8 cannot write (RFC 7493 section 2.1).
    """
    found = read_json(text, depth)
    try:
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:  # it holds the text itself
        raise ValueError("half of a surrogate pair") from None
    return found


def read_distinct_json(text: Union[str, bytes], depth: int = MAX_DEPTH) -> Any:
    """Return the data in a JSON text of another tool, in which each object has each of its keys once.

    Raises:
        RepeatedKey: an object has a key twice.
        ValueError: as `read_unicode_json`.
    """
    read_unicode_json(text, depth)
    return _DISTINCT_DECODER.decode(text if isinstance(text, str) else text.decode("utf-8"))


def take_distinct(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    """Return the object of these pairs, as `object_pairs_hook` of a decoder.

    Raises:
        RepeatedKey: a key is there twice.
    """
    found: Dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise RepeatedKey(key)
        found[key] = value
    return found


def _check_depth(value: Any, left: int) -> None:
    if isinstance(value, (dict, list)):
        if left == 0:
            raise TooDeep
        for item in value.values() if isinstance(value, dict) else value:
            _check_depth(item, left - 1)


def _refuse_constant(_text: str) -> Any:
    raise ValueError("not a number")


def _read_float(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError("not finite")
    return number


_DECODER = json.JSONDecoder(parse_float=_read_float, parse_constant=_refuse_constant)
_DISTINCT_DECODER = json.JSONDecoder(object_pairs_hook=take_distinct, parse_float=_read_float, parse_constant=_refuse_constant)
