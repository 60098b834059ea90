# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to a Vault through hvac: its client, session and adapter. Nothing is retried or redirected automatically.

Import this at the first request, because hvac takes a tenth of a second to import.
"""

from __future__ import annotations

import os
import ssl
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, Mapping, NoReturn, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import errors as failures
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.auth_options import Auth
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import HVAC
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.server import Address
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import MAX_DEPTH, TooDeep, read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import MissingLibrary, pip_install
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.exception_chain import exception_chain, why_unreachable
from ansible_collections.nebula.credential.plugins.module_utils.network.http_adapter import DeadlineAdapter, is_whole
from ansible_collections.nebula.credential.plugins.module_utils.network.http_deadline import PROGRESS, tls_context
from ansible_collections.nebula.credential.plugins.module_utils.network.http_failures import (
    CUT,
    LATE,
    NO_TLS,
    NOT_TRUSTED,
    SPEAKS_PLAIN,
    reason_of,
    seconds_to_wait,
)
from ansible_collections.nebula.credential.plugins.module_utils.network.proxies import proxies_for
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import load_client_certificate, read_authorities

try:
    import requests
    import urllib3
    from hvac import Client
    from hvac.adapters import RawAdapter
    from requests import Session
    from urllib3.exceptions import HTTPError, InsecureRequestWarning
except ImportError:
    Client = None
    RawAdapter = Session = object  # type: ignore[assignment,misc]

INSTALL = "Run: {0}".format(pip_install(HVAC))
_FOLLOWED = (307, 308)
_REDIRECTS = 3
_AROUND = 3
"""The mappings around the value of a field in a response: the response, its `data`, and the fields in that."""
_NAMESPACE = "X-Vault-Namespace"


class _Adapter(RawAdapter):  # type: ignore[misc]  # hvac has no types
    """hvac's adapter. It returns the response whatever its status, so that hvac makes no text of it."""

    def request(self, method: str, url: str, headers: Any = None, raise_exception: bool = True, **named: Any) -> Any:
        left = deadline.remaining()
        return super().request(method, url, headers=headers, raise_exception=False, timeout=(left, left), **named)


class _Session(Session):
    """Follows a standby's redirect to the active server, and no other redirect."""

    def __init__(self, address: Address) -> None:
        super().__init__()
        self._address = address
        if address.namespace:
            self.headers[_NAMESPACE] = address.namespace
        self.max_redirects = _REDIRECTS
        self.auth = _no_login

    def request(self, *arguments: Any, **named: Any) -> Any:
        """Return the response, unless it says that there is no such namespace: then a 404 is not about what was requested."""
        response = super().request(*arguments, **named)
        if response.status_code == 404 and answer_of(response).says(failures.NO_NAMESPACE):
            raise failures.no_namespace(self._address.namespace)
        return response

    def merge_environment_settings(self, url: Any, *settings: Any) -> Any:
        """Use the proxy that every client of ours uses: `requests` reads NO_PROXY otherwise than curl does."""
        return dict(super().merge_environment_settings(url, *settings), proxies=proxies_for(url))

    def rebuild_proxies(self, prepared_request: Any, proxies: Any) -> Any:
        """As above, for a redirect. The login of a proxy never goes along to a server that is reached without it."""
        prepared_request.headers.pop("Proxy-Authorization", None)
        return proxies_for(prepared_request.url)

    def get_redirect_target(self, resp: Any) -> Optional[str]:
        target = super().get_redirect_target(resp)
        return target if target and resp.status_code in _FOLLOWED and self._address.leads_to(target) else None


def _no_login(request: Any) -> Any:
    """Replace the login that ~/.netrc may hold for the host: the token is the login."""
    return request


