# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what a user wrote to the options of a backend: other names, unknown ones, the variables of the environment, the places of a login.

The backends declare them (`traits`); here is what the declarations mean, for all of them. A part of an option is written `option.part`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import FROM_FILE, FROM_VARIABLE, BackendTraits
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import current_caller
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import check_private_file
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import SECRET_FILE, read_file
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import inline_store

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext

REFERENCE = "All options: docs/reference/options.md of this collection."
_CLOSE, _ALIKE = 10, 0.6
"""How many options an error lists, and from which similarity it suggests one."""


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


def name_variable(problem: CredentialError, variables: Mapping[str, str]) -> CredentialError:
    """Return an error that says which of these variables (`Filled.variables`) the value of its option comes from, if one does."""
    variable = variables.get(problem.option or "")
    problem.what += " (its value comes from the environment variable {0})".format(variable) if variable else ""
    return problem


def find_variable(variables: Iterable[str], environment: Mapping[str, str]) -> Optional[str]:
    """Return the first of these variables that is set and not empty, or None."""
    return next((variable for variable in variables if environment.get(variable)), None)


def is_given(config: Mapping[str, Any], option: str) -> bool:
    """Return True if the option has a value, or names the file or the variable that holds it."""
    return any(config.get(option + ending) is not None for ending in ("", FROM_FILE, FROM_VARIABLE))


def read_part(config: Any, option: str) -> Any:
    """Return the value of an option, or of a part of one; None if it is not given."""
    for step in option.split("."):
        config = config.get(step) if isinstance(config, Mapping) else None
    return config


def change_part(config: Any, option: str, change: Callable[[Any], Any]) -> Any:
    """Return `config` with the value of an option, or of a part of one, changed. Return it as it is if it has no such option."""
    first, _dot, rest = option.partition(".")
    if not isinstance(config, Mapping) or first not in config:
        return config
    value = config[first]
    return {**config, first: change_part(value, rest, change) if rest else change(value)}


def set_part(config: Mapping[str, Any], option: str, value: Any) -> Dict[str, Any]:
    """Return `config` with the value of an option, or of a part of one, set.

    Raises:
        InvalidConfiguration: the option that should have the part is not a mapping.
    """
    first, _dot, rest = option.partition(".")
    if not rest:
        return {**config, first: value}
    within = config.get(first)
    if within is not None and not isinstance(within, Mapping):
        raise InvalidConfiguration("it is not a mapping", option=first, remedy="Write '{0}: {{{1}: …}}'.".format(first, rest))
    return {**config, first: set_part(within or {}, rest, value)}


def refuse_unknown(given: Iterable[str], allowed: Iterable[str], within: str = "") -> None:
    """Check the names of options.

    Args:
        given: the names that are written.
        allowed: the names that there are.
        within: the option that they are parts of; empty for the options of a store.

    Raises:
        InvalidConfiguration: a name is unknown.
    """
    known = sorted(allowed)
    for option in sorted(given):
        if option not in known:
            raise InvalidConfiguration("there is no such option", option=name_part(within, option), remedy=_suggest(option, known))


def name_part(within: str, part: str) -> str:
    """Return the name of a part of an option, as messages show it."""
    shown = part if part.isidentifier() else ascii(part)[:80]
    return "{0}.{1}".format(within, shown) if within else shown


def _suggest(option: str, known: Iterable[str]) -> str:
    import difflib

    known = list(known)
    close = difflib.get_close_matches(option, known, _CLOSE, 0)
    is_alike = bool(close) and difflib.SequenceMatcher(None, option, close[0]).ratio() > _ALIKE
    meant = "Did you mean '{0}'? ".format(close[0]) if is_alike else ""
    shown = "Allowed: {0}".format(", ".join(known)) if len(known) <= _CLOSE else "Closest: {0}".format(", ".join(close))
    return "{0}{1}. {2}".format(meant, shown, REFERENCE)


def check_login(settings: Mapping[str, Any], login: Iterable[str]) -> None:
    """Check that each option of a login is given in one place. Parts of mappings are checked by the backend.

    Raises:
        InvalidConfiguration: one is given in two.
    """
    for option in login:
        given = [option + ending for ending in ("", FROM_FILE, FROM_VARIABLE) if settings.get(option + ending) is not None]
        if len(given) > 1:
            raise InvalidConfiguration("'{0}' and '{1}' are both given".format(*given), option=given[-1], remedy="Give one of them.")


