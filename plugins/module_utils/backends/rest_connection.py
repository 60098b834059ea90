# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to a REST API with a token, for places that are only written. After a refused token it is read anew."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Callable, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import is_given
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_answers import Service, describe_refusal, junk_error
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_connection import CA_CERT, ServiceConnection
from ansible_collections.nebula.credential.plugins.module_utils.context.listing_requests import repeat_in_listings
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_unicode_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    CredentialError,
    InvalidConfiguration,
    LoginFailed,
    NotFound,
    StorageError,
    check_packages,
)
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls

TOKEN = "token"
_NOT_TAKEN = (400, 422)
_TAKEN = b"has already been taken"
"""How GitLab says that a name is in use, with a status that it has for many things."""
_REMAINING, _RESET = "x-ratelimit-remaining", "x-ratelimit-reset"
_LIMITED_FOR = "60"


class _Client(NamedTuple):
    http: Any
    headers: Mapping[str, str]

    def close(self) -> None:
        self.http.close()


class RestConnection(ServiceConnection):
    """Requests of one store. Threads may share it."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        warn: Callable[[str], object],
        service: Service,
        packages: Any,
        build_headers: Callable[[str], Mapping[str, str]],
    ) -> None:
        """Check the login and the trusted authority. Uses no network.

        Args:
            settings: the options of the store.
            warn: the function for warnings.
            service: the service, with the address of its API.
            packages: what has to be installed.
            build_headers: returns the headers of every request, given the token.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        if not is_given(settings, TOKEN):
            remedy = "Give it in 'token_file' or 'token_env'."
            raise InvalidConfiguration("{0} wants a token".format(service.name), option=TOKEN, remedy=remedy)
        super().__init__(settings, warn, service, "", "")
        self._packages = packages
        self._build_headers = build_headers

    def prepare(self) -> None:
        check_packages(self._packages)
        _load_client()

    def _open(self) -> _Client:
        return _Client(_load_client()(Tls(ca_file=self._settings.get(CA_CERT))), self._build_headers(self._read_secret()))

    @repeat_in_listings
    def _call(self, request: Callable[[Any], Any]) -> Any:
        """Make a request; after a refused login once more with the token as it is now.

        The HTTP client itself ends in time. So no thread is left behind, which could write later.
        """
        client = self._client.get()
        try:
            return request(client)
        except LoginFailed:
            return request(self._client.renew(client))

    def send(self, method: str, path: str, content: Optional[Mapping[str, Any]] = None) -> Any:
        """Send a request, and return the response of a success.

        Every request of these places can be repeated, so a lost response is no unknown outcome.

        Raises:
            NotFound: the status is 404.
            Conflict: what was to be created is there.
            CredentialError: another status is none of success, or there was no response.
        """

        def request(client: _Client) -> Any:
            response = client.http.request(method, self.address + path, headers=client.headers, json=content)
            if response.status // 100 == 2:
                return response
            if response.status == 404:
                raise NotFound("{0} has nothing at {1}".format(self.address, path.partition("?")[0]))
            if response.status == 409 or (response.status == 400 and _TAKEN in response.body):
                what = "{0} has something of this name, which another run may have written first".format(self.address)
                raise Conflict(what, remedy="Run it again. If it stays, look at what is there.")
            if response.status in _NOT_TAKEN:
                what = "{0} does not take it (status {1})".format(self.address, response.status)
                raise StorageError(what, remedy="Check the name and the value, and the options of this store.")
            if _is_limit(response):
                raise describe_refusal(self._service, 429, _read_wait(response))
            raise describe_refusal(self._service, response.status, response.headers.get("retry-after"))

        try:
            return self._call(request)
        except CredentialError as problem:
            problem.outcome_unknown = False
            raise

    def read_json(self, response: Any) -> Any:
        """Return the JSON of a response. Raises StorageError if it is something else."""
        try:
            return read_unicode_json(response.body)
        except ValueError:
            raise junk_error(self._service) from None

    def junk(self) -> CredentialError:
        """Return the error for an answer that the service never gives."""
        return junk_error(self._service)


def _load_client() -> Any:
    # With requests, which stores of other backends do not need.
    from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient

    return HttpClient


def _is_limit(response: Any) -> bool:
    """Return True if too many requests came. GitHub says so with 403, too, and of its secondary limits in the text alone."""
    if response.status != 403:
        return bool(response.status == 429)
    headers = response.headers
    return headers.get(_REMAINING) == "0" or "retry-after" in headers or b"rate limit" in response.body.lower()


def _read_wait(response: Any) -> Optional[str]:
    """Return for how many seconds to send nothing: what the service says, or a minute if only its text names a limit."""
    headers = response.headers
    if "retry-after" in headers:
        return str(headers["retry-after"])
    reset, now = headers.get(_RESET, ""), read_http_date(headers.get("date"))
    if headers.get(_REMAINING) == "0" and reset.isdigit() and now is not None:
        return str(max(1, int(reset[:10]) - int(now.timestamp())))
    return _LIMITED_FOR if response.status == 403 else None


def read_http_date(written: Optional[str]) -> Optional[datetime]:
    """Return the time of a header (RFC 9110 section 5.6.7); None if there is none."""
    try:
        found = parsedate_to_datetime(written or "")
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=timezone.utc)
