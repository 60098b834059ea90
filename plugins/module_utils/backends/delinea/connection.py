# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to a Secret Server through its SDK: every call of the backend uses `Connection`."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Mapping, Tuple, Union

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
    CredentialError,
    InvalidConfiguration,
    NotFound,
    check_packages,
)

Secret = Mapping[str, Any]
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

    def read(self, name: str) -> Union[Secret, CredentialError]:
        """Return the secret at a path below the folder with its values, or how Secret Server refuses it.

        It refuses what is denied by the words for what there is not, so `list_secrets` has to decide.
        """
        path = "{0}/{1}".format(self.folder, name)
        try:
            found: Secret = self._call(lambda client: client.read_secret(path))
        except (NotFound, AccessDenied) as refusal:
            return refusal
        return found

    def list_secrets(self) -> Iterator[Tuple[str, Secret]]:
        """Yield the secrets that the login may see by their paths below the folder, page by page, without values.

        Raises:
            AccessDenied: the login sees no such folder.
        """
        top = self.look_up_folder()
        places, seen, total = find_places(top), 0, 1
        while seen < total:
            page, total = self._list_page(top["id"], seen)
            for secret in page:
                if secret["folderId"] in places:
                    yield places[secret["folderId"]] + secret["name"], secret
            seen += len(page) or total

    def _list_page(self, folder: int, skip: int) -> Tuple[List[Secret], int]:
        found: Tuple[List[Secret], int] = self._call(lambda client: client.list_secrets(folder, skip, PAGE))
        return found

    def look_up_folder(self) -> Mapping[str, Any]:
        """Return the folder as it is now, with those below it.

        Raises:
            AccessDenied: the login sees no such folder.
        """
        try:
            found: Mapping[str, Any] = self._call(lambda client: client.read_folder(self.folder))
        except (NotFound, AccessDenied):
            what = "this login sees no folder {0}".format(ascii(self.folder))
            raise AccessDenied(what, option=FOLDER, remedy="Name a folder of Secret Server that the login may see.") from None
        return found


def find_places(top: Mapping[str, Any]) -> Dict[int, str]:
    """Return how the names of secrets begin, by the id of their folder: with nothing for the top, with `Shop/` for a folder below it."""
    places = {top["id"]: ""}
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        children = folder.get("childFolders")
        for child in children if isinstance(children, list) else ():
            if isinstance(child, dict) and isinstance(child.get("id"), int) and child["id"] not in places:
                places[child["id"]] = "{0}{1}/".format(places[folder["id"]], child.get("folderName"))
                waiting.append(child)
    return places
