# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dotenv files, by python-dotenv and without interpolation: `pa$${X}ss` is these nine characters."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any, Iterator, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.adoption.text_files import read_text, unreadable_error
from ansible_collections.nebula.credential.plugins.module_utils.errors import Package, check_packages

DOTENV = Package("python-dotenv>=1.0", "dotenv", "adopting dotenv files")
OPTIONS: Mapping[str, Mapping[str, Any]] = {}
_BLANKS = re.compile(r"[^\S\r\n]+")
_MOST_BLANKS = 1000
"""python-dotenv tries a row of blanks again from each of them: a long one would take it hours."""


def read(path: str, _options: Mapping[str, Any]) -> Iterator[Found]:
    """Yield the variables of a dotenv file. One without `=` has no value and is left out.

    Raises:
        InvalidInput: the file is missing, is no text, or a line is no assignment or has too many blanks in a row.
        MissingLibrary: python-dotenv is not installed.
    """
    check_packages((DOTENV,))
    from dotenv.parser import parse_stream

    text = read_text(path)
    _check_blanks(path, text)
    for binding in parse_stream(StringIO(text, newline="")):
        if binding.error:
            raise unreadable_error(path, "this is no assignment of a variable", binding.original.line)
        if binding.key is not None and binding.value is not None:
            yield Found(binding.key, binding.value, {}, "{0}, line {1}".format(path, binding.original.line))


def _check_blanks(path: str, text: str) -> None:
    for found in _BLANKS.finditer(text):
        if len(found.group()) > _MOST_BLANKS:
            line = text.count("\n", 0, found.start()) + 1
            raise unreadable_error(path, "there are more than {0} blanks in a row".format(_MOST_BLANKS), line)
