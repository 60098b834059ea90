# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login of a database, from the places that keep it, read again for each connection."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.options import LOGIN
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.url import Address
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import check_login, is_given, read_login
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret


class Login:
    """Reads the user name and the password."""

    def __init__(self, address: Address, settings: Mapping[str, Any], warn: Any) -> None:
        """Take the options `username` and `password`, with their files and variables.

        Raises:
            InvalidConfiguration: more than one password is configured.
        """
        check_login(settings, LOGIN)
        self._address = address
        self._settings = settings
        self._warn = warn
        if address.password is not None and is_given(settings, "password"):
            raise InvalidConfiguration("there is a password in 'url' too", option="password", remedy="Give it in one place.")

    def username(self) -> Optional[str]:
        """Return the user name: that of the options, else that of the URL, else None.

        Raises:
            As `password`.
        """
        found = read_login(self._settings, "username", self._warn)
        return self._address.username if found is None else found.expose().decode("utf-8", "surrogateescape")

    def password(self) -> Optional[Secret]:
        """Return the password, or None if there is none.

        Raises:
            InvalidConfiguration: the environment variable is not set, or the file is empty.
            InsecurePermissions: others can read the file.
            StorageError: the file cannot be read.
        """
        found = read_login(self._settings, "password", self._warn)
        return self._address.password if found is None else found
