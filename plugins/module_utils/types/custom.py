# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Types that the user declares, field by field (C12)."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field

DECLARATION = "fields"
"""The attribute of the metadata that keeps the declaration, so that later reads know which fields are secret."""

MAX_FIELDS = 64
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")
_FLAGS = ("secret", "required", "binary", "primary")
_TEXTS = ("default", "description")


class Custom(CredentialType):
    """A credential whose fields the user declared. A field is secret unless it is declared not to be."""

    name = "custom"
    description = "fields declared by the user"

    def __init__(self, declaration: Sequence[Mapping[str, Any]]) -> None:
        """Read a declaration: mappings of `name`, `secret` (true), `required`, `binary`, `primary`, `default`, `description`.

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
        for field in declared.fields:
            if field.default is not None and (field.secret or field.name == declared.primary):
                kind = "secret" if field.secret else "primary"
                what = "'default' is set for the {0} field '{1}'".format(kind, field.name)
                remedy = "Leave it out, and give the value in 'fields' or 'value'; or declare a field that is neither secret nor primary."
                raise InvalidInput(what, option="declared_fields", remedy=remedy)
        return declared

    def attributes(self) -> Dict[str, List[Dict[str, Any]]]:
        """Return the declaration as the metadata keeps it."""
        return {DECLARATION: self.declared}


def _check(entry: Any) -> Dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise _invalid("holds something that is not a mapping")
    given = {str(key): value for key, value in entry.items() if value is not None}
    unknown = sorted(set(given) - {"name"} - set(_FLAGS) - set(_TEXTS))
    if unknown:
        raise _invalid("has unknown keys: {0}".format(", ".join(map(ascii, unknown))))
    if not _NAME.match(str(given.get("name", ""))):
        raise _invalid("has a field without a proper name")
    flags = {name: bool(given.get(name, name == "secret")) for name in _FLAGS}
    texts = {name: str(given[name]) for name in _TEXTS if name in given}
    return dict(flags, name=str(given["name"]), **texts)


def _field(entry: Mapping[str, Any]) -> Field:
    return Field(**{name: value for name, value in entry.items() if name != "primary"})


def _primary(declared: Sequence[Mapping[str, Any]]) -> str:
    for wanted in ("primary", "secret"):
        for entry in declared:
            if entry[wanted]:
                return str(entry["name"])
    return str(declared[0]["name"])


def _invalid(what: str) -> InvalidInput:
    remedy = (
        "Write a list of 1 to {0} mappings, each with a different 'name' (letters, digits, '_') and, where wanted, "
        "secret, required, binary, primary, default, description."
    ).format(MAX_FIELDS)
    return InvalidInput("the declaration {0}".format(what), option="declared_fields", remedy=remedy)
