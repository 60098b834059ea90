# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to a Connect server through its SDK: every call of the backend uses `Connection`."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping, Optional, TypeVar
from urllib.parse import urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.backends.onepassword.items import Item
from ansible_collections.nebula.credential.plugins.module_utils.backends.onepassword.options import CA_CERT, SDK, TOKEN, URL, VAULT
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import check_login, is_given, read_login
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_answers import Service, check_address
from ansible_collections.nebula.credential.plugins.module_utils.context.bounded_call import call_in_time
from ansible_collections.nebula.credential.plugins.module_utils.context.listing_requests import repeat_in_listings
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    InvalidConfiguration,
    LoginFailed,
    NotFound,
    check_packages,
)
from ansible_collections.nebula.credential.plugins.module_utils.network.process_client import ProcessClient
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import host_and_port, readable_path

Answer = TypeVar("Answer")


class Connection:
    """Requests about the items of one vault. Threads may share it. Opens nothing until the first request."""

    def __init__(self, settings: Mapping[str, Any], warn: Callable[[str], object]) -> None:
        """Check the options. Uses no network.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        self._settings, self._warn = settings, warn
        self.address, self.vault = check_address(str(settings.get(URL) or "")), str(settings.get(VAULT) or "")
        if not self.vault:
            raise InvalidConfiguration("it is empty", option=VAULT, remedy="Write the name of a vault, or its id.")
        check_login(settings, (TOKEN,))
        if not is_given(settings, TOKEN):
            remedy = "Give it in 'token_file' or 'token_env', or set OP_CONNECT_TOKEN."
            raise InvalidConfiguration("the Connect server wants an access token", option=TOKEN, remedy=remedy)
        if settings.get(CA_CERT):
            readable_path(CA_CERT, settings[CA_CERT])
        self._service = Service("1Password Connect", self.address, TOKEN, "the vault, to read")
        self._client = ProcessClient(self._open)
        self._vault_id: Optional[str] = None

    def prepare(self) -> None:
        """Load the SDK.

        Raises:
            MissingLibrary: it is not installed.
        """
        check_packages([SDK])
        from ansible_collections.nebula.credential.plugins.module_utils.backends.onepassword import client  # noqa: F401  # loaded is all

    def _open(self) -> Any:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.onepassword.client import Client

        token = read_login(self._settings, TOKEN, self._warn)
        return Client(self._service, token.expose().decode("utf-8").strip() if token else "", self._settings.get(CA_CERT))

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

    @repeat_in_listings
    def _call(self, request: Callable[[Any], Answer]) -> Answer:
        """Make a request. After a refused token it is read anew, and the request repeated once: a file may have been renewed."""
        client = self._client.get()
        server = host_and_port(urlsplit(self.address))
        try:
            return call_in_time(lambda: request(client), server)
        except LoginFailed:
            renewed = self._client.renew(client)
            return call_in_time(lambda: request(renewed), server)

    def close(self) -> None:
        """Close the connections. May be called twice; another request opens new ones."""
        self._client.close()
