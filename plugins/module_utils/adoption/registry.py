# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every format that is read in a file of its own, by its name. A static table: each file is imported when its format is first read."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping, NamedTuple

from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.adopt import FORMATS
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, suggest

Read = Callable[[str, Mapping[str, Any]], Iterator[Found]]


class Format(NamedTuple):
    """One format.

    Attributes:
        read: yields what the file or directory of a path holds, as the options say.
        options: what it takes besides the path, as an argument spec.
    """

    read: Read
    options: Mapping[str, Mapping[str, Any]]


def _dotenv() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import dotenv

    return Format(dotenv.read, dotenv.OPTIONS)


def _environment() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import environment

    return Format(environment.read, environment.OPTIONS)


def _ini() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import ini

    return Format(ini.read, ini.OPTIONS)


def _json() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import json_file

    return Format(json_file.read, json_file.OPTIONS)


_FORMATS: Mapping[str, Callable[[], Format]] = {
    "dotenv": _dotenv,
    "environment": _environment,
    "ini": _ini,
    "json": _json,
}


def find_format(name: str) -> Format:
    """Return the format of a name.

    Raises:
        InvalidInput: there is none.
    """
    if name not in _FORMATS:
        remedy = "{0}Use one of: {1}.".format(suggest(name, FORMATS), ", ".join(FORMATS))
        raise InvalidInput("there is no format {0}".format(ascii(name)), option="from", remedy=remedy)
    return _FORMATS[name]()
