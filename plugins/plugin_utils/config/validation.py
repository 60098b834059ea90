# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validate a module's arguments on the controller, as the module itself would."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError
from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification, without_masked_mappings
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, find_closest
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.plugin_utils.config.empty_texts import refuse_empty_texts
from ansible_collections.nebula.credential.plugins.plugin_utils.config.given_mappings import label_element, list_names, parse_mappings
from ansible_collections.nebula.credential.plugins.plugin_utils.config.native_values import keep, to_native
from ansible_collections.nebula.credential.plugins.plugin_utils.config.written_secrets import check_texts
from ansible_collections.nebula.credential.plugins.plugin_utils.output import masking
from ansible_collections.nebula.credential.plugins.plugin_utils.output.ansible_errors import UserMessage

COLLECTION = "nebula.credential"
_RELATIONS = tuple(Specification({}).relations())


def validate(arguments: Mapping[str, Any], specification: Specification, module: str | None = None) -> dict[str, Any]:
    """Return the arguments of a module, or of a lookup (None), checked and completed by defaults. Show warnings and deprecations.

    Raises:
        UserMessage: the arguments are invalid. It has the text of `AnsibleModule`, and no value of an option marked `no_log`.
        InvalidInput: an option that has options of its own is something else, a secret is no text, an option is an empty text, or the
            check of the specification fails.
    """
    spec = specification.argument_spec
    given = _read(to_native(arguments, keep), specification)
    masking.register(_secrets(given, without_masked_mappings(spec)))
    result = ArgumentSpecValidator(_without_no_log(spec), **specification.relations()).validate(given)
    _announce(result)
    if result.error_messages:
        # ansible-core itself names a lookup that failed.
        where = " for ({0}.{1}) module".format(COLLECTION, module) if module else ""
        message = _describe_in_elements(given, spec) or _describe(result, spec, where)
        raise UserMessage(masking.without(message, _secrets(given, spec)))
    with _naming_credential(given):
        refuse_empty_texts(result.validated_parameters, spec)
    parameters = dict(result.validated_parameters)
    if specification.check is not None:
        specification.check(parameters)
    return parameters


def _describe(result: Any, spec: Mapping[str, Mapping[str, Any]], where: str) -> str:
    """Return the first error of a validation, in the words of ansible-core."""
    # ansible-core reports an unknown option last. It is why a required one is missing if that was mistyped.
    result.errors.errors.sort(key=lambda error: not isinstance(error, UnsupportedError))
    if not isinstance(result.errors[0], UnsupportedError):
        return str(result.errors.msg)
    return "Unsupported parameters{0}: {1}".format(where, result.errors.msg) + _suggest(result.unsupported_parameters, spec)


def _describe_in_elements(given: Mapping[str, Any], spec: Mapping[str, Mapping[str, Any]], place: str = "") -> str:
    """Return the first error in an element of a list of mappings, with the element's number and name; empty if there is none.

    ansible-core does not say in which element an error is.
    """
    options = list_names(spec)
    for name, elements in given.items():
        option = options.get(name, {})
        if not (option.get("options") and isinstance(elements, list)):
            continue
        relations = {relation: option[relation] for relation in _RELATIONS if relation in option}
        validator = ArgumentSpecValidator(_without_no_log(option["options"]), **relations)
        for number, element in enumerate(elements):
            result = validator.validate(element)
            if result.error_messages:
                where = label_element(place + name, number, element)
                inner = _describe_in_elements(element, option["options"], where + ".")
                return inner or "{0}: {1}".format(where, _describe(result, option["options"], ""))
    return ""


def _read(written: Mapping[str, Any], specification: Specification) -> dict[str, Any]:
    """Return the arguments with their mappings parsed, after a check that no secret among them was changed by YAML."""
    with _naming_credential(written):
        parsed = parse_mappings(written, specification.argument_spec)
        check_texts(parsed, specification.argument_spec)
    return dict(to_native(parsed))


@contextmanager
def _naming_credential(given: Mapping[str, Any]) -> Iterator[None]:
    """Add the credential that the arguments name to an error."""
    try:
        yield
    except InvalidInput as error:
        name = given.get("name")
        raise error.within(name=name if isinstance(name, str) else None) from None


def _without_no_log(spec: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the specification without `no_log`: so ansible-core 2.22 masks no secret of one letter. `masking` registers longer ones."""
    lighter = {name: {key: part for key, part in option.items() if key != "no_log"} for name, option in spec.items()}
    for option in lighter.values():
        if option.get("options"):
            option["options"] = _without_no_log(option["options"])
    return lighter


def _secrets(arguments: Mapping[str, Any], spec: Mapping[str, Mapping[str, Any]]) -> list[Secret]:
    found: list[Secret] = []
    options = list_names(spec)
    for name, value in arguments.items():
        option = options.get(name, {})
        if option.get("no_log"):
            found += [Secret(leaf) for leaf in _leaves(value)]
        elif option.get("options"):
            for element in value if isinstance(value, list) else [value]:
                found += _secrets(element, option["options"]) if isinstance(element, Mapping) else []
    return found


def _suggest(unsupported: Iterable[Any], spec: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what was meant by options that do not exist, at any depth. Empty if nothing is close."""
    paths = sorted(path if isinstance(path, tuple) else (path,) for path in unsupported)
    meant = ((path, _find_option(path, spec)) for path in paths)
    texts = ["'{0}' in place of '{1}'".format(".".join((*path[:-1], close)), ".".join(path)) for path, close in meant if close]
    return " Did you mean {0}?".format(", ".join(texts)) if texts else ""


def _find_option(path: Sequence[Any], spec: Mapping[str, Mapping[str, Any]]) -> str:
    for name in path[:-1]:
        spec = spec.get(name, {}).get("options") or {}
    return find_closest(str(path[-1]), spec)


def _leaves(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [leaf for element in value.values() for leaf in _leaves(element)]
    if isinstance(value, list):
        return [leaf for element in value for leaf in _leaves(element)]
    return [] if value is None else [str(value)]


def _announce(result: Any) -> None:
    """Show the warnings of `AnsibleModule`: an option and its alias both set, deprecated options and aliases."""
    for warning in result._warnings:  # the validator has no public way; AnsibleModule reads them like this
        Display().warning("Both option {option} and its alias {alias} are set.".format(**warning))
    for deprecation in result._deprecations:  # as above
        Display().deprecated(
            deprecation["msg"], version=deprecation.get("version"), date=deprecation.get("date"), collection_name=COLLECTION
        )
