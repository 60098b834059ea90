# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules that a user declares for the fields of a credential of type `custom` (C12). Imported when one of them is declared."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import moment
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import patterns

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z")
_SECONDS = re.compile(r"[0-9]{1,12}\Z")


def check_rules(declared: Sequence[Mapping[str, Any]]) -> None:
    """Check the rules of a declaration.

    Raises:
        InvalidInput: a rule is none, or does not fit its field.
    """
    is_refreshed = any("refreshed_by" in entry for entry in declared)
    if is_refreshed and any(entry["binary"] for entry in declared):
        raise _rule_error("has a binary field, and one that is refreshed", "A refresh sends and returns text.")
    if sum("expiry" in entry for entry in declared) > 1:
        raise _rule_error("has several fields with 'expiry'", "Name the one that holds the time.")
    if len({entry["refreshed_by"] for entry in declared if "refreshed_by" in entry}) > 1:
        raise _rule_error("names several recipes in 'refreshed_by'", "One recipe renews all fields of a credential.")
    for entry in declared:
        _check_field_rules(entry)


def _check_field_rules(entry: Mapping[str, Any]) -> None:
    name = entry["name"]
    if "refreshed_by" in entry and not _NAME.match(entry["refreshed_by"]):
        remedy = "Only 'refreshes' of a store in nebula.yml says how a value is renewed. Write the name of a refresh there."
        raise _rule_error("has no name of a refresh in 'refreshed_by' of the field '{0}'".format(name), remedy)
    if entry["binary"] and {"expiry", "pattern", "choices"} & set(entry):
        raise _rule_error("has a rule of text for the binary field '{0}'".format(name), "A binary field has 'min_length' and 'max_length'.")
    if entry["secret"] and "choices" in entry:
        raise _rule_error("has 'choices' for the secret field '{0}'".format(name), "They can be read without the key. Use 'pattern'.")
    least, most = entry.get("min_length", 0), entry.get("max_length")
    if least < 0 or (most is not None and most < max(1, least)):
        raise _rule_error("has lengths that do not fit for the field '{0}'".format(name), "Write 0 <= min_length <= max_length.")
    if "pattern" in entry:
        _check_pattern(name, entry["pattern"])


def _check_pattern(name: str, pattern: str) -> None:
    if not patterns.is_pattern(pattern):
        remedy = "Write one that Python's module 're' takes, of {0} characters at most.".format(patterns.LONGEST_PATTERN)
        raise _rule_error("has no proper 'pattern' for the field '{0}'".format(name), remedy)


def check_values(kind: CredentialType, declared: Sequence[Mapping[str, Any]], fields: Fields) -> None:
    """Check fields by their rules. What they hold is not shown.

    Raises:
        InvalidInput: one does not fit.
        Unavailable: the system cannot start another process.
    """
    there = find_values(fields)
    for entry in declared:
        if entry["name"] in there:
            _check_value(kind, entry, there[entry["name"]])
    rows = [
        (entry["name"], entry["pattern"], there[entry["name"]].expose().decode("utf-8"))
        for entry in declared
        if "pattern" in entry and entry["name"] in there
    ]
    if rows:
        _match_patterns(kind, rows)


def _check_value(kind: CredentialType, entry: Mapping[str, Any], value: Secret) -> None:
    name, unit = entry["name"], "bytes" if entry["binary"] else "characters"
    length = len(value.expose() if entry["binary"] else value.expose().decode("utf-8"))
    if length < entry.get("min_length", 0):
        kind.refuse(name, "has less than {0} {1}".format(entry["min_length"], unit), "The declaration has 'min_length'.")
    if length > entry.get("max_length", length):
        kind.refuse(name, "has more than {0} {1}".format(entry["max_length"], unit), "The declaration has 'max_length'.")
    if "expiry" in entry:
        read_expiry(kind, name, value)


def read_expiry(kind: CredentialType, name: str, value: Secret) -> datetime:
    """Return the time in a field, in UTC: ISO 8601 with an offset, or seconds since 1970.

    Raises:
        InvalidInput: it is none. The error does not show it.
    """
    found = read_time(value.expose().decode("utf-8", "replace").strip())
    if found is None:
        kind.refuse(name, "is not a time", "Write ISO 8601 with an offset, 2027-01-31T02:00:00Z, or seconds since 1970.")
    return found


def read_time(text: str) -> Optional[datetime]:
    """Return a time in UTC: ISO 8601 with an offset, or seconds since 1970. None if the text is neither."""
    try:
        return datetime.fromtimestamp(int(text), timezone.utc) if _SECONDS.match(text) else moment(text, "")
    except (InvalidInput, OverflowError, OSError, ValueError):
        return None


def _match_patterns(kind: CredentialType, rows: Sequence[Tuple[str, str, str]]) -> None:
    try:
        name = patterns.find_mismatch(rows)
    except patterns.TooComplex:
        names = ", ".join(row[0] for row in rows)
        kind.refuse(names, "takes too long to be compared with its 'pattern'", "Write a pattern without repeats inside of repeats.")
    if name is not None:
        kind.refuse(name, "does not match its 'pattern'", "The declaration has the pattern.")


def _rule_error(what: str, remedy: str) -> InvalidInput:
    return InvalidInput("the declaration {0}".format(what), option="declared_fields", remedy=remedy)
