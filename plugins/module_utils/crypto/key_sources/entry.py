# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An entry of `key_sources` as a source is built from it: its options converted, and its errors with the source's name."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, Mapping, NamedTuple, Optional

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import Filled, check_login, fill_from_environment
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.options import OPTION, SOURCES
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

VaultPassword = Callable[[Optional[str]], Optional[Secret]]


class Surroundings(NamedTuple):
    """What a source gets besides its options: the function for warnings, and the one that returns the password of a vault id."""

    warn: Callable[[str], object]
    vault_password: Optional[VaultPassword] = None


class Options(Dict[str, Any]):
    """The options of a source, a login among them: no `repr` shows them."""

    def __repr__(self) -> str:
        return "(not shown)"


def check_texts(kind: str, given: Mapping[str, Any]) -> None:
    """Check the options of a source whose options are all texts.

    Raises:
        InvalidConfiguration: one is not.
    """
    for key, value in given.items():
        if not isinstance(value, str):
            raise InvalidConfiguration("'{0}' of the key source '{1}' must be text".format(key, kind), option=OPTION)


def read_entry(kind: str, given: Mapping[str, Any]) -> Filled:
    """Return the options of a source, each converted to its type, completed by variables of the environment and by defaults.

    Raises:
        InvalidConfiguration: an option cannot be read, or a variable is set that sources do not follow. It names the option alone.
    """
    traits = SOURCES[kind]
    filled = fill_from_environment(traits, given, os.environ)
    entry = Options(
        (option, _convert(spec, option, filled.config.get(option, spec.get("default")))) for option, spec in traits.spec.items()
    )
    check_login(entry, [option for option in traits.login if "." not in option])
    return Filled(entry, filled.variables)


def _convert(spec: Mapping[str, Any], option: str, value: Any) -> Any:
    """Return a value converted to its option's type. The validator's text is not shown: it quotes the value."""
    if value is None:
        return None
    kind = spec["type"]
    kept: Dict[str, Any] = {name: spec[name] for name in ("choices", "elements") if name in spec}
    checked = ArgumentSpecValidator({option: {"type": kind, "no_log": False, **kept}}).validate({option: value})
    if checked.error_messages or (kind in ("str", "path") and not isinstance(value, str)):
        raise InvalidConfiguration("it cannot be read as {0}".format(_describe(spec)), option=option, remedy="Write a value of that type.")
    return checked.validated_parameters[option]


def _describe(spec: Mapping[str, Any]) -> str:
    """Return the type of an option for people, with what it may be."""
    if "choices" in spec:
        return "one of {0}".format(", ".join(spec["choices"]))
    return "{0} of {1}".format(spec["type"], spec["elements"]) if "elements" in spec else str(spec["type"])


@contextmanager
def naming_source(kind: str) -> Iterator[None]:
    """Raise an error about an option as one about this option of the source: the store may have one of the same name."""
    try:
        yield
    except InvalidConfiguration as problem:
        raise (name_source_in(problem, kind) if problem.option and problem.option != OPTION else problem) from None


def name_source_in(problem: InvalidConfiguration, kind: str) -> InvalidConfiguration:
    """Return an error about an option of a source, with the name of the source."""
    what = "'{0}' of the key source '{1}': {2}".format(problem.option, kind, problem.what)
    return type(problem)(what, remedy=problem.remedy, option=OPTION)
