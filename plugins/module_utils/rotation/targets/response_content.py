# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the JSON of a response holds at a path, whatever it is: a response of another kind is no error of a program."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_unicode_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import moment
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpResponse


def read_content(response: HttpResponse) -> Any:
    """Return the JSON of a response; None if it has none."""
    try:
        return read_unicode_json(response.body)
    except ValueError:
        return None


def find_part(content: Any, path: str) -> Any:
    """Return what is at a path of names and numbers with dots between them, or None. An empty path is the whole."""
    for name in path.split(".") if path else ():
        if isinstance(content, Mapping):
            content = content.get(name)
        elif isinstance(content, list) and name.isdigit() and int(name) < len(content):
            content = content[int(name)]
        else:
            return None
    return content


def find_text(content: Any, path: str) -> Optional[str]:
    """Return the text, or the whole number as one, at a path as of `find_part`. None if there is neither."""
    found = find_part(content, path)
    is_number = isinstance(found, int) and not isinstance(found, bool)
    return str(found) if is_number or (isinstance(found, str) and found) else None


def read_time(value: Any) -> Optional[int]:
    """Return a time in seconds since 1970: a number of them, or a text of ISO 8601. None if it is neither."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return int(value)
    try:
        return int(moment(value, "created").timestamp())
    except InvalidInput:
        return None
