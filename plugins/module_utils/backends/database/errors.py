# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of a database as errors of the library. Never the original texts, which quote statements with their values."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.dialect import Dialect
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.error_codes import (
    DENIED,
    LOST,
    NO_DATABASE,
    NO_TABLE,
    SLOW,
    STARTING,
    TOO_MANY_CONNECTIONS,
    UNREACHABLE,
    ErrorMapping,
)
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, StorageError

_PLACE = re.compile(r"\b(?:TABLE|EXISTS|ON)\s+[`\"]?(\w+)")
_PART = re.compile(r"\b(DELETE FROM|INSERT INTO|(?<!FOR )(?<!DO )(?<!KEY )UPDATE|FROM)\s+[`\"]?(\w+)")
_PRIVILEGES = {"DELETE FROM": "DELETE", "INSERT INTO": "INSERT", "FROM": "SELECT"}
"""The privilege for each part of a statement."""
_PASSING = frozenset((LOST, STARTING, UNREACHABLE, SLOW))


def translate(error: Exception, kind: Dialect, command: str, *, committing: bool = False) -> CredentialError:
    """Return the library's error for `error`.

    Args:
        error: the exception of SQLAlchemy or the driver. Neither its text nor the exception itself goes into the result.
        kind: the kind of the database.
        command: the remedy for missing tables.
        committing: the commit raised the error.
    """
    original = getattr(error, "orig", None) or error
    disconnected = bool(getattr(error, "connection_invalidated", False))
    if not _is_from_the_driver(error):
        return _foreign(error, kind).annotate(outcome_unknown=committing)
    meaning = kind.meaning(original, disconnected=disconnected)
    unknown = committing and (meaning.lost or disconnected)
    if meaning in _PASSING and deadline.is_over():
        return deadline.timeout_error(outcome_unknown=unknown)
    what, remedy = _describe(meaning, kind, command, str(getattr(error, "statement", "") or ""), original)
    return meaning.kind(what, remedy=remedy).annotate(outcome_unknown=unknown, throttled=meaning is TOO_MANY_CONNECTIONS)


def _is_from_the_driver(error: Exception) -> bool:
    """Return True if a DB-API driver raised it: PEP 249 names the root of its errors. SQLAlchemy's wrapper carries the original."""
    original = getattr(error, "orig", None) or error
    return any(each.__name__ in {"Error", "MySQLError"} for each in type(original).__mro__)


def _foreign(error: Exception, kind: Dialect) -> CredentialError:
    return StorageError(
        "{0} failed with {1}".format(kind.address.redact, type(error).__name__), remedy="Look into the database's log, then repeat."
    )


def _describe(meaning: ErrorMapping, kind: Dialect, command: str, statement: str, original: Any) -> Tuple[str, str]:
    shown = kind.address.redact
    if meaning is DENIED:
        privilege, table = _find_privilege(statement, str(original))
        what = "{0} denies {1} on the table {2}".format(shown, privilege, table)
        return what, "Have an administrator run: {0}".format(kind.grant(privilege, table))
    if meaning is NO_TABLE:
        return "{0}: {1}".format(shown, meaning.what), command
    if meaning is NO_DATABASE:
        return "{0}: {1}".format(shown, meaning.what), meaning.remedy
    code = kind.code(original)
    return "{0}: {1}{2}".format(shown, meaning.what, " (code {0})".format(code) if code else ""), meaning.remedy


def _find_privilege(statement: str, said: str) -> Tuple[str, str]:
    """Return the privileges that one of our statements needs on a table, and the table: the one that `said`, the driver's text, names."""
    needed: Dict[str, List[str]] = {}
    for verb, table in _PART.findall(statement):
        # A SELECT that locks rows needs UPDATE too.
        wanted = ["SELECT", "UPDATE"] if verb == "FROM" and "FOR UPDATE" in statement else [_PRIVILEGES.get(verb, verb)]
        known = needed.setdefault(table, [])
        known += [each for each in wanted if each not in known]
    if not needed:
        place = _PLACE.search(statement)
        return (statement.split(None, 1) or ["SELECT"])[0].upper(), place.group(1) if place else "?"
    table = next((each for each in needed if each in said), next(iter(needed)))
    return ", ".join(needed[table]), table
