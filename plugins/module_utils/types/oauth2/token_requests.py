# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to a token endpoint: Authlib builds and reads them, our HTTP client sends them (RFC 6749 sections 3.2 and 5)."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import urlencode

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import StorageError, Timeout, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient, HttpResponse
from ansible_collections.nebula.credential.plugins.module_utils.types.base import RefreshAnswer
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.client_login import build_tls, read_secret_of, register_login
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.discovery import find_url
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.providers import DEVICE, REVOCATION, TOKEN
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.refusals import refusal_of
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.settings import ClientSettings

try:
    from authlib.oauth2.base import OAuth2Error
    from authlib.oauth2.client import DEFAULT_HEADERS, OAuth2Client
except ImportError:  # The type checks its packages before it loads this file.
    pass

ATTEMPTS = 3
_DEVICE_TEXTS = ("device_code", "user_code", "verification_uri", "verification_url", "verification_uri_complete")
"""The members of a device authorization response (RFC 8628 section 3.2). Google writes `verification_url`."""
LONGEST_LIFE = 10 * 366 * 86400
"""Seconds. A longer life than this is no statement about an expiry."""
_KEPT_TEXTS = ("access_token", "refresh_token", "token_type", "scope", "id_token")
"""The members of a response that become the state (RFC 6749 section 5.1, OpenID Connect Core section 3.1.3.3)."""

_TEMPORARILY = "temporarily_unavailable"


