# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the configuration file `nebula.yml`, and check who can change it. It decides where new secrets go."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home, find_in_home
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import check_not_open_to_all

FILE_NAME = "nebula.yml"
CONFIG_ENVIRONMENT = "NEBULA_CREDENTIAL_CONFIG"
EXTENSIONS = "extensions"
"""The key of the file that lists what may be loaded of other parties."""
ROLE = "the configuration file"


class OutOfReach(InvalidConfiguration):
    """A directory that may hold the file cannot be entered. Without the file another store might be used."""


def find_configuration(environment: Mapping[str, str], ansible_cfg: str | None) -> str | None:
    """Return the path of the file; None if there is none. NEBULA_CREDENTIAL_CONFIG wins, then a file next to ansible.cfg, then one at home.

    Raises:
        InvalidConfiguration: NEBULA_CREDENTIAL_CONFIG names no file.
        OutOfReach: it cannot be known whether there is one.
    """
    named = environment.get(CONFIG_ENVIRONMENT)
    if named:
        path = expand_home(named, CONFIG_ENVIRONMENT)
        if not _is_file(path) and not is_pipe(path):
            raise InvalidConfiguration("there is no file {0}".format(path), option=CONFIG_ENVIRONMENT, remedy="Correct or unset it.")
        return path
    beside = os.path.join(os.path.dirname(ansible_cfg), FILE_NAME) if ansible_cfg else None
    home = find_in_home(os.path.join("~", ".nebula", FILE_NAME), environment)
    return next((path for path in (beside, home) if path is not None and _is_file(path)), None)


def find_unused(used: str | None) -> str | None:
    """Return the path of a configuration file in the current directory that is not the one in use, or None."""
    try:
        here = os.stat(FILE_NAME)
        is_other = used is None or not os.path.samestat(here, os.stat(used))
    except OSError:
        return None  # There is none that this user could read.
    return os.path.abspath(FILE_NAME) if is_other and stat.S_ISREG(here.st_mode) else None


def check_who_can_change(path: str) -> None:
    """Check that not everyone can change the file, or replace it.

    Raises:
        InsecurePermissions: everyone can.
        StorageError: it cannot be examined.
    """
    check_not_open_to_all(path, ROLE, Display().warning)


def is_pipe(path: str) -> bool:
    """Return True if `path` is a pipe, as the shell makes it for `<(command)`: it can be read once."""
    return stat.S_ISFIFO(_read_mode(path))


def place_of_paths(path: str) -> str:
    """Return the file whose directory the configuration's relative paths start at: of a pipe, one in the current directory."""
    return os.path.join(os.getcwd(), FILE_NAME) if is_pipe(path) else path


def _is_file(path: str) -> bool:
    return stat.S_ISREG(_read_mode(path))


def _read_mode(path: str) -> int:
    """Return the mode of what is at `path`; 0 if nothing is."""
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        what = "whether there is a file {0} cannot be known: {1}".format(path, os.strerror(error.errno or 0))
        remedy = "Let this user enter its directory, set HOME to another one, or name a file in {0}.".format(CONFIG_ENVIRONMENT)
        raise OutOfReach(what, option=FILE_NAME, remedy=remedy) from None


def check_extensions(path: str, names: Any) -> tuple[str, ...]:
    """Return what the file lists of other parties' code that a run may load.

    Raises:
        InvalidConfiguration: it is not a list of names.
    """
    if names is None:
        return ()
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        what = "'{0}' in {1} is not a list of names".format(EXTENSIONS, path)
        raise InvalidConfiguration(
            what, option=EXTENSIONS, remedy="Write a list of names: namespace.collection.name, or that of an entry point."
        )
    return tuple(str(name) for name in names)
