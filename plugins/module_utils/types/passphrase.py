# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passphrases: words of the EFF's long list. Imported when one is generated."""

from __future__ import annotations

from functools import lru_cache
from typing import Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InvalidInput,
    MissingLibrary,
    Package,
    check_packages,
    pip_install,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

XKCDPASS = Package("xkcdpass>=1.19", "xkcdpass", when="passphrases")
WORDS = 6
LEAST_WORDS, MOST_WORDS = 4, 64
LONGEST_SEPARATOR = 8
LIST_LENGTH = 6**5
"""Five dice. Each word has 12.9 bits."""


def generate_passphrase(words: int = WORDS, separator: str = "-") -> Secret:
    """Return words, each drawn from all of the list, with a separator in between.

    Raises:
        InvalidInput: the number of words or the separator does not fit.
        MissingLibrary: xkcdpass, which has the list, is not installed.
    """
    import secrets

    if not LEAST_WORDS <= words <= MOST_WORDS:
        raise _invalid("words is {0}".format(words), "Use {0} to {1}: 6 have 77 bits.".format(LEAST_WORDS, MOST_WORDS))
    if len(separator) > LONGEST_SEPARATOR or not separator.isprintable():
        raise _invalid("separator is no text of {0} printable characters at most".format(LONGEST_SEPARATOR), "Use a hyphen or a blank.")
    listed = _read_words()
    return Secret(separator.join(secrets.choice(listed) for _word in range(words)))


@lru_cache(maxsize=1)
def _read_words() -> Tuple[str, ...]:
    check_packages((XKCDPASS,))
    from xkcdpass import xkcd_password

    place = xkcd_password.locate_wordfile("eff-long")
    found = tuple(sorted(set(xkcd_password.generate_wordlist(place, min_length=1, max_length=99))))
    if len(found) != LIST_LENGTH:
        # A shorter list would give fewer bits than the documentation says.
        remedy = "Run: {0}".format(pip_install(XKCDPASS))
        raise MissingLibrary("the list 'eff-long' of the package xkcdpass has {0} words".format(len(found)), remedy=remedy)
    return found


def _invalid(what: str, remedy: str) -> InvalidInput:
    return InvalidInput(what, option="generate", remedy=remedy)
