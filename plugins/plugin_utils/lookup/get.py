# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookups `get` and `get_many` in full. Their own files call this if the session does not know the request yet."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.lookups import FILE, GET, GET_MANY
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.operations.failures import describe_failures
from ansible_collections.nebula.credential.plugins.plugin_utils.config.native_values import is_omit
from ansible_collections.nebula.credential.plugins.plugin_utils.lookup.base import CredentialLookup, LookupCall
from ansible_collections.nebula.credential.plugins.plugin_utils.lookup.failure_options import error_from

CHOOSING = ("prefix", "tags")
"""The options of `get_many` that choose the names."""


class Get(CredentialLookup):
    """Read one credential."""

    operation = "get"
    specification = GET

    def answer(self, terms: list[Any], call: LookupCall) -> list[Any]:
        """Return the value, the default, or an empty list."""
        name = _read_name(terms)
        try:
            return [call.ask(name=name, accepts_missing=call.accepts_missing).result["value"]]
        except CredentialError as error:
            return call.reactions.apply(error)


class File(Get):
    """Read one credential into a file of the run."""

    specification = FILE

    def answer(self, terms: list[Any], call: LookupCall) -> list[Any]:
        """Return the path of the file, the default, or an empty list."""
        # Imported here: few need a file.
        from ansible_collections.nebula.credential.plugins.plugin_utils.session.files import keep_file

        name = _read_name(terms)
        try:
            value = call.ask(name=name, encoding="base64", accepts_missing=call.accepts_missing).result["value"]
        except CredentialError as error:
            return call.reactions.apply(error)
        return [keep_file(base64.b64decode(value))]


class GetMany(CredentialLookup):
    """Read several credentials."""

    operation = "get_many"
    specification = GET_MANY

    def answer(self, terms: list[Any], call: LookupCall) -> list[Any]:
        """Return one mapping of name to value. It has no key for what an `on_…` option leaves out."""
        names = _read_names(terms, call.options)
        try:
            result = call.ask(names=names, accepts_missing=call.accepts_missing).result
        except CredentialError as error:
            if not names:
                call.reactions.apply(error)  # which credentials have no value is not known
            return [{name: default for name in names for default in _list_defaults(call, error)}]
        values, errors = dict(result["values"]), {}
        for name, failure in result["failures"].items():
            try:
                for default in _list_defaults(call, error_from(failure)):
                    values[name] = default
            except CredentialError as error:
                errors[name] = error
        if errors:
            raise _join_errors(errors, len(values) + len(errors))
        return [values]


def _read_name(terms: list[Any]) -> str:
    """Return the only name.

    Raises:
        InvalidInput: there is no name, or more than one, or a list, or something else than text.
    """
    if not terms:
        raise _no_name_error("get")
    if len(terms) == 1 and isinstance(terms[0], str):
        return terms[0]
    if len(terms) == 1 and not isinstance(terms[0], list):
        raise _not_text_error(terms)
    what = "the name is a list" if len(terms) == 1 else "there are {0} names".format(len(terms))
    remedy = (
        "Write loop: [a, b] with lookup('nebula.credential.get', item), in place of with_nebula.credential.get; "
        "or use nebula.credential.get_many, which takes a list and returns a mapping."
    )
    raise InvalidInput("exactly one credential is read at a time, and {0}".format(what), option="_terms", remedy=remedy)


def _read_names(terms: list[Any], options: Mapping[str, Any]) -> list[str]:
    """Return the names in the terms: each term is a name or a list of names, which may be empty. Empty, too, if the options choose them.

    Raises:
        InvalidInput: there is no term, and no option chooses the names; or both; or a name is not text.
    """
    chosen_by = [option for option in CHOOSING if options.get(option) is not None]
    if terms and chosen_by:
        remedy = "Leave the names out, or {0}.".format(" and ".join("'{0}'".format(option) for option in chosen_by))
        raise InvalidInput("it chooses the names, and names are given, too", option=chosen_by[0], remedy=remedy)
    if not chosen_by and options.get("max_names") is not None:
        remedy = "Leave it out, or choose by {0}.".format(" or ".join("'{0}'".format(option) for option in CHOOSING))
        raise InvalidInput("it is for names that are not given one by one", option="max_names", remedy=remedy)
    if (options.get("max_names") or 1) < 1:
        raise InvalidInput("it is {0}".format(options["max_names"]), option="max_names", remedy="Write 1 or more.")
    if chosen_by:
        return []
    if not terms:
        raise _no_name_error("get_many", " Or choose them by {0}.".format(" or ".join("'{0}'".format(option) for option in CHOOSING)))
    names = [name for term in terms for name in (term if isinstance(term, list) else [term])]
    if not all(isinstance(name, str) for name in names):
        raise _not_text_error(names)
    return names


def _no_name_error(lookup: str, otherwise: str = "") -> InvalidInput:
    remedy = "Write the name as an argument: lookup('nebula.credential.{0}', 'db_pass').".format(lookup)
    return InvalidInput("no credential is named", option="_terms", remedy=remedy + otherwise)


def _not_text_error(names: list[Any]) -> InvalidInput:
    wrong = ", ".join(type(name).__name__ for name in names if not isinstance(name, str))
    return InvalidInput("a credential's name is text, not {0}".format(wrong), option="_terms", remedy="Write the name in quotes.")


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


READING: dict[str, type[CredentialLookup]] = {"get": Get, "get_many": GetMany, "file": File}
"""The full lookups by the names of their own files."""
