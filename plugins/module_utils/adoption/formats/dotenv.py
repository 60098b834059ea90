# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dotenv files, by python-dotenv and without interpolation: `pa$${X}ss` is these nine characters."""

from __future__ import annotations

from io import StringIO
from typing import Any, Iterator, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.adoption.text_files import read_text, unreadable_error
from ansible_collections.nebula.credential.plugins.module_utils.errors import Package, check_packages

DOTENV = Package("python-dotenv>=1.0", "dotenv", "adopting dotenv files")
OPTIONS: Mapping[str, Mapping[str, Any]] = {}


def read(path: str, _options: Mapping[str, Any]) -> Iterator[Found]:
    """Yield the variables of a dotenv file. One without `=` has no value and is left out.

    Raises:
        InvalidInput: the file is missing, is no text, or a line is no assignment.
        MissingLibrary: python-dotenv is not installed.
    """
    check_packages((DOTENV,))
    from dotenv.parser import parse_stream

    for binding in parse_stream(StringIO(read_text(path), newline="")):
        if binding.error:
            raise unreadable_error(path, "this is no assignment of a variable", binding.original.line)
        if binding.key is not None and binding.value is not None:
            yield Found(binding.key, binding.value, {}, "{0}, line {1}".format(path, binding.original.line))
