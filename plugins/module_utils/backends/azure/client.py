# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to one vault through the SDK's client: its login, challenge and checks, without its repeats and redirects.

Import this at the first request, because the SDK takes a third of a second to import.
"""

from __future__ import annotations

import threading
from typing import Any, Mapping, Optional
from urllib.parse import quote, urlencode, urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.backends.azure import errors as failures
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.errors import Answer, Asked
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.login import build_credential, check_installed
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.server import Address
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, MissingLibrary
from ansible_collections.nebula.credential.plugins.module_utils.logins.entra import build_transport, describe_failure
from ansible_collections.nebula.credential.plugins.module_utils.network.exception_chain import exception_chain
from ansible_collections.nebula.credential.plugins.module_utils.network.http import USER_AGENT, HttpClient
from ansible_collections.nebula.credential.plugins.module_utils.network.http_deadline import PROGRESS
from ansible_collections.nebula.credential.plugins.module_utils.network.http_failures import seconds_to_wait
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls

try:
    from azure.core.exceptions import AzureError
    from azure.core.rest import HttpRequest
    from azure.keyvault.secrets import SecretClient
except ImportError:
    pass  # `check_installed` reports it.


class Client:
    """A client of one vault under one login. Threads may share it, processes may not."""

    def __init__(self, settings: Mapping[str, Any], address: Address, version: str, warn: Any) -> None:
        """Read the login. Opens no connection.

        Raises:
            MissingLibrary: the SDK is not installed.
            InvalidConfiguration, LoginFailed: a part of the login cannot be used.
        """
        check_installed()
        self._address = address
        self._http = HttpClient(Tls(ca_file=settings.get("ca_cert")))
        self._login = build_credential(settings, address, self._http.session, warn)
        self._starting = threading.Lock()
        self._started = False
        try:
            self._client = SecretClient(
                address.url,
                self._login,  # type: ignore[arg-type]  # the newer of the two protocols that the SDK takes
                api_version=version,
                transport=build_transport(self._http.session),
                retry_total=0,
                permit_redirects=False,
                user_agent=USER_AGENT,
            )
        except NotImplementedError:
            raise MissingLibrary("the installed SDK has no such version", option="api_version", remedy="Upgrade it.") from None

    def send(self, asked: Asked, method: str, path: str, body: Optional[Mapping[str, Any]], query: Mapping[str, str]) -> Answer:
        """Send one request. Return any response.

        Args:
            asked: what it is, for errors.
            method: of HTTP.
            path: from the root, or the whole address of a further page.
            body: JSON to send.
            query: parameters.

        Raises:
            Timeout, Unavailable, StorageError: there was no response, or none from this vault.
            LoginFailed: there is no login.
        """
        if path.startswith("https:"):
            self._check_host(path)
            url = path
        else:
            url = quote(path) + ("?" + urlencode(query) if query else "")
        request = HttpRequest(method, url, json=body, headers={"Accept": "application/json"})
        if self._started:
            return self._send(asked, request)
        with self._starting:  # the first request receives the challenge, which all others then know
            answer = self._send(asked, request)
            self._started = True
            return answer

    def _check_host(self, url: str) -> None:
        """Check that a further page is on the same vault: the request carries the token."""
        there, here = urlsplit(url), urlsplit(self._address.url)
        if (there.hostname, there.port or 443) != (here.hostname, here.port or 443):
            raise failures.no_vault(self._address.host)

    def _send(self, asked: Asked, request: Any) -> Answer:
        if deadline.is_over():
            raise deadline.timeout_error()
        PROGRESS.sent = False
        try:
            return _answer_of(self._client.send_request(request))
        except CredentialError:
            raise
        except (AzureError, ValueError, OSError) as problem:
            raise self._describe(problem, asked) from None

    def _describe(self, problem: BaseException, asked: Asked) -> CredentialError:
        for cause in exception_chain(problem):
            if isinstance(cause, CredentialError):
                return cause
        if isinstance(problem, ValueError) and not isinstance(problem, UnicodeError):
            # The SDK compares the resource of the challenge with the address.
            return failures.foreign_resource(self._address.host)
        return describe_failure(problem, self._address.host, outcome_unknown=PROGRESS.sent and asked.writing)

    def close(self) -> None:
        """Close the connections and forget the login."""
        self._login.close()
        self._http.close()


def _answer_of(response: Any) -> Answer:
    """Return the content of a response. Key Vault sends only JSON objects; proxies in front of it send others."""
    try:
        body = read_json(response.content)
    except ValueError:
        body = None
    known = body if isinstance(body, dict) else {}
    return Answer(response.status_code, known, seconds_to_wait(response.headers.get("Retry-After")))