class Transport:
    """A client of one server. Threads may share it."""

    def __init__(self, address: Address) -> None:
        """Read the certificates. Opens no connection.

        Raises:
            InvalidConfiguration: a certificate or key cannot be used.
            MissingLibrary: hvac is not installed.
        """
        if Client is None:
            raise MissingLibrary("the Python package hvac is not installed", remedy=INSTALL)
        self._url = address.url
        session = _Session(address)
        session.mount("https://", DeadlineAdapter(_context(address), address.server_name))
        session.mount("http://", DeadlineAdapter(tls_context(), None))
        session.verify = address.verify
        # Each request sends the token; the client does not hold it. An empty one keeps hvac from looking for others.
        self.client = Client(
            url=address.url,
            token="",
            cert=(),
            verify=address.verify,
            session=session,
            adapter=_Adapter,
            strict_http=True,
        )

    def send(
        self, asked: failures.Asked, token: Optional[Secret], body: Optional[Mapping[str, Any]], headers: Optional[Mapping[str, str]]
    ) -> failures.Answer:
        """Send one request. Return any response.

        Raises:
            Timeout, Unavailable, StorageError: there was no response.
            InvalidConfiguration: the server has no such namespace.
        """
        sent: Dict[str, Optional[str]] = dict(headers or {})
        if token is not None and len(token):  # An agent adds its own to a request without one.
            sent["X-Vault-Token"] = token.expose().decode("ascii")
        if asked.method == "PATCH":
            sent.setdefault("Content-Type", "application/merge-patch+json")
        named = {} if body is None else {"json": body}
        with in_our_words(self._url, writing=asked.writing):
            return answer_of(self.client.adapter.request(asked.method, "/v1/" + asked.path, headers=sent, **named))

    def read_health(self, path: str) -> failures.Answer:
        """Return the response of `sys/health`, which servers have in no namespace.

        Raises:
            Timeout, Unavailable, StorageError: there was no response.
        """
        with in_our_words(self._url, writing=False):
            return answer_of(self.client.adapter.request("GET", "/v1/" + path, headers={_NAMESPACE: None}))

    def log_in(self, method: Callable[[Any, Auth], Any], auth: Auth) -> failures.Answer:
        """Log in by one of `auth_methods.LOGINS`. Return any response.

        Raises:
            Timeout, Unavailable, StorageError: there was no response.
            LoginFailed, InvalidConfiguration, MissingLibrary: the login's values are missing or unusable, or there is no such namespace.
        """
        with in_our_words(self._url, writing=False):
            return answer_of(method(self.client, auth))

    def close(self) -> None:
        """Close the connections."""
        self.client.adapter.close()


def answer_of(response: Any) -> failures.Answer:
    """Return the content of a `requests.Response`.

    Raises:
        requests.ConnectionError: it was cut off: the standard library takes a cut within the headers for their end.
    """
    if not is_whole(response):
        raise requests.ConnectionError
    try:
        body, too_deep = read_json(response.content, MAX_DEPTH + _AROUND) if response.content else None, False
    except ValueError as problem:
        body, too_deep = None, isinstance(problem, TooDeep)
    known = body if isinstance(body, dict) else None
    return failures.Answer(response.status_code, known, seconds_to_wait(response.headers.get("Retry-After")), too_deep)


def _context(address: Address) -> ssl.SSLContext:
    context = tls_context()
    if address.verify is False:
        context.check_hostname = False
        urllib3.disable_warnings(InsecureRequestWarning)  # The store gave a warning when it was opened.
    if isinstance(address.verify, str):
        _check_authorities(context, address.verify)
    if address.client is not None:
        load_client_certificate(context, *address.client)
    return context


def _check_authorities(context: ssl.SSLContext, path: str) -> None:
    """Read the file once for its errors; `requests` reads it again for each connection."""
    if not os.path.isdir(path):
        read_authorities(lambda: context.load_verify_locations(path))


@contextmanager
def in_our_words(url: str, *, writing: bool) -> Iterator[None]:
    """Raise the errors of libraries as errors of ours, without their text. They name the server."""
    if deadline.is_over():
        raise deadline.timeout_error()
    PROGRESS.sent = False
    try:
        yield
    except (requests.RequestException, HTTPError, OSError) as problem:
        _raise_for(problem, url, PROGRESS.sent and writing)


def _raise_for(problem: BaseException, url: str, outcome_unknown: bool) -> NoReturn:
    if isinstance(problem, requests.TooManyRedirects):
        raise failures.unreachable(url, "it redirects in a loop") from None
    reason = reason_of(problem)
    if reason == NOT_TRUSTED:
        raise failures.not_trusted(url) from None
    if reason == LATE:
        raise deadline.timeout_error(outcome_unknown=outcome_unknown, server=url) from None
    if reason == NO_TLS:
        raise failures.no_tls(url) from None
    if reason == SPEAKS_PLAIN:
        raise failures.speaks_plain(url) from None
    if reason == CUT:
        raise failures.cut(url, outcome_unknown=outcome_unknown) from None
    raise failures.unreachable(url, why_unreachable(exception_chain(problem))) from None
