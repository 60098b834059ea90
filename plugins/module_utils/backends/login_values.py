# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The value of an option of a login: written in the store, in a file (`<option>_file`), or in a variable (`<option>_env`)."""

from __future__ import annotations

import os
from typing import Any, Callable, Iterable, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import FROM_FILE, FROM_VARIABLE
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import check_private_file
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

_LONGEST = 65536


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
    with translated(role, path, writing=False), open(path, "rb") as file:
        content = file.read(_LONGEST).rstrip(b"\r\n")
    if not content:
        raise InvalidConfiguration("{0} is empty".format(path), option=option, remedy="Wait until it is written, or name another.")
    return Secret(content)
