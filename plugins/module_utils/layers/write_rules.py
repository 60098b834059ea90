# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of a store for what is written to it: `rules` of its configuration.

The layer is outside encryption, so it sees values, and inside audit, so a refusal is an entry of the trail. A rule applies to what a write
changes: to a new credential all of them, to a new value its length and its reuse, to changed metadata tags and expiry. So a rule that is
added later breaks nothing that is stored, and nothing that has begun:

- A rotation is checked when it stores its new value, before the target gets it. What is in `pending` or `previous` may become the current
  value: it was checked, or it is the way back.
- A refresh stores what the service has given: refused, a token that works once would be lost.
- A migration is checked when it is planned, so that none ends half done.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import RuleKeeper
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits, Spec
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    EncryptionError,
    InvalidConfiguration,
    InvalidInput,
    NotFound,
    Unusable,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer, find_source
from ansible_collections.nebula.credential.plugins.module_utils.layers.read_only import ReadOnlyStore
from ansible_collections.nebula.credential.plugins.module_utils.model.importing import is_importing
from ansible_collections.nebula.credential.plugins.module_utils.model.record import (
    CURRENT,
    PENDING,
    PREVIOUS,
    Etag,
    Fields,
    Record,
    find_values,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import is_composed, type_named

OPTION = "rules"
MOST_COMPARED = 24
"""The most older values that a rule may compare with: each is a read."""
RULES: Spec = {
    "min_length": {"description": "The fewest characters that a value has: the field that `get` returns, else each field.", "type": "int"},
    "different_from_last": {
        "description": "How many values, the current one included, a new value must differ from: 1 to 24. Each costs a read.",
        "type": "int",
    },
    "require_expiry": {"description": "Whether each credential must expire.", "type": "bool", "default": False},
    "require_tags": {
        "description": "Tags that each credential must have, with any value.",
        "type": "list",
        "elements": "str",
        "default": [],
    },
    "name_pattern": {"description": "A regular expression (of Python) that each whole name must match.", "type": "str"},
}
Validate = Callable[[Mapping[str, Any], Spec, BackendTraits], Dict[str, Any]]
Values = Mapping[str, Secret]


class WriteRules(Layer, RuleKeeper):
    """Refuse what the rules of the store do not allow."""

    def __init__(self, inner: Backend, rules: Mapping[str, Any]) -> None:
        """Wrap `inner`; `rules` are validated."""
        super().__init__(inner)
        self._rules = rules
        self._pattern = None if rules["name_pattern"] is None else re.compile(rules["name_pattern"])

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        if record.stage in (CURRENT, PENDING) and not is_importing(record.full_metadata):
            base = None if create else find_source(record.name, record.stage, expected) or self._find_current(record.name)
            self._check_put(record, base, is_new=base is None)
        return self.inner.put(record, expected, create=create)

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        base = find_source(record.name, record.stage, Etag(record.version, expected_revision, record.source))
        if record.stage == CURRENT and base is not None:
            self._check_changed_metadata(record, base)
        return self.inner.patch_metadata(record, expected_revision)

    def check_rules(self, record: Record) -> None:
        """Raise InvalidInput if the rules do not allow to store the record as the current value."""
        base = self._find_current(record.name)
        self._check_put(record, base, is_new=base is None)

    def _check_put(self, record: Record, base: Optional[Record], *, is_new: bool) -> None:
        if base is not None and is_importing(base.full_metadata):
            return  # the import was checked before its first version was written
        try:
            self._check_value(record, base)
            if record.stage == CURRENT and is_new:
                self._check_name(record.name)
                self._check_tags(record)
                self._check_expiry(record)
            elif record.stage == CURRENT and base is not None:
                self._check_changed_metadata(record, base)
        except InvalidInput as problem:
            if not self._is_of_rotation(record):
                raise problem.within(name=record.name) from None

    def _check_changed_metadata(self, record: Record, base: Record) -> None:
        before, after = base.full_metadata, record.full_metadata
        if before.tags != after.tags:
            self._check_tags(record)
        if before.expires_at is not None and after.expires_at is None:
            self._check_expiry(record)

    def _check_value(self, record: Record, base: Optional[Record]) -> None:
        before = {} if base is None else _find_checked_values(base)
        changed = {field: value for field, value in _find_checked_values(record).items() if before.get(field) != value}
        least = self._rules["min_length"]
        for field, value in changed.items():
            if least is not None and _count_characters(value) < least:
                what = "the value of '{0}' has fewer than {1} characters, which 'rules' of this store requires".format(field, least)
                raise InvalidInput(what, option="min_length", remedy="Write a longer one.")
        if changed and self._rules["different_from_last"] is not None and (base is not None or record.stage == PENDING):
            self._check_reuse(record.name, changed)

    def _check_reuse(self, name: str, changed: Values) -> None:
        for version, fields in self._read_last(name, self._rules["different_from_last"]):
            for field, value in changed.items():
                if fields.get(field) == value:
                    what = "the value of '{0}' is that of version {1}, and 'rules' of this store refuses the last {2}"
                    what = what.format(field, version, self._rules["different_from_last"])
                    raise InvalidInput(what, option="different_from_last", remedy="Write another one.")

    def _read_last(self, name: str, most: int) -> Iterator[Tuple[str, Fields]]:
        try:
            versions = self.inner.versions(name)[:most]
        except NotFound:
            return
        for info in versions:
            try:
                yield info.version, self.inner.get(name, info.version).fields
            except (NotFound, EncryptionError, Unusable):  # removed meanwhile, or of a key that is gone
                continue

    def _find_current(self, name: str) -> Optional[Record]:
        try:
            return self.inner.get(name)
        except (NotFound, EncryptionError, Unusable):
            return None

    def _check_name(self, name: str) -> None:
        if self._pattern is not None and not self._pattern.fullmatch(name):
            what = "the name does not match the pattern that 'rules' of this store requires: {0}".format(self._rules["name_pattern"])
            raise InvalidInput(what, option="name_pattern", remedy="Choose another name.")

    def _check_tags(self, record: Record) -> None:
        missing = [tag for tag in self._rules["require_tags"] if tag not in record.full_metadata.tags]
        if missing:
            what = "it lacks tags that 'rules' of this store requires: {0}".format(", ".join(missing))
            raise InvalidInput(what, option="require_tags", remedy="Write them in 'tags'.")

    def _check_expiry(self, record: Record) -> None:
        if self._rules["require_expiry"] and record.full_metadata.expires_at is None:
            what = "it does not expire, and 'rules' of this store requires that it does"
            raise InvalidInput(what, option="require_expiry", remedy="Write 'ttl' or 'expires_at'.")

    def _is_of_rotation(self, record: Record) -> bool:
        """Whether the value is in `pending` or `previous`, from where a rotation takes it."""
        for stage in (PENDING, PREVIOUS):
            try:
                found = self.inner.get(record.name, stage=stage)
            except CredentialError:
                continue
            if dict(found.fields) == dict(record.fields):
                return True
        return False


def _find_checked_values(record: Record) -> Values:
    """Return the values that the rules are about: the field that a read returns, else all. None of a composed one: they are names."""
    if is_composed(record.type):
        return {}
    there = find_values(record.fields)
    try:
        field = type_named(record.type, record.full_metadata.attributes).choose_field(record.fields)
    except CredentialError:
        return there
    return {field: there[field]} if field in there else {}


def _count_characters(value: Secret) -> int:
    return len(value.expose().decode("utf-8", "replace"))


def restrict_writes(backend: Backend, options: Mapping[str, Any], validate: Validate) -> Backend:
    """Return the store, wrapped in the layer that its `read_only` or its `rules` need.

    Raises:
        InvalidConfiguration: both are given; or a rule is unknown, out of range, or means nothing.
    """
    if options.get(OPTION) is None:
        return ReadOnlyStore(backend)
    if options["read_only"]:
        what = "the store is read only, so there is nothing to hold to them"
        raise InvalidConfiguration(what, option=OPTION, remedy="Leave 'rules' or 'read_only' out.")
    try:
        rules = validate(options[OPTION], RULES, BackendTraits(RULES))
        _check(rules)
    except InvalidConfiguration as problem:
        problem.option = "{0}.{1}".format(OPTION, problem.option) if problem.option else OPTION
        raise
    return WriteRules(backend, rules)


def _check(rules: Mapping[str, Any]) -> None:
    for option, most in (("min_length", 1024), ("different_from_last", MOST_COMPARED)):
        if rules[option] is not None and not 1 <= rules[option] <= most:
            raise InvalidConfiguration("the value is out of range", option=option, remedy="Use 1 to {0}.".format(most))
    try:
        re.compile(rules["name_pattern"] or "")
    except re.error:
        raise InvalidConfiguration(
            "it is no regular expression", option="name_pattern", remedy="Write one as Python's 're' has it."
        ) from None
    given: List[str] = [option for option, value in rules.items() if value]
    if not given:
        raise InvalidConfiguration("it has no rule", remedy="Write one of: {0}; or leave it out.".format(", ".join(RULES)))
