# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The password for a database, from the place that keeps it, read again for each connection."""

from __future__ import annotations

import os
from typing import Any, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.url import Address
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import check_private_file
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import SECRET_FILE, read_file
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

_PLACES = ("password", "password_file", "password_env")


class Login:
    """Reads the password."""

    def __init__(self, address: Address, settings: Mapping[str, Any], warn: Any) -> None:
        """Take the options of `OPTIONS`.

        Raises:
            InvalidConfiguration: more than one password is configured.
        """
        self._warn = warn
        self._inline = address.password
        given = [place for place in _PLACES if settings.get(place) is not None]
        if len(given) + (self._inline is not None) > 1:
            places = " and ".join("'{0}'".format(place) for place in [*(["url"] if self._inline else []), *given])
            raise InvalidConfiguration("there is a password in {0}".format(places), option=given[-1], remedy="Give it in one place.")
        if settings.get("password") is not None:
            self._inline = Secret(str(settings["password"]))
        self._file: Optional[str] = settings.get("password_file")
        self._variable: Optional[str] = settings.get("password_env")

    def password(self) -> Optional[Secret]:
        """Return the password, or None if there is none.

        Raises:
            InvalidConfiguration: the environment variable is not set.
            InsecurePermissions: others can read the file.
            StorageError: the file cannot be read.
        """
        if self._file is not None:
            return self._from_file(os.path.abspath(expand_home(self._file, "password_file")))
        if self._variable is None:
            return self._inline
        value = os.environ.get(self._variable)
        if value is None:
            raise InvalidConfiguration(
                "the environment has no variable {0}".format(ascii(self._variable)),
                option="password_env",
                remedy="Set it, or name another.",
            )
        return Secret(value)

    def _from_file(self, path: str) -> Secret:
        check_private_file(path, "the password file", self._warn)
        with translated("the password file", path, writing=False):
            return Secret(read_file(path, SECRET_FILE).rstrip(b"\r\n"))
