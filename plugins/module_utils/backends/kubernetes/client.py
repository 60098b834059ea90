# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests over the official client's connections: its server, login and proxies. Nothing is retried or redirected automatically.

Responses are parsed here. The client's own code logs the body of each at DEBUG in some releases, and makes models of them, which
takes longer than the request.
"""

from __future__ import annotations

import json
import ssl
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Mapping, NoReturn, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes import errors as failures
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.errors import Answer
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.login import Access
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, LoginFailed
from ansible_collections.nebula.credential.plugins.module_utils.network.exception_chain import exception_chain, why_unreachable
from ansible_collections.nebula.credential.plugins.module_utils.network.http_deadline import CONNECTIONS, POOL_CLASSES, PROGRESS
from ansible_collections.nebula.credential.plugins.module_utils.network.http_failures import (
    CUT,
    LATE,
    NO_TLS,
    NOT_TRUSTED,
    reason_of,
    seconds_to_wait,
)

try:
    import urllib3
    from kubernetes.client import ApiClient
    from urllib3.exceptions import HTTPError
except ImportError:
    pass  # `login` reports the missing package before anything here is used.

USER_AGENT = "nebula-credential"
JSON = "application/json"


class Client:
    """A client of one server under one login. Threads may share it, processes may not."""

    def __init__(self, access: Access) -> None:
        """Take the access data. Opens no connection."""
        configuration = access.configuration
        configuration.retries = False
        configuration.connection_pool_maxsize = CONNECTIONS
        self.namespace = access.namespace
        self.server = str(configuration.host).rstrip("/")
        self._configuration = configuration
        self._client = ApiClient(configuration)
        self._pool = self._client.rest_client.pool_manager
        self._pool.pool_classes_by_scheme = POOL_CLASSES
        _use_context(self._pool.connection_pool_kw, access.tls)

    def send(self, method: str, path: str, body: Optional[Mapping[str, Any]], accept: str, *, writing: bool) -> Answer:
        """Send one request. Return any response.

        Raises:
            Timeout, Unavailable, StorageError: there was no response, or none from an API server.
            LoginFailed: the login could not be renewed.
        """
        headers = self._headers(accept)
        if body is not None:
            headers["Content-Type"] = JSON
        with in_our_words(writing=writing):
            left = deadline.remaining()
            response = self._pool.request(
                method,
                self._configuration.host + path,
                body=None if body is None else json.dumps(body).encode("utf-8"),
                headers=headers,
                timeout=urllib3.Timeout(connect=left, read=left),
                retries=False,
                redirect=False,
            )
        return _answer_of(response)

    def _headers(self, accept: str) -> Dict[str, str]:
        headers = {"Accept": accept, "User-Agent": USER_AGENT}
        try:
            # Renews the login if that is due: a changed token file, or a login program whose token has expired.
            settings = self._configuration.auth_settings()
        except Exception:  # noqa: BLE001  # any error of the client for a file or a program that fails
            raise LoginFailed("the login could not be renewed", remedy="Check that the kubeconfig or pod token is readable.") from None
        for setting in settings.values():
            if setting["value"]:
                headers[setting["key"]] = _check_header(setting["value"])
        return headers

    def close(self) -> None:
        """Close the connections."""
        self._client.close() if hasattr(self._client, "close") else self._pool.clear()  # type: ignore[no-untyped-call]


def _check_header(value: str) -> str:
    """Return the value of a header. Refuse characters that headers cannot hold: `http.client` would quote the value in its error."""
    if not (value.isascii() and value.isprintable()):
        raise LoginFailed("the login is not a token: it holds characters that no header can", remedy="Set only the token, on one line.")
    return value


def _use_context(keywords: Dict[str, Any], tls: ssl.SSLContext) -> None:
    """Make connections use this TLS context; the files that it was built from may be gone."""
    for key in ("ca_certs", "ca_cert_data", "cert_file", "key_file"):
        keywords.pop(key, None)
    keywords["ssl_context"] = tls


def _answer_of(response: Any) -> Answer:
    """Return the content of a response. An API server sends only JSON objects; proxies in front of it may send other errors."""
    try:
        body = read_json(response.data)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        if response.status < 400:
            raise failures.no_kubernetes()
        body = {}
    return Answer(response.status, body, seconds_to_wait(response.headers.get("Retry-After")))


@contextmanager
def in_our_words(*, writing: bool) -> Iterator[None]:
    """Raise the errors of libraries as errors of ours, without their text."""
    if deadline.is_over():
        raise deadline.timeout_error()
    PROGRESS.sent = False
    try:
        yield
    except CredentialError:
        raise
    except (HTTPError, OSError) as problem:
        _raise_for(problem, PROGRESS.sent and writing)


def _raise_for(problem: BaseException, outcome_unknown: bool) -> NoReturn:
    reason = reason_of(problem)
    if reason == NOT_TRUSTED:
        raise failures.not_trusted() from None
    if reason == LATE:
        raise deadline.timeout_error(outcome_unknown=outcome_unknown) from None
    if reason == NO_TLS:
        raise failures.no_tls() from None
    if reason == CUT:
        raise failures.cut(outcome_unknown=outcome_unknown) from None
    raise failures.unreachable(why_unreachable(exception_chain(problem))) from None
