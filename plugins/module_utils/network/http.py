# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP client of types, targets and webhooks, on `requests`. Other libraries (Authlib, acme, hvac) use its session too.

A request ends with the deadline of the operation, uses TLS 1.2 or later, and uses the proxies that the environment names. It
is never repeated. A redirect to the same host is followed, unless it would make a GET of a change; to another host only if the
request carries no login and no data. An error names the host and the port, and nothing else of the address, the request or the
response.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple
from urllib.parse import SplitResult, urljoin, urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_unicode_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidConfiguration,
    InvalidInput,
    MissingLibrary,
    Package,
    StorageError,
    TooLarge,
    Unavailable,
    pip_install,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.exception_chain import exception_chain, why_unreachable
from ansible_collections.nebula.credential.plugins.module_utils.network.http_adapter import ContextAdapter, is_whole
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
from ansible_collections.nebula.credential.plugins.module_utils.network.proxies import CHECK_VARIABLES, proxies_for
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls, build_context
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import host_and_port, is_loopback, port_of, split_url

try:
    import requests
    import urllib3
    from requests import Session
    from urllib3.exceptions import HTTPError, InsecureRequestWarning
except ImportError:
    requests = None  # type: ignore[assignment]
    Session = object  # type: ignore[assignment,misc]

_TLS_PROBLEMS: Mapping[str, Tuple[str, str]] = {
    NOT_TRUSTED: ("the certificate of {0} cannot be verified", "Name the authority that signed it."),
    NO_TLS: ("{0} and this client cannot agree on TLS", "The port must support TLS 1.2 or later."),
    SPEAKS_PLAIN: ("{0} does not speak TLS at that port", "Correct the port, or the scheme of the address."),
}
INSTALL = "Run: {0}".format(pip_install(Package("requests >= 2.31", "requests")))
USER_AGENT = "nebula-credential"
REDIRECTS = 3
MAX_BYTES = 1024 * 1024
_CHUNK = 65536
_READING = ("GET", "HEAD", "OPTIONS")
_PLAIN_HEADERS = frozenset(("accept", "accept-encoding", "connection", "user-agent"))
"""The headers that a request to another host may carry. Any other header may be a login."""
_THROTTLED = 429
_TURNED_AWAY = 503
_SEE_OTHER = 303
_SAME_METHOD = (307, 308)
"""The redirects that keep the method. The others make a GET of it, whose response says nothing about a change."""


