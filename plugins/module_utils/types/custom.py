# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Types that the user declares, field by field (C12)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import generation
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field

DECLARATION = "fields"
"""The attribute of the metadata that keeps the declaration, so that later reads know which fields are secret."""

MAX_FIELDS = 64
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")
_FLAGS = ("secret", "required", "binary", "primary")
_EXPIRY = "expiry"
_TEXTS = ("default", "description", "pattern")
_NUMBERS = ("min_length", "max_length")
_CHOICES = "choices"
_RULES = ("pattern", *_NUMBERS, _CHOICES, _EXPIRY)
_OF_FIELD = ("name", "secret", "required", "binary", "default", "description", _CHOICES)
"""What a `Field` takes of a declaration."""


class Custom(CredentialType):
    """A credential whose fields the user declared. A field is secret unless it is declared not to be."""

    name = "custom"
    description = "fields declared by the user"

    def __init__(self, declaration: Sequence[Mapping[str, Any]]) -> None:
        """Read a declaration: mappings of `name`, `secret` (true), `required`, `binary`, `primary`, `default`, `description`, and of rules.

        The rules are `pattern`, `min_length`, `max_length`, `choices` and `expiry` (the field holds the time at which the value expires).
        The primary field is the one declared `primary`, else the first secret one, else the first.

        Raises:
            InvalidInput: the declaration is empty, names a field twice, or has an unknown key.
        """
        self.declared = [_check(entry) for entry in declaration]
        names = [entry["name"] for entry in self.declared]
        if not 1 <= len(names) <= MAX_FIELDS or len(set(names)) != len(names):
            raise _invalid("declares {0} fields, {1} names".format(len(names), len(set(names))))
        self.fields: Tuple[Field, ...] = tuple(_field(entry) for entry in self.declared)
        self.primary = _primary(self.declared)

    @classmethod
    def declare(cls, declaration: Sequence[Mapping[str, Any]]) -> Custom:
        """Read a declaration that a task gives.

        Raises:
            InvalidInput: as for the constructor; or a secret field or the primary one has a default. A declaration can be read
                without the key, and a primary value that is not given is generated. The message does not show the default.
        """
        declared = cls(declaration)
        if declared.has_rules:
            # Imported here, as below: most declarations have none.
            from ansible_collections.nebula.credential.plugins.module_utils.types.custom_rules import check_rules

            check_rules(declared.declared)
        for field in declared.fields:
            if field.default is not None and (field.secret or field.name == declared.primary):
                kind = "secret" if field.secret else "primary"
                what = "'default' is set for the {0} field '{1}'".format(kind, field.name)
                remedy = "Leave it out, and give the value in 'fields' or 'value'; or declare a field that is neither secret nor primary."
                raise InvalidInput(what, option="declared_fields", remedy=remedy)
        return declared

    @property
    def has_rules(self) -> bool:
        """Whether a field has a rule."""
        return any(rule in entry for entry in self.declared for rule in _RULES)

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the fields, also by their rules.

        Raises:
            InvalidInput: see `CredentialType.validate`; also a field that does not fit its rules.
        """
        complete = super().validate(fields)
        if self.has_rules:
            from ansible_collections.nebula.credential.plugins.module_utils.types.custom_rules import check_values

            check_values(self, self.declared, complete)
        return complete

    def generate(self, options: Mapping[str, Any], fields: Fields) -> Dict[str, Secret]:
        """Return `fields` with a new primary value: if no option is given, by the pattern of its field or as long as its rules demand.

        Raises:
            InvalidInput: the options do not fit, or no value can be drawn from the pattern.
        """
        is_free = all(value is None for value in options.values())
        return super().generate(self._read_default_options() if is_free else options, fields)

    def _read_default_options(self) -> Mapping[str, Any]:
        rules = next(entry for entry in self.declared if entry["name"] == self.primary)
        if "pattern" in rules:
            return {"kind": generation.PATTERN, "pattern": rules["pattern"]}
        shortest, longest = (rules.get(name) for name in _NUMBERS)
        if longest is not None and longest < generation.MIN_LENGTH:
            what = "is missing, and a generated one has {0} characters or more".format(generation.MIN_LENGTH)
            self.refuse(self.primary, what, "Give it, or declare the 'pattern' that it is generated by.")
        length = max(generation.PasswordPolicy.length, shortest or 0)
        return {"length": length if longest is None else min(length, longest)}

    def expires_at(self, fields: Fields) -> Optional[datetime]:
        """Return the time in the field that is declared `expiry`; None if there is none.

        Raises:
            InvalidInput: an older declaration, or another tool, has let something else be written there.
        """
        there = find_values(fields)
        name = next((entry["name"] for entry in self.declared if _EXPIRY in entry and entry["name"] in there), None)
        if name is None:
            return None
        from ansible_collections.nebula.credential.plugins.module_utils.types.custom_rules import read_expiry

        return read_expiry(self, name, there[name])

    def attributes(self) -> Dict[str, List[Dict[str, Any]]]:
        """Return the declaration as the metadata keeps it."""
        return {DECLARATION: self.declared}


def _check(entry: Any) -> Dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise _invalid("holds something that is not a mapping")
    given = {str(key): value for key, value in entry.items() if value is not None}
    unknown = sorted(set(given) - {"name", _CHOICES, _EXPIRY} - set(_FLAGS) - set(_TEXTS) - set(_NUMBERS))
    if unknown:
        raise _invalid("has unknown keys: {0}".format(", ".join(map(ascii, unknown))))
    if not _NAME.match(str(given.get("name", ""))):
        raise _invalid("has a field without a proper name")
    flags = {name: bool(given.get(name, name == "secret")) for name in _FLAGS}
    texts = {name: str(given[name]) for name in _TEXTS if name in given}
    numbers = {name: _number(given[name]) for name in _NUMBERS if name in given}
    choices = {_CHOICES: [str(choice) for choice in given[_CHOICES]]} if given.get(_CHOICES) else {}
    expiry = {_EXPIRY: True} if given.get(_EXPIRY) else {}
    return dict(flags, name=str(given["name"]), **texts, **numbers, **choices, **expiry)


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise _invalid("has a length that is no number") from None


def _field(entry: Mapping[str, Any]) -> Field:
    parts: Dict[str, Any] = {name: value for name, value in entry.items() if name in _OF_FIELD}
    return Field(**dict(parts, choices=tuple(parts.get(_CHOICES, ()))))


def _primary(declared: Sequence[Mapping[str, Any]]) -> str:
    for wanted in ("primary", "secret"):
        for entry in declared:
            if entry[wanted]:
                return str(entry["name"])
    return str(declared[0]["name"])


def _invalid(what: str) -> InvalidInput:
    remedy = (
        "Write a list of 1 to {0} mappings, each with a different 'name' (letters, digits, '_') and, where wanted, "
        "secret, required, binary, primary, default, description, pattern, min_length, max_length, choices, expiry."
    ).format(MAX_FIELDS)
    return InvalidInput("the declaration {0}".format(what), option="declared_fields", remedy=remedy)
