# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Ansible variables of community.hashi_vault, which stand for options that neither a store nor its login writes.

They are read where the store is resolved, on the controller: hosts may have different values, and get stores of their own by them.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import is_given, read_part
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.auth_options import METHODS, add_variables, find_method
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import (
    AUTH,
    ENVIRONMENT,
    REFUSED_ENVIRONMENT,
    THEIRS,
    TRAITS,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration

Read = Callable[[str], Any]
_ONLY_HERE: Mapping[str, Tuple[str, ...]] = {
    "url": (THEIRS + "url",),
    "verify": (THEIRS + "validate_certs",),
    "mount": (THEIRS + "engine_mount_point",),
}
"""Those that have no environment variable of the same name."""
_UNUSED: Mapping[str, str] = {
    THEIRS + "azure_tenant_id": "names the tenant of a service principal, which this login does not use",
    THEIRS + "azure_client_secret": "is the secret of a service principal, which this login does not use",
}


def list_variables() -> Mapping[str, Tuple[str, ...]]:
    """Return the variables of each option, the first that is set wins."""
    found: Dict[str, Tuple[str, ...]] = dict(_ONLY_HERE)
    for option, names in ENVIRONMENT.items():
        same = tuple(name.lower() for name in names if name.lower().startswith(THEIRS))
        if same:
            found[option] = (*found.get(option, ()), *same)
    return found


def fill_from_play(config: Mapping[str, Any], read: Read) -> Mapping[str, Any]:
    """Return the configuration of a store, completed by variables.

    Args:
        config: as it is written, with its own names of the options.
        read: returns the value of an Ansible variable, its templates resolved; None if it is not set.

    Raises:
        InvalidConfiguration: a variable is set that stores do not follow, or cannot be resolved.
    """
    variables = list_variables()
    _refuse_unused(config, read)
    filled = dict(config)
    for option in (name for name in variables if "." not in name):
        value = _read_first(variables[option], read)
        if value is not None and not is_given(filled, option) and TRAITS.reads_variable(option, config, filled):
            filled[option] = value
    login = _fill_login(filled.get(AUTH), lambda part: _read_first(variables.get("{0}.{1}".format(AUTH, part), ()), read))
    return {**filled, AUTH: login} if login else filled


def _fill_login(written: Any, read: Callable[[str], Optional[Any]]) -> Any:
    """Return the option `auth` with the parts that variables give and its method takes."""
    if written is not None and not isinstance(written, Mapping):
        return written
    given = {name: value for name, value in (written or {}).items() if value is not None}
    parts = {name: value for name, value in given.items() if name != "method"}
    name = given.get("method") or find_method(parts, read)
    if not isinstance(name, str) or name not in METHODS:
        return given if name is None else {**given, "method": name}
    filled = add_variables(METHODS[name], parts, read)
    # With nothing from a variable the environment is still asked for the method.
    return {**filled, "method": name} if filled != parts or read("method") or given.get("method") else given


def _read_first(names: Tuple[str, ...], read: Read) -> Any:
    return next((value for value in map(read, names) if value not in (None, "")), None)


def _refuse_unused(config: Mapping[str, Any], read: Read) -> None:
    for variable, refused in REFUSED_ENVIRONMENT.items():
        value = read(variable.lower()) if variable.lower().startswith(THEIRS) else None
        if value not in (None, "") and str(value).lower() not in refused.harmless:
            _refuse(variable.lower(), refused.what, refused.remedy)
    for variable, what in _UNUSED.items():
        if read(variable) not in (None, "") and read_part(config, AUTH + ".method") == "azure":
            _refuse(variable, what, "Unset it, and give 'jwt' or a managed identity.")


def _refuse(variable: str, what: str, remedy: str) -> None:
    raise InvalidConfiguration("the variable {0} {1}".format(variable, what), option=variable, remedy=remedy)
