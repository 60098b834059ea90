# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SDK of Secret Server with the time limits, the trusted authorities and the proxies of this collection. Loads the SDK.

The SDK makes its requests by the module `requests` itself. So each client has a copy of the SDK's module of its own, in which that name
is a session of this collection: bounded in time and size, without the user's files, and a login is sent to no other host.
"""

from __future__ import annotations

import json
import threading
from types import ModuleType
from typing import Any, Callable, List, Mapping, Optional, Tuple, TypeVar

from ansible_collections.nebula.credential.plugins.module_utils.backends.service_answers import (
    Service,
    describe_refusal,
    describe_unreachable,
    junk_error,
    read_json,
    read_mappings,
)
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    NotFound,
    StorageError,
)
from ansible_collections.nebula.credential.plugins.module_utils.network.exception_chain import exception_chain
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls

try:
    from delinea.secrets import server
    from requests import RequestException, Timeout
except ImportError:  # `connection` reports the missing package before anything here is used.
    server = None

Secret = Mapping[str, Any]
Answer = TypeVar("Answer")
TOKEN_PATH = "/oauth2/token"


class Client:
    """A login at a Secret Server."""

    def __init__(self, service: Service, login: Mapping[str, str], ca_file: Optional[str]) -> None:
        """Open nothing yet.

        Args:
            service: the service.
            login: `username`, `password` and, if it is a directory's user, `domain`.
            ca_file: a file with the trusted authority; None for those of the system.

        Raises:
            InvalidConfiguration: `ca_cert` holds no certificate.
        """
        self._service, self._login = service, login
        self._http = HttpClient(Tls(ca_file=ca_file))
        self._http.session.hooks["response"].append(self._check)
        self._module = _copy_sdk(self._http.session)
        self._logging_in = threading.Lock()
        self._renew()

    def _renew(self) -> None:
        """Begin without a token. The SDK would find out by two more requests what kind of server it is; this backend is for one kind."""
        authorizer = self._module.PasswordGrantAuthorizer(self._service.address, token_path_uri=TOKEN_PATH, **self._login)
        authorizer._server_type = "secret_server"  # the SDK has no other way to say it
        self._authorizer = authorizer
        self._sdk = self._module.SecretServer(self._service.address, authorizer)

    def read_secret(self, path: str) -> Secret:
        """Return a secret with its values.

        Raises:
            NotFound, AccessDenied: there is none at this path, or the login may not read it.
        """
        found = self._call(lambda: self._sdk.get_secret_by_path(path, fetch_file_attachments=False))
        secret = read_mappings(self._service, [found], "name")[0]
        read_mappings(self._service, secret.get("items"), "slug")
        return secret

    def read_folder(self, path: str) -> Mapping[str, Any]:
        """Return a folder with all folders below it.

        Raises:
            NotFound, AccessDenied: there is none at this path, or the login may not see it.
        """
        found = self._call(lambda: self._sdk.get_folder_by_path(path, get_all_children=True))
        return self._check_numbers([found], "id")[0]

    def list_secrets(self, folder: int, skip: int, take: int) -> Tuple[List[Secret], int]:
        """Return a page of the secrets of a folder and of those below it, without values, and how many there are on all pages."""
        query = {"filter.folderId": folder, "filter.includeSubFolders": "true", "skip": skip, "take": take}
        found = self._check_numbers([self._call(lambda: json.loads(self._sdk.search_secrets(query)))], "total")[0]
        records = read_mappings(self._service, found.get("records"), "name")
        return self._check_numbers(records, "folderId"), int(found["total"])

    def _check_numbers(self, found: List[Any], key: str) -> List[Secret]:
        """Return mappings that have a number under a key. Raises StorageError if they are something else."""
        if not all(isinstance(each, dict) and isinstance(each.get(key), int) for each in found):
            raise junk_error(self._service)
        return found

    def _call(self, request: Callable[[], Answer]) -> Answer:
        """Make a request with a token. The SDK's errors hold what the server said, so none is chained."""
        try:
            with deadline.hold(self._logging_in):
                self._log_in()
            return request()
        except CredentialError:
            raise
        except Timeout:
            raise deadline.timeout_error(server=self._service.address) from None
        except ValueError:  # among them what is no JSON, and a header or an address that cannot be
            raise junk_error(self._service) from None
        except (RequestException, OSError) as problem:
            raise describe_unreachable(self._service, tuple(exception_chain(problem))) from None
        except Exception:  # noqa: BLE001  # what the SDK makes of an answer of another shape, and redirects that are not followed
            raise junk_error(self._service) from None

    def _log_in(self) -> None:
        """Have the SDK get a token if it has none, or an old one. It would keep whatever it got."""
        is_grant = False
        try:
            self._authorizer.get_access_token()
            is_grant = _is_grant(self._authorizer.access_grant)
        finally:
            if not is_grant:
                self._renew()
        if not is_grant:
            raise junk_error(self._service)

    def _check(self, response: Any, **_settings: Any) -> None:
        """Raise the error for a status that is none of success: the SDK's own errors leave it out, and how long to wait."""
        status = response.status_code
        if status < 400:
            return
        problem = self._read_problem(response.content) if status in (400, 403, 404) else {}
        if response.request.method == "POST" and status in (400, 403) and problem.get("error"):
            raise describe_refusal(self._service, 401)
        code = str(problem.get("errorCode") or "")
        if status == 404 and (code or "message" in problem):
            raise NotFound("{0} has nothing there".format(self._service.address))
        if status in (400, 403) and code.startswith("API_"):
            what = "{0} denies it to this login, or wants more than a login".format(self._service.address)
            remedy = "Grant it {0}. Secrets that want a comment, an approval or a check-out cannot be read.".format(self._service.right)
            raise AccessDenied(what, remedy=remedy)
        raise describe_refusal(self._service, status, response.headers.get("Retry-After"))

    def _read_problem(self, content: bytes) -> Mapping[str, Any]:
        try:
            found = read_json(self._service, content)
        except StorageError:
            return {}
        return found if isinstance(found, dict) else {}

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _is_grant(found: Any) -> bool:
    """Return True for a token that a header can hold, with its time."""
    if not isinstance(found, dict) or not isinstance(found.get("expires_in"), (int, float)):
        return False
    token = found.get("access_token")
    return isinstance(token, str) and token.isascii() and token.isprintable()


def _copy_sdk(session: Any) -> ModuleType:
    """Return a copy of the SDK's module that makes its requests by a session."""
    found: Any = server.__spec__
    module = ModuleType(found.name)
    found.loader.exec_module(module)
    module.requests = session  # type: ignore[attr-defined]
    return module
