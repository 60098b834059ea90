# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to Conjur through its SDK: every call of the backend uses `Connection`."""

from __future__ import annotations

from typing import Any, Callable, Iterator, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.conjur.options import (
    ACCOUNT,
    API_KEY,
    CA_CERT,
    LOGIN,
    SDK,
    URL,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_answers import Service, check_address
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_connection import ServiceConnection
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    InvalidConfiguration,
    NotFound,
    check_packages,
)

PAGE = 1000


class Connection(ServiceConnection):
    """Requests about the variables of one account."""

    def __init__(self, settings: Mapping[str, Any], warn: Callable[[str], object]) -> None:
        """Check the options. Uses no network.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        address = check_address(str(settings.get(URL) or ""))
        self.account, self._login = str(settings.get(ACCOUNT) or ""), str(settings.get(LOGIN) or "")
        for option, value in ((ACCOUNT, self.account), (LOGIN, self._login)):
            if not value:
                raise InvalidConfiguration("it is empty", option=option, remedy="See docs/integrations/backends/conjur.md.")
        service = Service("Conjur", address, API_KEY, "the privilege 'execute' on the variable")
        super().__init__(settings, warn, service, "Conjur wants an API key", "CONJUR_AUTHN_API_KEY")

    def prepare(self) -> None:
        check_packages([SDK])
        from ansible_collections.nebula.credential.plugins.module_utils.backends.conjur import client  # noqa: F401  # loaded is all

    def _open(self) -> Any:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.conjur.client import Client

        return Client(self._service, self.account, self._login, self._read_secret(), self._settings.get(CA_CERT))

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