@dataclass(frozen=True)
class HttpResponse:
    """A response, whatever its status.

    Attributes:
        status: the status code of RFC 9110.
        headers: the headers by their lower-case names.
        body: the bytes, decoded as `Content-Encoding` says.
        host: the host and the port that responded, for messages.
        is_reading: the request has a method that changes nothing.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    host: str
    is_reading: bool = False

    @property
    def json(self) -> Dict[str, Any]:
        """The JSON object in the body; empty if there is none, or if UTF-8 cannot write one of its texts."""
        try:
            found = read_unicode_json(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def check_available(self) -> HttpResponse:
        """Return this response.

        Raises:
            Unavailable: the server is overloaded or failed (429 and 5xx); the same request may succeed later. `outcome_unknown` is set
                unless the request reads, or the server says that it did not serve it: by 429, or by 503 with `Retry-After`.
        """
        if self.status != _THROTTLED and self.status < 500:
            return self
        error = Unavailable("the server {0} responded with status {1}".format(self.host, self.status), remedy="Run it again later.")
        # RFC 9110 section 15.6.4. A proxy responds with 503, too, if its connection broke after it had passed the request on.
        turned_away = self.status == _THROTTLED or (self.status == _TURNED_AWAY and "retry-after" in self.headers)
        wait = seconds_to_wait(self.headers.get("retry-after"))
        raise error.annotate(retry_after=wait, outcome_unknown=not (turned_away or self.is_reading), throttled=self.status == _THROTTLED)


class _RefusedRedirect(Exception):
    """The server redirects a request to a place that it must not reach, or would make a GET of a change.

    Attributes:
        status: the status code of the redirect.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Session(Session):
    """A session that reads only the proxies from the environment: no ~/.netrc, no bundle of authorities. It keeps no cookie."""

    def __init__(self, tls: Tls, allow_plain: bool) -> None:
        super().__init__()
        self._allow_plain = allow_plain
        self.trust_env = False
        self.max_redirects = REDIRECTS
        self.headers.clear()
        self.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "identity"})
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._has_certificate = bool(tls.client_cert or tls.client_pem)
        if not tls.verify:
            urllib3.disable_warnings(InsecureRequestWarning)  # the options disable the check
        adapter = ContextAdapter(build_context(tls), tls.server_name)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        return {"proxies": proxies_for(url), "stream": stream, "verify": True, "cert": None}

    def rebuild_proxies(self, prepared_request: Any, proxies: Any) -> Any:
        prepared_request.headers.pop("Proxy-Authorization", None)
        return proxies_for(prepared_request.url)

    def send(self, request: Any, **named: Any) -> Any:
        left = deadline.remaining()
        return super().send(request, **{**named, "timeout": (left, left)})

    def get_redirect_target(self, resp: Any) -> Optional[str]:
        target = super().get_redirect_target(resp)
        keeps_method = resp.request.method in _READING or resp.status_code in _SAME_METHOD
        if target and not (keeps_method and self._may_follow(resp.request, urlsplit(resp.url), urlsplit(urljoin(resp.url, target)))):
            resp.close()
            raise _RefusedRedirect(resp.status_code)
        return target

    def _may_follow(self, request: Any, here: SplitResult, there: SplitResult) -> bool:
        if there.username is not None or there.scheme not in (here.scheme, "https"):
            return False
        if there.scheme == "http" and not (self._allow_plain or is_loopback(there.hostname or "")):
            return False
        if (there.scheme, there.hostname, port_of(there)) == (here.scheme, here.hostname, port_of(here)):
            return True
        carried = {name.lower() for name in request.headers} - _PLAIN_HEADERS
        return not (carried or request.body or self._has_certificate) and request.method in _READING


class HttpClient:
    """Requests to any server, with one set of TLS settings. Threads may share it, processes may not."""

    def __init__(self, tls: Tls = Tls(), *, allow_plain: bool = False, max_bytes: int = MAX_BYTES) -> None:
        """Read the certificates. Opens no connection.

        Args:
            tls: the trusted authorities, and the client's own certificate.
            allow_plain: allow plain HTTP to other machines. The network can then read what is sent.
            max_bytes: the largest body to read.

        Raises:
            MissingLibrary: requests is not installed.
            InvalidConfiguration: a certificate cannot be used.
        """
        if requests is None:
            raise MissingLibrary("the Python package requests is not installed", remedy=INSTALL)
        self.session = _Session(tls, allow_plain)
        self._allow_plain = allow_plain
        self._max_bytes = max_bytes

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Optional[Mapping[str, str]] = None,
        form: Optional[Mapping[str, str]] = None,
        json: Any = None,
        body: Optional[bytes] = None,
        bearer: Optional[Secret] = None,
    ) -> HttpResponse:
        """Send one request. Return the response, whatever its status.

        Args:
            method: a method of RFC 9110, in capitals.
            url: https, or http to this machine; without a login.
            headers: headers in addition to those of every request.
            form, json, body: the content: fields of a form, JSON, or bytes. One of them at most.
            bearer: a token for the header `Authorization` (RFC 6750).

        Raises:
            Unavailable, Timeout: there was no response. `outcome_unknown` means that the request may have been carried out.
            StorageError: the certificate is not trusted, the TLS handshake failed, or the server redirects to another host.
            TooLarge: the body is larger than `max_bytes`.
            InvalidInput: the address or a header is invalid.
            InvalidConfiguration, MissingLibrary: the proxy of the environment cannot be used.
        """
        host = self._check(url)
        sent = dict(headers or {}, **({} if bearer is None else {"Authorization": "Bearer " + bearer.expose().decode("latin-1")}))
        _check_headers(sent)
        is_reading = method in _READING
        with _in_our_words(host, is_reading), self.session.request(
            method, url, headers=sent, data=form if body is None else body, json=json, stream=True
        ) as response:
            content = self._read(response, host, is_reading)
            named = {name.lower(): value for name, value in response.headers.items()}
            return HttpResponse(response.status_code, named, content, host_and_port(urlsplit(response.url)), is_reading)

    def close(self) -> None:
        """Close the connections."""
        self.session.close()

    def _check(self, url: str) -> str:
        """Return host and port of an address, if requests may be sent to it."""
        parts = split_url(url)
        if parts is None or parts.scheme not in ("https", "http") or not parts.hostname:
            raise InvalidInput("the address of the server is not a URL", remedy="Write it as 'https://host/path'.")
        if parts.username is not None:
            raise InvalidInput("the address of the server holds a login", remedy="Set the login in its own fields.")
        if parts.scheme == "http" and not self._allow_plain and not is_loopback(parts.hostname):
            what = "plain HTTP would show what is sent to {0} to the network".format(host_and_port(parts))
            raise InvalidInput(what, remedy="Use https.")
        return host_and_port(parts)

    def _read(self, response: Any, host: str, is_reading: bool) -> bytes:
        content = b""
        for chunk in response.iter_content(_CHUNK):
            content += chunk
            if len(content) > self._max_bytes:
                error = TooLarge("the response of {0} is larger than {1} bytes".format(host, self._max_bytes), remedy="Check the address.")
                raise error.annotate(outcome_unknown=not is_reading)
        if not is_whole(response):
            raise requests.ConnectionError
        return content


