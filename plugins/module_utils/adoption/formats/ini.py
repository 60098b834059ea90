# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""INI files, by the standard library: without interpolation, with the case of the keys as it is."""

from __future__ import annotations

import re
from configparser import DuplicateOptionError, DuplicateSectionError, MissingSectionHeaderError, ParsingError, RawConfigParser
from typing import Any, Iterator, List, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.adoption import nesting
from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.adoption.text_files import read_text, unreadable_error

OPTIONS: Mapping[str, Mapping[str, Any]] = nesting.OPTIONS
_NO_SECTION = "\0"
"""No file can have this section, so `DEFAULT` is one like the others, and its values are in no other."""


class _Parser(RawConfigParser):
    OPTCRE_NV = re.compile(r"(?P<option>[^=:]*)(?:(?P<vi>[=:])\s*(?P<value>.*))?$", re.DOTALL)
    """The expression of the library tries a long row of blanks again from each of them: a file of 100 KB would take an hour."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def read(path: str, options: Mapping[str, Any]) -> Iterator[Found]:
    """Yield the values of an INI file: `section/key`. A key without a value is left out.

    Raises:
        InvalidInput: the file is missing, is no text, or is no INI file; a key or a section is there twice.
    """
    parser = _Parser(default_section=_NO_SECTION, allow_no_value=True)
    text = read_text(path)
    try:
        parser.read_string(text)
    except MissingSectionHeaderError as error:  # it holds the line itself
        raise unreadable_error(path, "a section header such as [main] is missing", error.lineno) from None
    except (DuplicateOptionError, DuplicateSectionError) as error:
        raise unreadable_error(path, "a key or a section is there for the second time", error.lineno or 0) from None
    except AttributeError:  # what older versions of Python raise for a line that goes on with a key that has no value
        raise unreadable_error(path, "an indented line goes on with a key that has no value") from None
    except ParsingError as error:
        raise unreadable_error(path, "this is no assignment of a key", error.errors[0][0] if error.errors else 0) from None
    leaves: List[nesting.Leaf] = []
    for section in parser.sections():
        for key, value in parser.items(section):
            if value is not None:
                leaves.append(((section, key), value, "{0}, [{1}] {2}".format(path, section, key)))
    yield from nesting.build_entries(leaves, options)
