# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Types that the user declares, field by field (C12)."""

from __future__ import annotations

import json
import re
from copy import copy
from datetime import datetime
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, RefreshFailed, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import generation
from ansible_collections.nebula.credential.plugins.module_utils.types.base import (
    DUE_AT_ONCE,
    CredentialType,
    Field,
    RefreshAnswer,
    TypeCapabilities,
    refresh_unsupported_error,
)

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.types.recipes.recipe import Recipe

DECLARATION = "fields"
"""The attribute of the metadata that keeps the declaration, so that later reads know which fields are secret."""

MAX_FIELDS = 64
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")
_FLAGS = ("secret", "required", "binary", "primary")
_EXPIRY = "expiry"
_RECIPE = "refreshed_by"
_TEXTS = ("default", "description", "pattern", _RECIPE)
_NUMBERS = ("min_length", "max_length")
_CHOICES = "choices"
_RULES = ("pattern", *_NUMBERS, _CHOICES, _EXPIRY, _RECIPE)
_OF_FIELD = ("name", "secret", "required", "binary", "default", "description", _CHOICES)
"""What a `Field` takes of a declaration."""


class Custom(CredentialType):
    """A credential whose fields the user declared. A field is secret unless it is declared not to be."""

    name = "custom"
    description = "fields declared by the user"
    capabilities = TypeCapabilities(refresh=True)

    def __init__(self, declaration: Sequence[Mapping[str, Any]]) -> None:
        """Read a declaration: mappings of `name`, `secret` (true), `required`, `binary`, `primary`, `default`, `description`, and of rules.

        The rules are `pattern`, `min_length`, `max_length`, `choices`, `expiry` (the field holds the time at which the value expires) and
        `refreshed_by` (the recipe of the store that renews it).
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
        self.refreshed = tuple(entry["name"] for entry in self.declared if _RECIPE in entry)
        if self.primary in self.refreshed:
            self.capabilities = TypeCapabilities(refresh=True, rotation=False)
        self._recipes: Mapping[str, Recipe] = {}

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

        Without one, if a recipe makes it.

        Raises:
            InvalidInput: the options do not fit, or no value can be drawn from the pattern.
        """
        given = sorted(name for name, value in options.items() if value is not None)
        if self.primary in self.refreshed:
            if given:
                what = "type 'custom' has no option {0} for a field that is refreshed".format(", ".join(given))
                raise InvalidInput(what, option="generate", remedy="Leave 'generate' out: the refresh makes the value.")
            return dict(fields)
        return super().generate(options if given else self._read_default_options(), fields)

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
        """Return the time in the field that is declared `expiry`. Without it: None; one that has passed if a recipe makes the value.

        Raises:
            InvalidInput: an older declaration, or another tool, has let something else be written there.
        """
        return self._read_expiry(fields) or (DUE_AT_ONCE if self.refreshed else None)

    def _read_expiry(self, fields: Fields) -> Optional[datetime]:
        there = find_values(fields)
        name = next((entry["name"] for entry in self.declared if _EXPIRY in entry and entry["name"] in there), None)
        if name is None:
            return None
        from ansible_collections.nebula.credential.plugins.module_utils.types.custom_rules import read_expiry

        return read_expiry(self, name, there[name])

    def can_refresh(self, fields: Fields) -> bool:
        """Return True if a field is renewed by a recipe."""
        return bool(self.refreshed)

    def with_recipes(self, recipes: Mapping[str, Any]) -> CredentialType:
        """Return this type with the recipes of the store."""
        found = copy(self)
        found._recipes = recipes
        return found

    def check_recipe(self, recipes: Mapping[str, Any]) -> None:
        """Check that a store with these recipes has the one that the declaration names.

        Raises:
            InvalidInput: it has none of that name.
        """
        if self.refreshed and self._recipe_name not in recipes:
            there = ", ".join(sorted(recipes)) or "none"
            what = "the store has no refresh {0}, which 'refreshed_by' names".format(ascii(self._recipe_name))
            remedy = "Define it in the option 'refreshes' of the store, in nebula.yml. It has: {0}.".format(there)
            raise InvalidInput(what, option="declared_fields", remedy=remedy)

    def uses_up_token(self, fields: Fields) -> Optional[bool]:
        """Return True unless the recipe may be carried out twice with the same fields."""
        return not self._find_recipe().is_repeatable

    def keeps_state(self, before: Fields, after: Fields) -> bool:
        """Return True if a field that a recipe renews was given, and is still the same: it must not be sent again."""
        there, then = find_values(before), find_values(after)
        return any(name in there for name in self.refreshed) and all(there.get(name) == then.get(name) for name in self.refreshed)

    def refresh_token(self, fields: Fields, state: Fields) -> Optional[Secret]:
        """Return what a recipe sends that may be carried out once; None for another one.

        Raises:
            RefreshFailed: the store has no such recipe.
        """
        if self._find_recipe().is_repeatable:
            return None
        sent = {name: value.expose().decode("utf-8") for name, value in find_values({**fields, **state}).items()}
        return Secret(json.dumps(sent, sort_keys=True))

    def refresh(self, fields: Fields, state: Fields) -> RefreshAnswer:
        """Carry out the recipe. A field that its answer does not have keeps its newest value.

        Raises:
            RefreshUnsupported: no field is declared to be refreshed.
            RefreshFailed: the store has no such recipe.
            StorageError: the answer has a field that is not declared to be refreshed, or a value that does not fit its rules.
            CredentialError: as `Recipe.send`.
        """
        if not self.refreshed:
            raise refresh_unsupported_error(self, fields)
        recipe = self._find_recipe()
        found = recipe.renew(find_values({**fields, **state}))
        foreign = sorted(set(found.fields) - set(self.refreshed))
        if foreign:
            recipe.refuse_answer("has fields that are not declared with 'refreshed_by': {0}".format(", ".join(map(ascii, foreign))))
        renewed = {**state, **found.fields}
        try:
            complete = self.validate({**fields, **renewed})
            return RefreshAnswer(renewed, found.expires_at or self._read_expiry(complete))
        except InvalidInput as problem:
            recipe.refuse_answer("does not fit: {0}".format(problem.what))
        except Unavailable as problem:
            recipe.refuse_answer("cannot be checked: {0}".format(problem.what))

    def explain_restart(self, fields: Fields) -> str:
        """Return what a person does after a refusal."""
        return "Correct the refresh '{0}' of the store or the fields of the credential, then run credential_refresh.".format(
            self._recipe_name
        )

    def explain_no_rotation(self) -> str:
        """Return what makes a new value."""
        return "Get a new value with credential_refresh."

    @property
    def _recipe_name(self) -> str:
        return next((str(entry[_RECIPE]) for entry in self.declared if _RECIPE in entry), "")

    def _find_recipe(self) -> Recipe:
        found = self._recipes.get(self._recipe_name)
        if found is None:
            remedy = "Define it in the option 'refreshes' of the store, in nebula.yml."
            raise RefreshFailed("the store has no refresh {0}".format(ascii(self._recipe_name)), remedy=remedy)
        return found

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
        "secret, required, binary, primary, default, description, pattern, min_length, max_length, choices, expiry, refreshed_by."
    ).format(MAX_FIELDS)
    return InvalidInput("the declaration {0}".format(what), option="declared_fields", remedy=remedy)
