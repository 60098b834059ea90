# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The values that a command line names as `VARIABLE=NAME:FIELD`, read in one batch for each field."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.plugin_utils.command.invocation import Invocation
from ansible_collections.nebula.credential.plugins.plugin_utils.lookup.failure_options import error_from

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
FORM = "[VARIABLE=]NAME[:FIELD]"


class NamedValue(NamedTuple):
    """A variable, and the field of the credential that it gets; None for the primary field."""

    variable: str
    name: str
    field: str | None


def read_named(texts: Iterable[str]) -> list[NamedValue]:
    """Return what the texts name. Without a variable it is the name in capitals, with `_` for what no variable has.

    Raises:
        InvalidInput: a variable is none, or is there twice.
    """
    found: dict[str, NamedValue] = {}
    for text in texts:
        before, equals, after = text.partition("=")
        name, _colon, field = (after if equals else before).partition(":")
        variable = before if equals else derive_variable(name if not field else "{0}_{1}".format(name, field))
        if not _VARIABLE.match(variable):
            raise InvalidInput("{0} is no name of a variable".format(ascii(variable)), remedy="Write {0}.".format(FORM))
        if variable in found:
            raise InvalidInput("the variable {0} is there twice".format(variable), remedy="Write VARIABLE=NAME for one of them.")
        found[variable] = NamedValue(variable, name, field or None)
    return list(found.values())


def derive_variable(name: str) -> str:
    """Return the variable of a credential's name: `shop/db-pass` is `SHOP_DB_PASS`."""
    variable = re.sub(r"[^A-Za-z0-9_]", "_", name).upper()
    return "_" + variable if variable[:1].isdigit() else variable


def read_values(invocation: Invocation, named: Iterable[NamedValue]) -> dict[str, str]:
    """Return the values by their variables.

    Raises:
        CredentialError: one cannot be read, or is no text.
    """
    fields: dict[str | None, list[NamedValue]] = {}
    for each in named:
        fields.setdefault(each.field, []).append(each)
    values: dict[str, str] = {}
    for field, group in fields.items():
        names = list(dict.fromkeys(each.name for each in group))
        result = invocation.perform("get_many", {"names": names, "field": field}).result
        for name in names:
            if name in result["failures"]:
                raise error_from(result["failures"][name])
        values.update((each.variable, result["values"][each.name]) for each in group)
    return values


def list_names(invocation: Invocation, prefix: str) -> list[str]:
    """Return the names of the credentials that begin with `prefix`.

    Raises:
        InvalidInput: there are none.
    """
    names = [row["name"] for row in invocation.perform("find", {"prefix": prefix}).result["credentials"]]
    if not names:
        raise InvalidInput("no credential begins with {0}".format(ascii(prefix)), option="--prefix", remedy="See them with 'ls'.")
    return names
