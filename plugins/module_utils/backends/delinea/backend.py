# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials as secrets of a folder of Secret Server, by their paths below it. The layout is in docs/integrations/backends."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.delinea.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.delinea.options import TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_reader import Entry, ServiceReader

VERSION = "current"
"""The version of every value: Secret Server states none with a secret."""


class Delinea(ServiceReader):
    """The secrets of one folder, and of those below it."""

    options = TRAITS.spec
    default_retries = 3
    service = "Secret Server"

    def __init__(self, options: Mapping[str, Any], context: BackendContext) -> None:
        """Check the options. Sends nothing.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        super().__init__(options, context)
        self._connection: Connection = Connection(options, context.warn)

    def read_entry(self, name: str) -> Optional[Entry]:
        secret = self._connection.read(name)
        return None if secret is None else Entry(VERSION, _read_fields(secret))

    def list_entries(self) -> Iterator[Tuple[str, Entry]]:
        for name, _secret in self._connection.list_secrets():
            yield name, Entry(VERSION)

    def check_health(self) -> None:
        self._connection.check_login()

    def location(self) -> str:
        return "secret server {0} {1}".format(self._connection.address, self._connection.folder)

    def locate(self, name: str) -> Dict[str, str]:
        return {"folder": self._connection.folder, "secret": name}


def _read_fields(secret: Mapping[str, Any]) -> Dict[str, str]:
    """Return the values of a secret by the slugs of its fields. Empty ones and files are left out."""
    given = [item for item in secret["items"] if item.get("itemValue") not in (None, "") and not item.get("isFile")]
    return {item["slug"]: str(item["itemValue"]) for item in given}
