# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to an API server: nothing is retried or redirected automatically.

The official client's own code logs the body of each response at DEBUG in some releases, and makes models of them, which takes
longer than the request. So it only finds the server and the login (`login`).
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import Any, Iterator, Mapping, NoReturn, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes import errors as failures
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.errors import Answer
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.login import Access
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, LoginFailed
from ansible_collections.nebula.credential.plugins.module_utils.network.exception_chain import exception_chain, why_unreachable
from ansible_collections.nebula.credential.plugins.module_utils.network.http_deadline import PROGRESS
from ansible_collections.nebula.credential.plugins.module_utils.network.http_failures import (
    CUT,
    LATE,
    NO_TLS,
    NOT_TRUSTED,
    SPEAKS_PLAIN,
    reason_of,
    seconds_to_wait,
)
from ansible_collections.nebula.credential.plugins.module_utils.network.http_pool import build_pool

try:
    import urllib3
    from urllib3._collections import HTTPHeaderDict
    from urllib3.exceptions import HTTPError
except ImportError:
    pass  # `login` reports the missing package before anything here is used.

USER_AGENT = "nebula-credential"
JSON = "application/json"


class Client:
    """A client of one server under one login. Threads may share it, processes may not."""

    def __init__(self, access: Access) -> None:
        """Take the access data. Opens no connection."""
        self.namespace = access.namespace
        self.server = access.server
        self.renewable = access.renewable
        self._access = access
        self._pool = build_pool(access.tls, access.server_name, access.proxy)

    def send(self, method: str, path: str, body: Optional[Mapping[str, Any]], accept: str, *, writing: bool) -> Answer:
        """Send one request. Return any response.

        Raises:
            Timeout, Unavailable, StorageError: there was no response, or none from an API server.
            LoginFailed: the login could not be renewed.
        """
        headers = self._headers(accept)
        if body is not None:
            headers["Content-Type"] = JSON
        with in_our_words(self._access.server, writing=writing):
            left = deadline.remaining()
            # `request` of urllib3 1.26 would join headers that are repeated, such as Impersonate-Group.
            response = self._pool.request_encode_url(
                method,
                self.server + path,
                body=None if body is None else json.dumps(body).encode("utf-8"),
                headers=headers,
                timeout=urllib3.Timeout(connect=left, read=left),
                retries=False,
                redirect=False,
            )
        return _answer_of(response)

    def _headers(self, accept: str) -> Any:
        headers = HTTPHeaderDict({"Accept": accept, "User-Agent": USER_AGENT})
        authorization = self._access.authorization()
        if authorization is not None:
            headers["Authorization"] = _check_header(authorization)
        for name, value in self._access.impersonation:
            headers.add(name, value)
        return headers

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()


def _check_header(value: str) -> str:
    """Return the value of a header. Refuse characters that headers cannot hold: `http.client` would quote the value in its error."""
    if not (value.isascii() and value.isprintable()):
        raise LoginFailed("the login is not a token: it holds characters that no header can", remedy="Set only the token, on one line.")
    return value


def _answer_of(response: Any) -> Answer:
    """Return the content of a response. An API server sends only JSON objects; proxies in front of it send others."""
    try:
        body = read_json(response.data)
    except ValueError:
        body = None
    known = body if isinstance(body, dict) else {}
    return Answer(response.status, known, seconds_to_wait(response.headers.get("Retry-After")))


@contextmanager
def in_our_words(server: str, *, writing: bool) -> Iterator[None]:
    """Raise the errors of libraries as errors of ours, without their text. They name the server."""
    if deadline.is_over():
        raise deadline.timeout_error()
    PROGRESS.sent = False
    try:
        yield
    except CredentialError:
        raise
    except (HTTPError, OSError) as problem:
        _raise_for(problem, server, PROGRESS.sent and writing)


def _raise_for(problem: BaseException, server: str, outcome_unknown: bool) -> NoReturn:
    reason = reason_of(problem)
    if reason == NOT_TRUSTED:
        raise failures.not_trusted(server) from None
    if reason == LATE:
        raise deadline.timeout_error(outcome_unknown=outcome_unknown, server=server) from None
    if reason == NO_TLS:
        raise failures.no_tls(server) from None
    if reason == SPEAKS_PLAIN:
        raise failures.speaks_plain(server) from None
    if reason == CUT:
        raise failures.cut(server, outcome_unknown=outcome_unknown) from None
    raise failures.unreachable(server, why_unreachable(exception_chain(problem))) from None
