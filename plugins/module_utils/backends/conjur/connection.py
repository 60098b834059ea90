# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to Conjur through its SDK: every call of the backend uses `Connection`."""

from __future__ import annotations

from typing import Any, Callable, Iterator, List, Mapping, Optional, TypeVar
from urllib.parse import urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.backends.conjur.options import (
    ACCOUNT,
    API_KEY,
    CA_CERT,
    LOGIN,
    SDK,
    URL,
)
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
PAGE = 1000


class Connection:
    """Requests about the variables of one account. Threads may share it. Opens nothing until the first request."""

    def __init__(self, settings: Mapping[str, Any], warn: Callable[[str], object]) -> None:
        """Check the options. Uses no network.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        self._settings, self._warn = settings, warn
        self.address = check_address(str(settings.get(URL) or ""))
        self.account, self._login = str(settings.get(ACCOUNT) or ""), str(settings.get(LOGIN) or "")
        for option, value in ((ACCOUNT, self.account), (LOGIN, self._login)):
            if not value:
                raise InvalidConfiguration("it is empty", option=option, remedy="See docs/integrations/backends/conjur.md.")
        check_login(settings, (API_KEY,))
        if not is_given(settings, API_KEY):
            remedy = "Give it in 'api_key_file' or 'api_key_env', or set CONJUR_AUTHN_API_KEY."
            raise InvalidConfiguration("Conjur wants an API key", option=API_KEY, remedy=remedy)
        if settings.get(CA_CERT):
            readable_path(CA_CERT, settings[CA_CERT])
        self._service = Service("Conjur", self.address, API_KEY, "the privilege 'execute' on the variable")
        self._client = ProcessClient(self._open)

    def prepare(self) -> None:
        """Load the SDK.

        Raises:
            MissingLibrary: it is not installed.
        """
        check_packages([SDK])
        from ansible_collections.nebula.credential.plugins.module_utils.backends.conjur import client  # noqa: F401  # loaded is all

    def _open(self) -> Any:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.conjur.client import Client

        key = read_login(self._settings, API_KEY, self._warn)
        key_text = key.expose().decode("utf-8").strip() if key else ""
        return Client(self._service, self.account, self._login, key_text, self._settings.get(CA_CERT))

    def read(self, variable: str) -> Optional[bytes]:
        """Return the value of a variable; None if there is none."""
        try:
            found: Mapping[str, bytes] = self._call(lambda client: client.read_many([variable]))
        except NotFound:
            return None
        return found[variable]

    def read_many(self, variables: List[str]) -> Optional[Mapping[str, bytes]]:
        """Return the values of variables; None if Conjur refuses them because of some."""
        if not variables:
            return {}
        try:
            found: Mapping[str, bytes] = self._call(lambda client: client.read_many(variables))
        except (NotFound, AccessDenied):
            return None
        return found

    def list_variables(self) -> Iterator[str]:
        """Yield the ids of the variables that the login may see, page by page."""
        offset = 0
        while True:
            page = self._list_page(offset)
            yield from page
            if len(page) < PAGE:
                return
            offset += PAGE

    def _list_page(self, offset: int) -> List[str]:
        found: List[str] = self._call(lambda client: client.list_variables(PAGE, offset))
        return found

    def check_login(self) -> None:
        """Log in, and make one request."""
        self._call(lambda client: client.list_variables(1, 0))

    @repeat_in_listings
    def _call(self, request: Callable[[Any], Answer]) -> Answer:
        """Make a request. After a refused login the key is read anew, and the request repeated once: a file may have been renewed."""
        client = self._client.get()
        server = host_and_port(urlsplit(self.address))
        try:
            return call_in_time(lambda: request(client), server)
        except LoginFailed:
            renewed = self._client.renew(client)
            return call_in_time(lambda: request(renewed), server)

    def close(self) -> None:
        """Forget the login. May be called twice; another request logs in anew."""
        self._client.close()
