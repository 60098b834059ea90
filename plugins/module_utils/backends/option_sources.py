# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what a user wrote to the options of a backend: other names of options, and the variables of the environment.

The backends declare both (`traits`); here is what the declarations mean, for all of them.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_parts import read_part, set_part
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import FROM_FILE, FROM_VARIABLE, BackendTraits
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration


class Filled(NamedTuple):
    """A configuration with the values of variables, and the variable of each option that came from one."""

    config: Dict[str, Any]
    variables: Mapping[str, str]


def resolve_aliases(config: Mapping[str, Any], aliases: Mapping[str, str]) -> Dict[str, Any]:
    """Return the configuration with the options in place of their other names.

    Raises:
        InvalidConfiguration: an option is given under two names.
    """
    found = dict(config)
    for alias in [name for name in config if name in aliases]:
        value, option = found.pop(alias), aliases[alias]
        if value is None:
            continue
        if read_part(found, option) is not None:
            what = "it is another name of '{0}', which is given too".format(option)
            raise InvalidConfiguration(what, option=alias, remedy="Give one of them.")
        found = set_part(found, option, value)
    return found


def fill_from_environment(traits: BackendTraits, config: Mapping[str, Any], environment: Mapping[str, str]) -> Filled:
    """Return the configuration, completed by the variables that the backend declares. Parts of mappings are left to the backend.

    Raises:
        InvalidConfiguration: a variable is set that stores do not follow.
    """
    filled, origins = dict(config), {}
    for option, variables in traits.environment.items():
        variable = find_variable(variables, environment)
        if variable and "." not in option and not is_given(filled, option) and traits.reads_variable(option, config, filled):
            filled[option], origins[option] = environment[variable], variable
    for variable, refused in traits.refused_environment.items():
        value = environment.get(variable, "")
        if value and value.lower() not in refused.harmless and _decides(traits, refused.option, config, filled):
            what = "the environment variable {0} {1}".format(variable, refused.what)
            raise InvalidConfiguration(what, option=refused.option, remedy="{0} Or unset the variable.".format(refused.remedy))
    return Filled(filled, origins)


def _decides(traits: BackendTraits, option: Optional[str], config: Mapping[str, Any], filled: Mapping[str, Any]) -> bool:
    return option is None or (not is_given(config, option) and traits.reads_variable(option, config, filled))


def find_variable(variables: Iterable[str], environment: Mapping[str, str]) -> Optional[str]:
    """Return the first of these variables that is set and not empty, or None."""
    return next((variable for variable in variables if environment.get(variable)), None)


def is_given(config: Mapping[str, Any], option: str) -> bool:
    """Return True if the option has a value, or names the file or the variable that holds it."""
    return any(config.get(option + ending) is not None for ending in ("", FROM_FILE, FROM_VARIABLE))
