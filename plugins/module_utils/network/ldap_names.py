# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names in LDAP: values in distinguished names (RFC 4514) and in filters (RFC 4515), and the names of Active Directory's accounts.

Without escaping, a value that someone else chooses can name another entry than the one that is meant.
"""

from __future__ import annotations

import re

LONGEST_DN = 8192
_SPECIAL = '"+,;<>\\'
_FILTER = {character: "\\{0:02x}".format(ord(character)) for character in "\\*()\0"}
_PAIR = r'\\(?:[ "#+,;<=>\\]|[0-9A-Fa-f]{2})'
# RFC 4514 section 3. Blanks around separators are read too, as servers do (RFC 2253 section 4).
_VALUE = (
    r"(?:#(?:[0-9A-Fa-f]{{2}})+"
    r'|(?:(?:{0}|[^ #"+,;<>\\\0])(?:(?:{0}|[^"+,;<>\\\0])*(?:{0}|[^ "+,;<>\\\0]))?)?)'.format(_PAIR)
)
_PART = r"(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+) *= *{0}".format(_VALUE)
_DN = re.compile(r"{0}(?: *[+,] *{0})*\Z".format(_PART))
# What the name of an account may not have, in Active Directory.
_ACCOUNT = r'[^"/\\\[\]:;|=,+*?<>@\x00-\x1f]+'
_UPN = re.compile(r"{0}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\Z".format(_ACCOUNT))
_DOWN_LEVEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{{0,14}}\\{0}\Z".format(_ACCOUNT))


def escape_dn_value(text: str) -> str:
    """Return a value as it is written in a distinguished name (RFC 4514 section 2.4)."""
    escaped = "".join(map(_escape_in_dn, text))
    if text.startswith((" ", "#")):
        escaped = "\\" + escaped
    if text.endswith(" ") and len(text) > 1:
        escaped = escaped[:-1] + "\\ "
    return escaped


def _escape_in_dn(character: str) -> str:
    if character in _SPECIAL:
        return "\\" + character
    return "\\{0:02x}".format(ord(character)) if ord(character) < 32 or ord(character) == 127 else character


def escape_filter_value(text: str) -> str:
    """Return a value as it is written in a filter of a search (RFC 4515 section 3)."""
    return "".join(_FILTER.get(character, character) for character in text)


def is_dn(text: str) -> bool:
    """Return True for a distinguished name with at least one part."""
    return len(text) <= LONGEST_DN and _DN.match(text) is not None


def is_principal_name(text: str) -> bool:
    """Return True for the user principal name of an account: `user@example.com`."""
    return _UPN.match(text) is not None


def is_down_level_name(text: str) -> bool:
    """Return True for the down-level name of an account: the domain's short name, a backslash, and the account's."""
    return _DOWN_LEVEL.match(text) is not None
