# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to a Secret Server through its SDK: every call of the backend uses `Connection`."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.delinea.options import (
    CA_CERT,
    DOMAIN,
    FOLDER,
    PASSWORD,
    REQUESTS,
    SDK,
    URL,
    USERNAME,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_answers import Service, check_address
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_connection import ServiceConnection
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    InvalidConfiguration,
    NotFound,
    check_packages,
)

PAGE = 500


class Connection(ServiceConnection):
    """Requests about the secrets of one folder, and of those below it."""

    def __init__(self, settings: Mapping[str, Any], warn: Callable[[str], object]) -> None:
        """Check the options. Uses no network.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        address, self._username = check_address(str(settings.get(URL) or "")), str(settings.get(USERNAME) or "")
        self.folder = "/".join(part for part in str(settings.get(FOLDER) or "").replace("\\", "/").split("/") if part)
        for option, value in ((USERNAME, self._username), (FOLDER, self.folder)):
            if not value:
                raise InvalidConfiguration("it is empty", option=option, remedy="See docs/integrations/backends/delinea.md.")
        service = Service("Secret Server", address, PASSWORD, "the permission 'View' for the secret")
        super().__init__(settings, warn, service, "Secret Server wants a password", "TSS_PASSWORD")

    def prepare(self) -> None:
        check_packages([SDK, REQUESTS])
        from ansible_collections.nebula.credential.plugins.module_utils.backends.delinea import client  # noqa: F401  # loaded is all

    def _open(self) -> Any:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.delinea.client import Client

        login = {"username": self._username, "password": self._read_secret()}
        if self._settings.get(DOMAIN):
            login["domain"] = str(self._settings[DOMAIN])
        return Client(self._service, login, self._settings.get(CA_CERT))

    def read(self, name: str) -> Optional[Mapping[str, Any]]:
        """Return the secret at a path below the folder, with its values; None if there is none.

        Raises:
            AccessDenied: the login may see it, and may not read it.
        """
        path = "{0}/{1}".format(self.folder, name)
        try:
            found: Mapping[str, Any] = self._call(lambda client: client.read_secret(path))
        except NotFound:
            return None
        except AccessDenied:
            # Secret Server says the same of what there is not. What a login may see is in its lists.
            if any(listed == name for listed, _secret in self.list_secrets()):
                raise
            return None
        # Its paths do not differ by case.
        return found if found["name"] == name.rpartition("/")[2] and found.get("active") is not False else None

    def list_secrets(self) -> Iterator[Tuple[str, Mapping[str, Any]]]:
        """Yield the secrets that the login may see by their paths below the folder, page by page, without values."""
        top = self._call(lambda client: client.read_folder(self.folder))
        places = find_places(top)
        skip = 0
        while True:
            page = self._list_page(top["id"], skip)
            for secret in page:
                place = places.get(secret.get("folderId"))
                if place is not None:
                    yield place + secret["name"], secret
            if len(page) < PAGE:
                return
            skip += PAGE

    def _list_page(self, folder: int, skip: int) -> Any:
        return self._call(lambda client: client.list_secrets(folder, skip, PAGE))

    def check_login(self) -> None:
        """Log in, and look up the folder."""
        self._call(lambda client: client.read_folder(self.folder))


def find_places(top: Mapping[str, Any]) -> Dict[Any, str]:
    """Return how the names of secrets begin, by the id of their folder: with nothing for the top, with `Shop/` for a folder below it."""
    places: Dict[Any, str] = {}
    waiting = [(top, "")]
    while waiting:
        folder, place = waiting.pop()
        places[folder.get("id")] = place
        below = [each for each in folder.get("childFolders") or () if isinstance(each, dict) and each.get("id") not in places]
        waiting.extend((each, "{0}{1}/".format(place, each.get("folderName"))) for each in below)
    return places
