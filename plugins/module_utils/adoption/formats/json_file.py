# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON files: each text, number or boolean is a value, numbers as they are written."""

from __future__ import annotations

import json
from typing import Any, Iterator, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.adoption import nesting
from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.adoption.text_files import read_text, unreadable_error
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import RepeatedKey, take_distinct

OPTIONS: Mapping[str, Mapping[str, Any]] = nesting.OPTIONS


def read(path: str, options: Mapping[str, Any]) -> Iterator[Found]:
    """Yield the values of a JSON file, by the keys on the way to each; null is left out.

    Raises:
        InvalidInput: the file is missing, is no JSON, is no mapping, or has a key twice.
    """
    text = read_text(path)
    try:
        content = json.loads(text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=take_distinct)
    except json.JSONDecodeError as error:  # it holds the text itself
        raise unreadable_error(path, "it is no JSON", error.lineno) from None
    except RepeatedKey:
        raise unreadable_error(path, "a mapping has the same key twice") from None
    except RecursionError:
        raise unreadable_error(path, "it is nested too deeply") from None
    if not isinstance(content, dict):
        raise unreadable_error(path, "it is no mapping")
    leaves = [(keys, _write(value), "{0}, {1}".format(path, ".".join(keys))) for keys, value in nesting.split_mapping(content)]
    yield from nesting.build_entries(leaves, options)


def _write(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