def read_login(settings: Mapping[str, Any], option: str, warn: Callable[[str], object]) -> Optional[Secret]:
    """Return the value of an option of a login as it is now, or None if it is not given. Call it for each login: a file may be renewed.

    Raises:
        InvalidConfiguration: the variable is not set, or the file is empty.
        InsecurePermissions: others can read the file.
        StorageError: the file cannot be read.
    """
    path, variable = settings.get(option + FROM_FILE), settings.get(option + FROM_VARIABLE)
    if path is not None:
        return _read_file(os.path.abspath(expand_home(str(path), option + FROM_FILE)), option + FROM_FILE, warn)
    if variable is not None:
        return Secret(read_variable(str(variable), option + FROM_VARIABLE))
    value = settings.get(option)
    return None if value is None else Secret(str(value))


def list_logins(config: Any) -> Iterator[Tuple[str, Optional[str]]]:
    """Yield what the variables and files hold now that a configuration names in any part, each with its name; None for one without."""
    if isinstance(config, Mapping):
        for option, value in sorted(config.items()):
            if isinstance(value, str) and option.endswith(FROM_VARIABLE):
                yield value, os.environ.get(value)
            elif isinstance(value, str) and option.endswith(FROM_FILE):
                yield value, _find_content(value)
            else:
                yield from list_logins(value)
    elif isinstance(config, (list, tuple)):
        for each in config:
            yield from list_logins(each)


def _find_content(path: str) -> Optional[str]:
    try:
        return read_file(os.path.abspath(expand_home(path)), SECRET_FILE).hex()
    except (OSError, CredentialError):  # whoever needs it reports that
        return None


def describe_login(options: Mapping[str, Any], traits: BackendTraits) -> List[Any]:
    """Return what tells the logins of one configuration apart: `list_logins`, and the variables that its backend reads."""
    variables = sorted({variable for each in traits.environment.values() for variable in each})
    return [*list_logins(options), *((variable, os.environ.get(variable)) for variable in variables)]


def build_login_reader(
    settings: Mapping[str, Any], context: BackendContext, credentials: Mapping[str, str]
) -> Callable[[str], Optional[Secret]]:
    """Return the function that reads an option of a login as it is now, from wherever it is given. It raises as `read_login`.

    Args:
        settings: the options of the store.
        context: its surroundings.
        credentials: the options that name a credential of another store, by those whose value it is. The function raises for them what
            opening that store and reading the credential do.
    """

    def read(option: str) -> Optional[Secret]:
        named = settings.get(credentials.get(option, ""))
        return read_login(settings, option, context.warn) if named is None else _read_named(named, credentials[option], context)

    return read


def check_named_credential(named: Any, option: str) -> None:
    """Check an option that names a credential of another store.

    Raises:
        InvalidConfiguration: it does not.
    """
    if not isinstance(named, Mapping) or not {"store", "name"} <= set(named) <= {"store", "name", "field"}:
        raise InvalidConfiguration("it names no credential", option=option, remedy="Write '{0}: {{store: local, name: …}}'.".format(option))


def _read_named(named: Mapping[str, Any], option: str, context: BackendContext) -> Secret:
    check_named_credential(named, option)
    if context.open_other is None or not isinstance(named["store"], Mapping):
        what = "the store is not resolved"
        raise InvalidConfiguration(what, option=option + ".store", remedy="Write its whole configuration as a mapping.")
    found = inline_store(named["store"])
    other = context.open_other(found.config, name=found.name)
    try:
        value: Secret = other.token(str(named["name"]), named.get("field"), current_caller().context)
        return value
    finally:
        other.close()


def read_variable(variable: str, option: str) -> str:
    """Return the value of an environment variable that an option names.

    Raises:
        InvalidConfiguration: it is not set, or empty.
    """
    value = os.environ.get(variable)
    if not value:
        what = "the environment has no variable {0}".format(ascii(variable)[:80])
        raise InvalidConfiguration(what, option=option, remedy="Set it before Ansible starts, or name another.")
    return value


def _read_file(path: str, option: str, warn: Callable[[str], object]) -> Secret:
    role = "the file of '{0}'".format(option)
    check_private_file(path, role, warn)
    with translated(role, path, writing=False):
        content = read_file(path, SECRET_FILE).rstrip(b"\r\n")
    if not content:
        raise InvalidConfiguration("{0} is empty".format(path), option=option, remedy="Wait until it is written, or name another.")
    return Secret(content)
