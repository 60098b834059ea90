# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials as secrets of a folder of Secret Server, by their paths below it. The layout is in docs/integrations/backends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Iterable, Iterator, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.delinea.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.delinea.options import TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_reader import Entry, ServiceReader
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, CredentialError

VERSION = "current"
"""The version of every value: Secret Server states none with a secret."""

HIDDEN = "*** Not Valid For Display ***"
"""What Secret Server writes in place of a value that it does not show."""


class Delinea(ServiceReader):
    """The secrets of one folder, and of those below it."""

    capabilities = replace(ServiceReader.capabilities, batch_get=False)
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
        return self.read_entries([name]).get(name)

    def read_entries(self, names: Iterable[str]) -> Dict[str, Entry]:
        """Return entries by name, each by one request. Of those that are refused, a list says which are denied; the others are missing."""
        wanted, read, parallelism = list(names), self._connection.read, self.context.parallelism
        answers = dict(zip(wanted, map(read, wanted) if parallelism is None else parallelism.map(wanted, read)))
        refused = {name: answer for name, answer in answers.items() if isinstance(answer, CredentialError)}
        listed = {name for name, _entry in self.list_entries()} if refused else set()
        for name, refusal in refused.items():
            if name in listed and isinstance(refusal, AccessDenied):
                raise refusal
        found = ((name, answer) for name, answer in answers.items() if not isinstance(answer, CredentialError))
        return {name: Entry(VERSION, _read_fields(name, secret)) for name, secret in found if _is_named(secret, name)}

    def list_entries(self) -> Iterator[Tuple[str, Entry]]:
        for name, _secret in self._connection.list_secrets():
            yield name, Entry(VERSION)

    def check_health(self) -> None:
        self._connection.look_up_folder()

    def location(self) -> str:
        return "secret server {0} {1}".format(self._connection.address, self._connection.folder)

    def locate(self, name: str) -> Dict[str, str]:
        return {"folder": self._connection.folder, "secret": name}


def _is_named(secret: Mapping[str, Any], name: str) -> bool:
    """Return True if a secret is the one of this name: paths of Secret Server do not differ by case. One that is not active is removed."""
    return bool(secret["name"] == name.rpartition("/")[2] and secret.get("active") is not False)


def _read_fields(name: str, secret: Mapping[str, Any]) -> Dict[str, str]:
    """Return the values of a secret by the slugs of its fields. Empty ones and files are left out.

    Raises:
        AccessDenied: Secret Server keeps the value of a field from this login. Without it another field would stand in for the password.
    """
    given = [item for item in secret["items"] if item.get("itemValue") not in (None, "") and not item.get("isFile")]
    for item in given:
        if item["itemValue"] == HIDDEN:
            what = "Secret Server does not show the value of its field {0} to this login".format(ascii(item["slug"]))
            raise AccessDenied(what, name=name, remedy="Grant it the right to see the value, or switch off that the template hides it.")
    return {item["slug"]: str(item["itemValue"]) for item in given}