def _check_headers(headers: Mapping[str, str]) -> None:
    """Refuse characters that headers cannot hold: `http.client` would quote the value in its error."""
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            what = "header '{0}' holds characters that no header can".format(name)
            raise InvalidInput(what, remedy="Give a value of one line, without special characters.")


@contextmanager
def _in_our_words(host: str, is_reading: bool) -> Iterator[None]:
    """Raise the errors of libraries as errors of ours, without their text."""
    if deadline.is_over():
        raise deadline.timeout_error()
    PROGRESS.sent = False
    try:
        yield
    except CredentialError:
        raise
    except Exception as problem:  # noqa: BLE001  # requests lets errors of urllib3, of idna and of others through
        raise _error_for(problem, host, PROGRESS.sent and not is_reading) from None


def _error_for(problem: Exception, host: str, outcome_unknown: bool) -> CredentialError:
    if isinstance(problem, (_RefusedRedirect, requests.TooManyRedirects)):
        what = "the server {0} redirected the request to an address that is not followed".format(host)
        refused = StorageError(what, remedy="Set its new address: a login is never sent to another host.")
        return refused.annotate(outcome_unknown=outcome_unknown and getattr(problem, "status", None) == _SEE_OTHER)
    if isinstance(problem, (requests.exceptions.InvalidProxyURL, requests.exceptions.InvalidSchema)):
        return InvalidConfiguration("the proxy for {0} cannot be used".format(host), remedy=CHECK_VARIABLES)
    exceptions = requests.exceptions
    is_invalid = isinstance(problem, (exceptions.InvalidURL, exceptions.InvalidHeader, exceptions.InvalidJSONError))
    if is_invalid or not isinstance(problem, (requests.RequestException, HTTPError, OSError)):
        invalid = InvalidInput("a request to {0} cannot be made".format(host), remedy="Check the address, the headers and the content.")
        return invalid.annotate(outcome_unknown=outcome_unknown)
    reason = reason_of(problem)
    if reason in _TLS_PROBLEMS:
        what, remedy = _TLS_PROBLEMS[reason]
        return StorageError(what.format(host), remedy=remedy)
    if reason == LATE:
        return deadline.timeout_error(outcome_unknown=outcome_unknown)
    if reason == CUT:
        cut = Unavailable("the connection to {0} ended before the response was complete".format(host), remedy="Run it again.")
        return cut.annotate(outcome_unknown=outcome_unknown)
    why = why_unreachable(exception_chain(problem))
    return Unavailable("{0} cannot be reached: {1}".format(host, why), remedy="Check that it runs, and that its address is correct.")
