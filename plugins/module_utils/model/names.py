# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of credentials, and reversible mappings of them to the names that a backend accepts (DESIGN section 3)."""

from __future__ import annotations

import re
import string
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Iterator, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

MAX_NAME = 120
_SEGMENT = r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*"
_NAME = re.compile(r"(?:{0})(?:/{0})*\Z".format(_SEGMENT))
REMEDY = (
    "Write a name as one or more segments of letters, digits, '.', '_' and '-', divided by single '/', "
    "with no '.' at either end of a segment and no '..', {0} characters at most."
).format(MAX_NAME)


def check_name(name: object) -> str:
    """Return `name` if it is a credential's name.

    Raises:
        InvalidInput: it is not. The message shows it shortened and escaped, so no control character reaches a terminal.
    """
    if not isinstance(name, str):
        raise InvalidInput("a credential's name is text, not {0}".format(type(name).__name__), option="name", remedy=REMEDY)
    if len(name) > MAX_NAME:
        raise InvalidInput("the name has {0} characters".format(len(name)), option="name", remedy=REMEDY)
    if not _NAME.match(name):
        raise InvalidInput("{0} is not a credential's name".format(ascii(name)), option="name", remedy=REMEDY)
    return name


def is_name(name: object) -> bool:
    """Return True if this can be the name of a credential."""
    return isinstance(name, str) and len(name) <= MAX_NAME and _NAME.match(name) is not None


_OTHERS: ContextVar[Optional[List[str]]] = ContextVar("others", default=None)


@contextmanager
def noting_others() -> Iterator[List[str]]:
    """Collect, as long as this lasts, what listings leave out because no credential can have its name: names as other tools wrote them."""
    others: List[str] = []
    token = _OTHERS.set(others)
    try:
        yield others
    finally:
        _OTHERS.reset(token)


def read_name(written: str) -> Optional[str]:
    """Return a name that a listing has found if a credential can have it, else None. `noting_others` collects it then."""
    try:
        return check_name(written)
    except InvalidInput:
        note_other(written)
        return None


def note_other(written: str) -> None:
    """Note a name of another tool that a listing leaves out."""
    others = _OTHERS.get()
    if others is not None:
        others.append(written)


class Escaping:
    """A reversible, collision-free encoding of names in a smaller alphabet.

    A character with a code is written as the mark and its code, every other character as itself. If names can hold the mark,
    the mark needs a code too. All codes differ, so the encoding is injective.
    """

    def __init__(self, mark: str, codes: Mapping[str, str]) -> None:
        """Take the mark (one character) and a code (one character) for each character that needs one."""
        self._mark = mark
        self._write = {ord(character): mark + code for character, code in codes.items()}
        self._read = {code: character for character, code in codes.items()}

    def escape(self, name: str) -> str:
        """Return `name` in the smaller alphabet."""
        return name.translate(self._write)

    def unescape(self, written: str) -> str:
        """Return the name that `escape` encoded as `written`.

        Raises:
            InvalidInput: `escape` never writes this.
        """
        pieces = re.split(re.escape(self._mark) + "(.?)", written, flags=re.DOTALL)
        try:
            pieces[1::2] = [self._read[code] for code in pieces[1::2]]
        except KeyError:
            raise InvalidInput("{0} was not written by this collection".format(ascii(written)), option="name") from None
        name = "".join(pieces)
        if self.escape(name) != written:
            raise InvalidInput("{0} was not written by this collection".format(ascii(written)), option="name")
        return name


_UPPER_AS_LOWER = {upper: upper.lower() for upper in string.ascii_uppercase}

FILE_NAMES = Escaping("^", dict(_UPPER_AS_LOWER, **{"/": "0"}))
"""File names that stay distinct on file systems which fold case: `DB/pass` is `^d^b^0pass`. At most 2 × MAX_NAME characters."""
