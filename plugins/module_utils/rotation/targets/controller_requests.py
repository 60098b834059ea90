# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP requests of targets that act on the controller: each is bounded by its step, on a connection of its own, and never repeated."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient, HttpResponse
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import is_encoded, is_loopback, split_url
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Modules, Requirement

REQUESTS = Requirement("python", "requests", "pip install 'requests >= 2.31'", parts=("requests",))
LIMIT = 20
"""Seconds that one request may take. A target's `max_request_life` is longer than that by the time the service may work on it."""

SUCCESS = tuple(range(200, 300))
CLIENT_ERRORS = tuple(sorted(set(range(400, 500)) - {408, 425, 429, 499}))
"""The statuses by which a server says that it did not make a change (RFC 9110 section 15.5): none of a request that was late or cut."""
TOO_MANY = 429
"""The status by which a server says that it did not look at the request (RFC 6585 section 4)."""


def check_url(option: str, url: str, remedy: str = "Use https.", *, allow_plain: bool = False) -> None:
    """Check the address of a service. `remedy` says what to do about plain HTTP to another machine.

    Raises:
        InvalidInput: it is none, it holds a login, or it is not encrypted.
    """
    parts = split_url(url)
    if parts is None or parts.scheme not in ("https", "http") or not parts.hostname or parts.query or not is_encoded(parts):
        raise InvalidInput("it is not the address of a service", option=option, remedy="Write it as 'https://host/path'.")
    if parts.username is not None:
        raise InvalidInput("it holds a login", option=option, remedy="Give the login by 'admin_credential'.")
    if parts.scheme == "http" and not allow_plain and not is_loopback(parts.hostname):
        raise InvalidInput("plain HTTP would show the value to the network", option=option, remedy=remedy)


def send(
    modules: Modules, tls: Tls, method: str, url: str, *, limit: float = LIMIT, allow_plain: bool = False, **content: Any
) -> HttpResponse:
    """Send one request and return the response, whatever its status.

    Args:
        modules: the step that it belongs to.
        tls: the trusted authorities, and the client's own certificate.
        method, url: as `HttpClient.request` takes them.
        limit: the seconds that it may take, if the step has as many left.
        allow_plain: allow plain HTTP to other machines.
        content: headers, form, json, body and bearer, as `HttpClient.request` takes them.

    Raises:
        CredentialError: there was no response, as `HttpClient.request`. `outcome_unknown` means that it may have been carried out.
    """
    with deadline.within(min(limit, max(modules.time_left(), deadline.LEAST)), "the request of the rotation"):
        client = _build_client(tls, allow_plain)
        try:
            return client.request(method, url, **content)
        finally:
            client.close()


@lru_cache(maxsize=4)
def _build_client(tls: Tls, allow_plain: bool) -> HttpClient:
    """Return a client. Its certificates are read once in a process; its connections end with each request."""
    return HttpClient(tls, allow_plain=allow_plain)


def read_failed_change(modules: Modules, error: CredentialError) -> str:
    """Return the outcome of a change that got no response, and keep its cause for the report."""
    modules.note(error.what)
    return steps.UNKNOWN if error.outcome_unknown else steps.UNAVAILABLE


def read_status(modules: Modules, response: HttpResponse, done: Sequence[int], refused: Sequence[int] = CLIENT_ERRORS) -> str:
    """Return the outcome of a change by the status of its response. Keep the status for the report, unless the change was made."""
    if response.status in done:
        return steps.APPLIED
    modules.note("the server responded with status {0}".format(response.status))
    if response.status in refused:
        return steps.REFUSED
    # A proxy responds with 503, too, if its connection to the service broke after it had passed the request on.
    is_certain = response.is_reading or response.status == TOO_MANY
    return steps.UNAVAILABLE if is_certain else steps.UNKNOWN
