# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to a Connect server through its SDK: every call of the backend uses `Connection`."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.onepassword.items import Item
from ansible_collections.nebula.credential.plugins.module_utils.backends.onepassword.options import CA_CERT, SDK, TOKEN, URL, VAULT
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_answers import Service, check_address
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_connection import ServiceConnection
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    InvalidConfiguration,
    NotFound,
    check_packages,
)


class Connection(ServiceConnection):
    """Requests about the items of one vault."""

    def __init__(self, settings: Mapping[str, Any], warn: Callable[[str], object]) -> None:
        """Check the options. Uses no network.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        address, self.vault = check_address(str(settings.get(URL) or "")), str(settings.get(VAULT) or "")
        if not self.vault:
            raise InvalidConfiguration("it is empty", option=VAULT, remedy="Write the name of a vault, or its id.")
        service = Service("1Password Connect", address, TOKEN, "the vault, to read")
        super().__init__(settings, warn, service, "the Connect server wants an access token", "OP_CONNECT_TOKEN")
        self._vault_id: Optional[str] = None

    def prepare(self) -> None:
        check_packages([SDK])
        from ansible_collections.nebula.credential.plugins.module_utils.backends.onepassword import client  # noqa: F401  # loaded is all

    def _open(self) -> Any:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.onepassword.client import Client

        return Client(self._service, self._read_secret(), self._settings.get(CA_CERT))

    def list_items(self, title: Optional[str] = None) -> Iterator[Item]:
        """Yield the items of the vault, or those of one title, without their values."""
        wanted = None if title is None else 'title eq "{0}"'.format(title)
        vault = self.find_vault()
        yield from self._call(lambda client: client.list_items(vault, wanted))

    def read_item(self, item_id: str) -> Optional[Item]:
        """Return an item with its values; None if there is none of this id."""
        vault = self.find_vault()
        try:
            found: Item = self._call(lambda client: client.read_item(vault, item_id))
        except NotFound:
            return None
        return found

    def find_vault(self) -> str:
        """Return the id of the vault. It is looked up once."""
        if self._vault_id is None:
            self._vault_id = self.look_up_vault()
        return self._vault_id

    def look_up_vault(self) -> str:
        """Return the id of the vault as the server has it now.

        Raises:
            AccessDenied: the token opens no vault of that name, or several.
        """
        found = [each for each in self._call(lambda client: client.list_vaults()) if self.vault in (each["name"], each["id"])]
        if len(found) != 1:
            what = "this token opens {0} vaults named {1}".format(len(found) or "no", ascii(self.vault))
            raise AccessDenied(what, option=VAULT, remedy="Name a vault that the token was given, by its id if two have the name.")
        return str(found[0]["id"])
