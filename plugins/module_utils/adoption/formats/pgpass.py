# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PostgreSQL's `.pgpass`: each line is an entry with the fields of a database.

Its name is host, port, database and user with `/` between them; what is `*` is left out of it, and is no field.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.adoption.contents import (
    NAMING,
    make_distinct,
    make_found,
    read_text,
    refuse,
)
from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB

OPTIONS: Mapping[str, Mapping[str, Any]] = NAMING
_PARTS = ("host", "port", "database", "username", "password")
_PIECE = re.compile(r"(?:[^:\\]|\\.|\\\Z)*")
_ESCAPED = re.compile(r"\\(.)")
_REMEDY = "Write 'host:port:database:user:password', with a backslash before ':' and before a backslash."


def read(path: str, options: Mapping[str, Any]) -> Iterator[Found]:
    """Yield the lines of a password file.

    Args:
        path: the file.
        options: `characters` (`NAMING`).

    Raises:
        InvalidInput: a line has not the five parts of such a file, or two lines have one name. The message names the line.
        CredentialError: it cannot be read.
    """
    return make_distinct(path, _read_lines(path), options)


def _read_lines(path: str) -> Iterator[Tuple[Optional[Found], str]]:
    for number, line in enumerate(re.split("\r?\n", read_text(path, MIB)), 1):
        if line and not line.startswith("#"):
            yield _read_line(path, "line {0}".format(number), line), ""


def _read_line(path: str, place: str, line: str) -> Optional[Found]:
    parts = _split(line)
    if len(parts) != len(_PARTS):
        refuse(path, place, "it has {0} parts, not five".format(len(parts)), _REMEDY)
    fields: Dict[str, Any] = dict(zip(_PARTS, parts))
    named = [fields[part] for part in _PARTS[:-1] if fields[part] not in ("", "*")]
    if not named:
        refuse(path, place, "the line is for every login, so it has no name", "Name the user in it: '*:*:*:postgres:password'.")
    stated = {part: value for part, value in fields.items() if part == "password" or value != "*"}
    return make_found(path, place, "/".join(named), stated, type="database") if fields["password"] else None


def _split(line: str) -> List[str]:
    """Split a line at its colons, and take the backslashes away that escape something."""
    parts: List[str] = []
    place = 0
    while True:
        match = _PIECE.match(line, place)
        if match is None:
            return parts
        parts.append(_ESCAPED.sub(r"\1", match.group()))
        if match.end() >= len(line):
            return parts
        place = match.end() + 1
