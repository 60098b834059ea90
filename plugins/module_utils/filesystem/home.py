# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The home directory, which a user of a container may not have: a user id without a passwd entry, and no HOME.

Python then leaves `~` as it is, so that the path is one of the current directory. Every `~` of the collection is resolved here.
"""

from __future__ import annotations

import os
from typing import Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration


def expand_home(path: str, option: Optional[str] = None) -> str:
    """Return `path` with `~` or `~user` at its beginning resolved. A path without one is returned as it is.

    Args:
        path: the path.
        option: the option that it is the value of, for the error.

    Raises:
        InvalidConfiguration: there is no such home directory.
    """
    found = find_in_home(path)
    if found is None:
        user = path.split("/", 1)[0][1:]
        whose = "user '{0}'".format(user) if user else "user id {0}".format(os.geteuid())
        raise InvalidConfiguration(
            "{0} cannot be resolved: {1} has no home directory".format(path, whose),
            option=option,
            remedy="Set HOME to a directory of this user that can be written (XDG_CONFIG_HOME is enough for keys), or write a whole path.",
        )
    return found


def find_in_home(path: str, environment: Optional[Mapping[str, str]] = None) -> Optional[str]:
    """Return `path` with `~` resolved; None if there is no such home directory.

    Args:
        path: the path.
        environment: has HOME in the place of this process's environment. A HOME that is empty or relative is none.
    """
    if not path.startswith("~"):
        return path
    home = (os.environ if environment is None else environment).get("HOME")
    if home is not None and (path == "~" or path.startswith("~/")):
        return (home.rstrip("/") + path[1:]) or "/" if os.path.isabs(home) else None
    found = os.path.expanduser(path)
    return found if os.path.isabs(found) else None


def resolve_path(path: str, option: str) -> str:
    """Return the path that an option names, with its environment variables and its `~` resolved.

    Raises:
        InvalidConfiguration: there is no such home directory, or the variable at its beginning is not set.
    """
    expanded = os.path.expandvars(path)
    if path.startswith("$") and expanded.startswith("$"):
        variable = "the environment variable at the beginning of {0} is not set".format(ascii(path))
        raise InvalidConfiguration(variable, option=option, remedy="Set it, or write a whole path.")
    return expand_home(expanded, option)
