# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that are no use to search for: every tree of files has them, whether or not a secret is in it."""

from __future__ import annotations

from typing import Optional

SHORTEST = 8
"""Bytes: the default of the shortest value that is searched for."""
TOO_SHORT, TOO_COMMON = "too short", "too common"
_FEWEST_LETTERS = 4
_LONGEST_NUMBER = 10
_WORDS_OF_TREES = """
admin administrator anonymous authorization changeit changeme changeme! credential credentials database default development
disabled enabled example false guest letmein localhost localdomain mariadb minioadmin mongodb mysql none null oracle passw0rd
passphrase password password1 password123 postgres postgresql private production rabbitmq redis replaceme root secret secrets
security service staging superuser test testing topsecret true undefined unknown username welcome yes
"""
_WORDS = frozenset(_WORDS_OF_TREES.split())


def find_reason(value: bytes, shortest: int) -> Optional[str]:
    """Return why a value is not searched for; None if it is."""
    if len(value) < shortest:
        return TOO_SHORT
    if len(set(value)) < _FEWEST_LETTERS or (value.isdigit() and len(value) <= _LONGEST_NUMBER):
        return TOO_COMMON
    return TOO_COMMON if value.strip().lower().decode("utf-8", "replace") in _WORDS else None
