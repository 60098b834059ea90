# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookups `get` and `get_many` in full. Their own files call this if the session does not know the request yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.lookups import GET, GET_MANY
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.operations.failures import describe_failures
from ansible_collections.nebula.credential.plugins.plugin_utils.config.native_values import is_omit
from ansible_collections.nebula.credential.plugins.plugin_utils.lookup.base import CredentialLookup, LookupCall, names_in
from ansible_collections.nebula.credential.plugins.plugin_utils.lookup.failure_options import error_from


class Get(CredentialLookup):
    """Read one credential."""

    operation = "get"
    specification = GET

    def answer(self, terms: list[Any], call: LookupCall) -> list[Any]:
        """Return the value, the default, or an empty list."""
        names = names_in(terms)
        if len(names) != 1 or isinstance(terms[0], list):
            remedy = "Read one name, or use nebula.credential.get_many, which returns a mapping."
            raise InvalidInput("exactly one credential is read at a time, not {0}".format(len(names)), option="_terms", remedy=remedy)
        try:
            return [call.ask(name=names[0], accepts_missing=call.accepts_missing).result["value"]]
        except CredentialError as error:
            return call.reactions.apply(error)


class GetMany(CredentialLookup):
    """Read several credentials."""

    operation = "get_many"
    specification = GET_MANY

    def answer(self, terms: list[Any], call: LookupCall) -> list[Any]:
        """Return one mapping of name to value. It has no key for what an `on_…` option leaves out."""
        names = names_in(terms)
        try:
            result = call.ask(names=names, accepts_missing=call.accepts_missing).result
        except CredentialError as error:
            return [{name: default for name in names for default in _list_defaults(call, error)}]
        values, errors = dict(result["values"]), {}
        for name, failure in result["failures"].items():
            try:
                for default in _list_defaults(call, error_from(failure)):
                    values[name] = default
            except CredentialError as error:
                errors[name] = error
        if errors:
            raise _join_errors(errors, len(set(names)))
        return [values]


def _list_defaults(call: LookupCall, error: CredentialError) -> list[Any]:
    """Return what stands for a value that failed. A default that is `omit` leaves the name out, as an option that leaves it out does."""
    return [default for default in call.reactions.apply(error) if not is_omit(default)]


def _join_errors(errors: Mapping[str, CredentialError], total: int) -> CredentialError:
    """Return the only error, or one of the first one's class that names all that failed."""
    first = next(iter(errors.values()))
    if len(errors) == 1:
        return first
    failed = [{"name": name, "code": error.code, "msg": str(error)} for name, error in errors.items()]
    return type(first)(describe_failures(failed, total))


READING: dict[str, type[CredentialLookup]] = {lookup.operation: lookup for lookup in (Get, GetMany)}