class Awaited(Exception):
    """The server has nothing yet. `code` is the code of its response."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def request_token(
    settings: ClientSettings, grant: str, repeatable_for: float, *, awaited: Tuple[str, ...] = (), **parameters: str
) -> RefreshAnswer:
    """Request a token. Repeat a request that failed for the moment, after 2 and after 4 seconds, while the time limit allows it.

    Args:
        settings: the client and its server.
        grant: the `grant_type` of the request.
        repeatable_for: seconds in which a request that may have been carried out is sent again. 0 for what works only once.
        awaited: codes of responses that only say that there is nothing yet.
        parameters: what the grant sends.

    Raises:
        Awaited: the server responded with one of these codes.
        InteractionRequired, RefreshFailed: the server refuses.
        Unavailable, Timeout: it fails for the moment. `outcome_unknown` is set if the request may have been carried out.
        StorageError: the response is none of a token endpoint.
    """
    http = HttpClient(build_tls(settings))
    try:
        return _repeat(lambda: _send(http, settings, grant, parameters, awaited), time.monotonic() + repeatable_for)
    finally:
        http.close()


def request_device(settings: ClientSettings) -> Dict[str, Any]:
    """Request codes for a device: one for it, one for the person (RFC 8628 section 3.1).

    Returns:
        `device_code`, `user_code`, `verification_uri`, `expires_in` and, if the server sends them, `verification_uri_complete` and
        `interval` (seconds).

    Raises:
        CredentialError: as `request_token`.
    """
    http = HttpClient(build_tls(settings))
    try:
        url, sender = find_url(http, settings, DEVICE), _Sender(http, _DEVICE_TEXTS)
        client = _build_client(sender, settings, find_url(http, settings, TOKEN))
        asked = {"scope": settings.scope} if settings.scope else {}
        found = sender.post(url, asked, DEFAULT_HEADERS, client.client_auth(settings.client_auth)).members or {}
    finally:
        http.close()
    if "error" in found:
        raise refusal_of(found["error"], sender.host, settings.grant)
    found.setdefault("verification_uri", found.pop("verification_url", None))
    if None in (found.get(name) for name in ("device_code", "user_code", "verification_uri", "expires_in")):
        what = "the server {0} responded with status {1}, and with no code for a device".format(sender.host, sender.status)
        raise StorageError(what, remedy="Correct 'device_url'.")
    return found


def revoke_token(settings: ClientSettings, token: str, hint: str) -> None:
    """Have the server end a token (RFC 7009 section 2.1). One that it does not know has ended already.

    Args:
        settings: the client and its server.
        token: the token.
        hint: what it is, `refresh_token` or `access_token`.

    Raises:
        InvalidInput: the server has no address for it.
        StorageError: the server refuses.
        Unavailable, Timeout: it does not respond. The same request may be sent again.
    """
    http = HttpClient(build_tls(settings))
    try:
        url, sender = find_url(http, settings, REVOCATION), _Sender(http)
        client = _build_client(sender, settings, find_url(http, settings, TOKEN))
        sent = {"token": token, "token_type_hint": hint}
        found = sender.post(url, sent, DEFAULT_HEADERS, client.client_auth(settings.client_auth)).members or {}
    finally:
        http.close()
    if sender.status != 200:
        why = refusal_of(str(found["error"]), sender.host, settings.grant).what if "error" in found else "status {0}".format(sender.status)
        raise StorageError("the token was not revoked: {0}".format(why), remedy="Revoke it at the service, or correct 'revocation_url'.")


def _repeat(send: Callable[[], RefreshAnswer], repeatable_until: float) -> RefreshAnswer:
    attempt = 1
    while True:
        try:
            return send()
        except (Unavailable, Timeout) as error:
            wait = max(error.retry_after or 0.0, 2.0**attempt)
            is_repeatable = not error.outcome_unknown or time.monotonic() + wait < repeatable_until
            if attempt == ATTEMPTS or not is_repeatable or deadline.is_over(after=wait):
                raise
            time.sleep(wait)
            attempt += 1


def _send(http: HttpClient, settings: ClientSettings, grant: str, parameters: Mapping[str, str], awaited: Tuple[str, ...]) -> RefreshAnswer:
    began = datetime.now(timezone.utc)
    given = {name: value.expose().decode("utf-8") for name, value in settings.parameters.items()}
    url, sender = find_url(http, settings, TOKEN), _Sender(http)
    client = _build_client(sender, settings, url)
    try:
        found = client.fetch_token(url, grant_type=grant, **given, **parameters)
    except OAuth2Error as refused:
        if refused.error in awaited:
            raise Awaited(refused.error) from None
        raise refusal_of(str(refused.error), sender.host, settings.grant) from None
    except ValueError:
        raise _no_token_error(sender) from None
    if "access_token" not in found:
        raise _no_token_error(sender)
    return _read_answer(found, parameters, began)


def _build_client(sender: _Sender, settings: ClientSettings, url: str) -> Any:
    client = OAuth2Client(
        sender,
        client_id=settings.client_id,
        client_secret=read_secret_of(settings),
        token_endpoint_auth_method=settings.client_auth,
        scope=settings.scope,
    )
    register_login(client, settings, url)
    return client


def _read_answer(found: Mapping[str, Any], sent: Mapping[str, str], began: datetime) -> RefreshAnswer:
    """Return the state. A response without a new refresh token leaves the one that was sent (RFC 6749 section 6)."""
    kept = {name: sent[name] for name in ("refresh_token",) if name in sent}
    kept.update((name, found[name]) for name in _KEPT_TEXTS if name in found)
    expires_in = found.get("expires_in")
    # Counted from before the request: the server may have counted from when it arrived.
    expires_at = None if expires_in is None else began + timedelta(seconds=expires_in)
    return RefreshAnswer({name: Secret(value) for name, value in kept.items()}, expires_at)


def _no_token_error(sender: _Sender) -> StorageError:
    what = "the server {0} responded with status {1}, and with no token".format(sender.host, sender.status)
    error = StorageError(what, remedy="Correct 'token_url'; it is the address of the token endpoint.")
    # A server that says that it has done it may have used up what was sent.
    return error.annotate(outcome_unknown=sender.status < 400)  # type: ignore[return-value]


class _Answer(NamedTuple):
    """The response as Authlib reads it."""

    status_code: int
    members: Optional[Dict[str, Any]]

    def json(self) -> Dict[str, Any]:
        if self.members is None:
            raise ValueError
        return self.members

    def raise_for_status(self) -> None:
        raise ValueError


class _Sender:
    """What Authlib takes for a session: it sends with our client.

    Attributes:
        host, status: the server that responded last, and its status; empty before the first response.
    """

    def __init__(self, http: HttpClient, texts: Tuple[str, ...] = _KEPT_TEXTS) -> None:
        self._http = http
        self._texts = texts
        self.host, self.status = "", 0

    def post(self, url: str, data: Mapping[str, str], headers: Mapping[str, str], auth: Any) -> _Answer:
        url, sent, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        response = self._http.request("POST", url, headers=sent, body=body.encode("ascii"))
        self.host, self.status = response.host, response.status
        members = _read_members(response, self._texts)
        try:
            response.check_available()
        except Unavailable as error:
            # RFC 6749 has no error of this name at the token endpoint, and servers use it: then it is the server that speaks, not a proxy.
            if members is not None and members.get("error") == _TEMPORARILY:
                error.outcome_unknown = False
            raise
        return _Answer(response.status, members)


def _read_members(response: HttpResponse, texts: Tuple[str, ...]) -> Optional[Dict[str, Any]]:
    """Return the members that are used, of the kinds that the specification says; None if there are none.

    The server's description of an error is left out: it may quote what was sent.
    """
    found = response.json
    members: Dict[str, Any] = {name: found[name] for name in (*texts, "error") if _is_text(found.get(name))}
    seconds = {name: _read_seconds(found.get(name)) for name in ("expires_in", "interval")}
    members.update((name, value) for name, value in seconds.items() if value is not None)
    return members or None


def _is_text(found: Any) -> bool:
    # Nothing in a response has control characters (RFC 6749 appendix A), which would reach a header or a terminal.
    return isinstance(found, str) and bool(found) and found.isprintable()


def _read_seconds(found: Any) -> Optional[int]:
    """Return a whole number of seconds, 1 at least, which some servers write as a text; None if it is none."""
    if isinstance(found, str) and found.isascii() and found.isdigit():
        found = int(found[:12])
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 0 < found <= LONGEST_LIFE:
        return None
    return max(1, int(found))
