# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of named values as other programs read them: `dotenv`, `json`, `yaml`, `ini`, `properties`.

A value that a format cannot hold is refused: no reader would get it back.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import Callable, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

DOTENV, JSON, YAML, INI, PROPERTIES = "dotenv", "json", "yaml", "ini", "properties"

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_INI_NAME = re.compile(r"[^\s=:\[\]#;][^=:\r\n]*\Z")
_SEPARATORS = re.compile(r"[^A-Za-z0-9_]")
_PROPERTY_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f", "=": "\\=", ":": "\\:", "#": "\\#", "!": "\\!"}


def write_values(kind: str, values: Mapping[str, str], section: Optional[str] = None) -> str:
    """Return the text of a file that holds these values, in their order.

    Args:
        kind: the format.
        values: the values by their names in the file.
        section: the section of an `ini` file.

    Raises:
        InvalidInput: the format cannot hold a name or a value. The error names it, and does not show the value.
    """
    return _WRITERS[kind](values, section)


def name_variable(field: str) -> str:
    """Return the environment variable for a field: upper case, with an underscore for what a variable cannot have."""
    return _SEPARATORS.sub("_", field).upper()


def check_variable(name: str, option: str) -> None:
    """Check the name of an environment variable.

    Raises:
        InvalidInput: a shell takes no such name.
    """
    if not _VARIABLE.match(name):
        what = "{0} is not the name of an environment variable".format(ascii(name))
        raise InvalidInput(what, option=option, remedy="Use letters, digits and '_', and no digit at the beginning.")


def _write_dotenv(values: Mapping[str, str], _section: Optional[str]) -> str:
    """Write each value as a POSIX shell reads it, quoted if it has more than letters, digits and a few signs."""
    for name, value in values.items():
        check_variable(name, "values")
        if "\0" in value:
            raise _value_error(name, DOTENV, "a zero byte")
    return "".join("{0}={1}\n".format(name, shlex.quote(value)) for name, value in values.items())


def _write_json(values: Mapping[str, str], _section: Optional[str]) -> str:
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _write_yaml(values: Mapping[str, str], _section: Optional[str]) -> str:
    """Write every value in quotes: readers of different versions of YAML disagree about what is a number or a truth value."""
    import yaml

    return str(yaml.safe_dump(dict(values), default_style='"', allow_unicode=True, sort_keys=False, width=float("inf")))


def _write_ini(values: Mapping[str, str], section: Optional[str]) -> str:
    """Write values as they are: readers of this format disagree about quotes and escapes."""
    for name, value in values.items():
        if not _INI_NAME.match(name):
            remedy = "Use no '=', ':' or line break, and none of '[', ']', '#' and ';' at the beginning."
            raise InvalidInput("{0} is no name for an 'ini' file".format(ascii(name)), option="values", remedy=remedy)
        if value != value.strip() or len(value.splitlines()) > 1:
            raise _value_error(name, INI, "a line break, or a space at one of its ends")
    return "[{0}]\n".format(section) + "".join("{0} = {1}\n".format(*each) for each in values.items())


def _write_properties(values: Mapping[str, str], _section: Optional[str]) -> str:
    """Write what `java.util.Properties` reads, in ASCII."""
    return "".join("{0}={1}\n".format(_escape(name, True), _escape(value, False)) for name, value in values.items())


def _escape(text: str, is_name: bool) -> str:
    """Escape a name, in which every space counts, or a value, in which only the spaces at its beginning do."""
    spaces = len(text) - len(text.lstrip(" "))
    parts = []
    for place, letter in enumerate(text):
        if letter == " ":
            parts.append("\\ " if is_name or place < spaces else " ")
        elif " " <= letter <= "~" or letter in _PROPERTY_ESCAPES:
            parts.append(_PROPERTY_ESCAPES.get(letter, letter))
        else:
            units = letter.encode("utf-16-be")
            parts += ["\\u{0:04X}".format(int.from_bytes(units[at : at + 2], "big")) for at in range(0, len(units), 2)]
    return "".join(parts)


def _value_error(name: str, kind: str, what: str) -> InvalidInput:
    remedy = "Use another format, or a template that writes it as its reader wants it."
    return InvalidInput("the value of {0} has {1}, which '{2}' cannot hold".format(ascii(name), what, kind), option="format", remedy=remedy)


_WRITERS: Dict[str, Callable[[Mapping[str, str], Optional[str]], str]] = {
    DOTENV: _write_dotenv,
    JSON: _write_json,
    YAML: _write_yaml,
    INI: _write_ini,
    PROPERTIES: _write_properties,
}

FORMATS = tuple(_WRITERS)
"""The formats of named values."""
