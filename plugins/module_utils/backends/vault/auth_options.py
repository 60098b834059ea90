# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option `auth`: the login methods and the options of each. Does not log in."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Mapping, NamedTuple, NoReturn, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import (
    find_variable,
    name_part,
    read_variable,
    refuse_unknown,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import FROM_FILE, FROM_VARIABLE
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import (
    AUTH,
    AUTH_LOGIN,
    AUTH_PATHS,
    AUTH_SECRETS,
    ENVIRONMENT,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home, find_in_home
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import check_private_file, has_file
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import SECRET_FILE, read_file
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

TOKEN = "token"
NONE = "none"
"""The method without a login: an agent between this machine and the server adds the token."""
TOKEN_FILE = "~/.vault-token"
"""The file in which the command line of Vault and OpenBao stores the token of `login`."""


class Method(NamedTuple):
    """The required and the optional options of a method, and its default mount.

    From a group written `a|b`, exactly one is required, or at most one is allowed. A part of `AUTH_LOGIN` is a group by itself: its
    value, the file that holds it, or the variable.
    """

    needs: Tuple[str, ...]
    takes: Tuple[str, ...]
    mount: Optional[str]

    def groups(self) -> Tuple[Tuple[str, ...], ...]:
        """Return the options that exclude each other, group by group."""
        return tuple(split_group(group) for group in self.needs + self.takes)

    def options(self) -> Tuple[str, ...]:
        """Return the names of all options."""
        mount = () if self.mount is None else ("mount",)
        return tuple(name for group in self.groups() for name in group) + mount


def split_group(group: str) -> Tuple[str, ...]:
    """Return the options of a group, with the file and the variable of each that is part of a login."""
    names = group.split("|")
    return tuple(name + ending for name in names for ending in (("", FROM_FILE, FROM_VARIABLE) if name in AUTH_LOGIN else ("",)))


METHODS: Mapping[str, Method] = {
    TOKEN: Method((), ("token",), None),
    "approle": Method(("role_id",), ("secret_id", "secret_id_wrapped"), "approle"),
    "kubernetes": Method(("role",), ("jwt_path",), "kubernetes"),
    "aws": Method(("role",), ("region", "header_value", "access_key", "secret_key", "session_token"), "aws"),
    "azure": Method(
        ("role",),
        ("jwt", "resource", "client_id", "subscription_id", "resource_group_name", "vm_name|vmss_name"),
        "azure",
    ),
    "jwt": Method(("role", "jwt"), (), "jwt"),
    "userpass": Method(("username", "password"), (), "userpass"),
    "cert": Method((), ("role",), "cert"),
    "ldap": Method(("username", "password"), (), "ldap"),
    "gcp": Method(("role",), ("jwt", "credentials_file"), "gcp"),
    NONE: Method((), (), None),
}
_OPTIONS = frozenset(("method", *(option for method in METHODS.values() for option in method.options())))
"""The parts of `auth`, of every method."""
_CHOOSE = "Use one of: {0}.".format(", ".join(METHODS))
_MADE_BY_PLATFORM = ("jwt_path", "jwt_file")
"""Files with short-lived tokens that a platform renews, with a mode that no user can set: Kubernetes makes them 0644."""
_BOOLEANS = ("secret_id_wrapped",)
_NEEDS_BESIDE: Mapping[str, str] = {
    "secret_id_wrapped": "secret_id",
    "access_key": "secret_key",
    "secret_key": "access_key",
    "session_token": "secret_key",
}


class Auth(NamedTuple):
    """A checked `auth`: the method, its options (secret ones as `Secret`), its mount, and the variables that options came from."""

    method: str
    given: Mapping[str, Any]
    mount: str
    variables: Mapping[str, str]

    def describe_origins(self) -> str:
        """Return where the values of the login come from, for people; no value."""
        return ", ".join(self._describe_origin(option) for option in self.given)

    def _describe_origin(self, option: str) -> str:
        if option in self.variables:
            return "'{0}' of the environment variable {1}".format(option, self.variables[option])
        if option.endswith((FROM_FILE, FROM_VARIABLE)) or option in AUTH_PATHS:
            return "'{0}' {1}".format(option, self.given[option])
        return "'{0}' of 'auth'".format(option)

    def text(self, option: str) -> Optional[str]:
        """Return the value of an option as text, or what its file or its variable holds now.

        Raises:
            InvalidConfiguration: the file or the variable cannot be read, or is empty.
        """
        path, variable = self.given.get(option + FROM_FILE), self.given.get(option + FROM_VARIABLE)
        if path is not None:
            return read_login_file(path, option + FROM_FILE)
        if variable is not None:
            return read_variable(variable, AUTH)
        value = self.given.get(option)
        return value.expose().decode("utf-8") if isinstance(value, Secret) else value


def read_login_file(path: str, option: str) -> str:
    """Return the content of a file with a token or similar, without white space around it.

    Raises:
        InvalidConfiguration: it cannot be read, or is empty.
        InsecurePermissions: others can read it.
    """
    content, path = "", expand_home(path, option)
    if option not in _MADE_BY_PLATFORM and has_file(path, "the login file"):
        check_private_file(path, "the login file")
    try:
        content = read_file(path, SECRET_FILE).decode("utf-8").strip()
    except Damaged as problem:
        _wrong(problem.what, problem.remedy)
    except (OSError, UnicodeDecodeError):
        _wrong("the file '{0}' cannot be read".format(path), "Check that '{0}' names a file that this user may read.".format(option))
    if not content:
        _wrong("the file '{0}' is empty".format(path), "Wait until it is written, or set '{0}' to another file.".format(option))
    return content


def auth_of(configured: Optional[Mapping[str, Any]]) -> Auth:
    """Check the option `auth`; None is the method `token` without options.

    Raises:
        InvalidConfiguration: an option is unknown or missing. The message lists what is allowed.
    """
    entry = {} if configured is None else configured
    if not isinstance(entry, Mapping):
        _wrong("it is not a mapping", "Write 'auth: {method: …}'.")
    given = {str(key): value for key, value in entry.items() if value is not None}
    refuse_unknown(given, _OPTIONS, AUTH)
    name = given.pop("method", find_method(given, _read_environment))
    if name is None:
        _wrong("'auth' names no 'method', and this option is not of 'token'", _CHOOSE, min(given))
    if not isinstance(name, str) or name not in METHODS:
        _wrong("there is no method {0}".format(ascii(name)[:80]), _CHOOSE, "method")
    given, written = add_variables(METHODS[name], given, _read_environment), given
    variables = {option: _find_variable(option) or "" for option in given if option not in written}
    _check(name, METHODS[name], given)
    mount = str(given.pop("mount", None) or METHODS[name].mount or "").strip("/")
    if name == TOKEN:
        given = _place_of_token(given)
    taken = {key: Secret(str(value)) if key in AUTH_SECRETS else _plain(key, value) for key, value in given.items()}
    return Auth(name, taken, mount, variables)


def find_method(given: Mapping[str, Any], read: Callable[[str], Optional[str]]) -> Optional[str]:
    """Return the method if none is written: what `read` gives, else `token` unless there are options of another one."""
    if given and not set(given) <= set(METHODS[TOKEN].options()):
        return read("method")
    return TOKEN if given else read("method") or TOKEN


def add_variables(method: Method, given: Mapping[str, Any], read: Callable[[str], Optional[str]]) -> Dict[str, Any]:
    """Return the options with those that the method takes and that variables give. A group with a written option is left as it is.

    `read` returns what the variables give for an option; None or an empty text if they give nothing.
    """
    found = dict(given)
    for group in (*method.groups(), ("mount",) if method.mount else ()):
        option = next((name for name in group if read(name)), None)
        if option and not any(given.get(name) is not None for name in group):
            value = read(option)
            found[option] = os.path.join("~", value or "") if option.endswith(FROM_FILE) else value
    return found


def _find_variable(option: str) -> Optional[str]:
    return find_variable(ENVIRONMENT.get("{0}.{1}".format(AUTH, option), ()), os.environ)


def _read_environment(option: str) -> Optional[str]:
    variable = _find_variable(option)
    return os.environ[variable] if variable else None


def _wrong(what: str, remedy: str, part: str = "") -> NoReturn:
    raise InvalidConfiguration(what, option=name_part(AUTH, part) if part else AUTH, remedy=remedy)


def _plain(option: str, value: Any) -> Any:
    return value if option in _BOOLEANS else str(value)


def _check(name: str, method: Method, given: Mapping[str, Any]) -> None:
    allowed = "It takes: {0}.".format(", ".join(method.options()) or "nothing")
    for option, value in given.items():
        if option not in method.options():
            _wrong("the method '{0}' has no option '{1}'".format(name, option), allowed, option)
        fault = _fault(option, value)
        if fault:
            _wrong("'{0}' of the method '{1}' is {2}".format(option, name, fault), allowed, option)
    for group in method.needs + method.takes:
        alternatives = split_group(group)
        found = [option for option in alternatives if option in given]
        if len(found) > 1:
            _wrong("'{0}' and '{1}' are both given".format(*found), "Give one of them.", found[-1])
        if not found and (group in method.needs or any(_NEEDS_BESIDE.get(option) == group for option in given)):
            _wrong("the method '{0}' lacks '{1}'".format(name, "' or '".join(alternatives)), allowed)


def _fault(option: str, value: Any) -> str:
    """Return why a value does not fit the option; "" if it does."""
    if option in _BOOLEANS:
        return "" if isinstance(value, bool) else "neither true nor false"
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return "not text"
    return "empty" if value == "" else ""


def _place_of_token(given: Dict[str, Any]) -> Dict[str, Any]:
    """Return the token's source: an option or a variable, else the file of the command line."""
    if given:
        return given
    path = find_in_home(TOKEN_FILE)
    if path is None or not has_file(path, "the token file"):
        remedy = "Set 'token', 'token_file', 'token_env' or another 'method' in 'auth', set BAO_TOKEN or VAULT_TOKEN, or run 'bao login'."
        _wrong("there is no token", remedy)
    return {"token_file": TOKEN_FILE}
