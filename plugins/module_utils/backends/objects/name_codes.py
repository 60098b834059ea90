# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Characters of a credential's name that a service's names do not have, as a mark and a code of one lower case letter or digit."""

from __future__ import annotations

import re
import string
from typing import Container, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name

_CODES = {"-": "0", "_": "1", "/": "2", ".": "3", **{upper: upper.lower() for upper in string.ascii_uppercase}}
_CHARACTERS = {code: character for character, code in _CODES.items()}


def write_codes(name: str, mark: str, kept: Container[int]) -> str:
    """Return the name with `mark` and a code for each character that has one, except at the positions `kept`."""
    return "".join(
        character if character not in _CODES or position in kept else mark + _CODES[character] for position, character in enumerate(name)
    )


def read_codes(written: str, mark: str) -> Optional[str]:
    """Return the credential's name that is written with codes after `mark`, or None if it is none."""
    pieces = re.split(re.escape(mark) + "(.?)", written, flags=re.DOTALL)
    try:
        pieces[1::2] = [_CHARACTERS[code] for code in pieces[1::2]]
        return check_name("".join(pieces))
    except (KeyError, InvalidInput):
        return None
