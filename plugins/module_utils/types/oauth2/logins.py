# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins of a person: by a browser with PKCE (RFC 6749 section 4.1, RFC 7636), or with a code on another device (RFC 8628).

What is kept between the steps is a text in the credential's state, so any controller can complete a login.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from typing import Any, Dict, Mapping, Optional, Tuple
from urllib.parse import parse_qs, urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    FlowExpired,
    InteractionRequired,
    InvalidCallback,
    InvalidInput,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient
from ansible_collections.nebula.credential.plugins.module_utils.types.base import RefreshAnswer
from ansible_collections.nebula.credential.plugins.module_utils.types.interactive import SlowDown
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.client_login import build_tls
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.discovery import find_url
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.providers import AUTHORIZATION
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.refusals import explain_restart
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.settings import AUTHORIZATION_CODE, DEVICE_CODE, ClientSettings
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.token_requests import Awaited, request_device, request_token

try:
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
    from authlib.oauth2.rfc7636 import create_s256_code_challenge
except ImportError:  # The type checks its packages before it loads this file.
    pass

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
INTERVAL = 5
"""Seconds between two requests for a device's token, if the server names none (RFC 8628 section 3.2)."""
PENDING, SLOW_DOWN = "authorization_pending", "slow_down"


def start(settings: ClientSettings, lifetime: float) -> Tuple[Secret, Dict[str, Any]]:
    """Start the login of the credential's grant.

    Args:
        settings: the client and its server.
        lifetime: seconds within which a person has to come back from the browser. The server decides that for a device.

    Returns:
        What has to be kept, and what a person needs: `authorization_url`, or `verification_uri`, `user_code` and `interval`; and in
        any case `flow` and `expires_at` (seconds since the epoch).

    Raises:
        InvalidInput: the grant has no login.
        CredentialError: as `request_device` and `find_url`.
    """
    if settings.grant == AUTHORIZATION_CODE:
        return _start_in_browser(settings, int(time.time() + lifetime))
    if settings.grant == DEVICE_CODE:
        return _start_on_device(settings)
    what = "field 'grant' of type 'oauth2' is '{0}', which needs no login".format(settings.grant)
    raise InvalidInput(what, option="fields", remedy="Set it to '{0}' or '{1}'.".format(AUTHORIZATION_CODE, DEVICE_CODE))


def check(kept: Secret, callback: Mapping[str, Optional[str]]) -> bool:
    """Check that a login can be completed with what came back from it. Send nothing.

    Args:
        kept: what `start` returned.
        callback: `callback_url`, the whole address at which the browser arrived; or `code` and `state` from it. For a device none.

    Returns:
        Whether completing it uses it up.

    Raises:
        FlowExpired: it was not completed in time.
        InvalidCallback: what came back is not this login's.
        InteractionRequired: the person or the server refused.
    """
    flow = _read(kept)
    if time.time() >= flow["expires_at"]:
        raise FlowExpired("the login was not completed in time", remedy="Start another one with phase 'start'.")
    if flow["flow"] == DEVICE_CODE:
        if any(callback.values()):
            raise InvalidInput("a login on a device has no callback", option="phase", remedy="Use phase 'wait' without it.")
        return False
    _read_code(flow, callback)
    return True


def complete(settings: ClientSettings, kept: Secret, callback: Mapping[str, Optional[str]]) -> Optional[RefreshAnswer]:
    """Request the tokens of a login; None if a person has not confirmed it on the device yet.

    Raises:
        FlowExpired, InvalidCallback, InteractionRequired: as `check`.
        SlowDown: the server wants 5 more seconds between two requests.
        CredentialError: as `request_token`.
    """
    check(kept, callback)
    flow = _read(kept)
    if flow["flow"] == DEVICE_CODE:
        return _request_of_device(settings, flow)
    sent = {"code": _read_code(flow, callback), "redirect_uri": flow["redirect_uri"], "code_verifier": flow["code_verifier"]}
    return request_token(settings, "authorization_code", 0.0, **sent)


def build_url(settings: ClientSettings, url: str, state: str, verifier: str) -> str:
    """Return the address at which a person logs in. The challenge is always S256 (RFC 7636 section 4.2)."""
    given = {name: settings.parameters[name].expose().decode("utf-8") for name in ("audience", "resource") if name in settings.parameters}
    return str(
        prepare_grant_uri(
            url,
            client_id=settings.client_id,
            response_type="code",
            redirect_uri=settings.redirect_uri,
            scope=settings.scope,
            state=state,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
            **given,
            **settings.login,
        )
    )


def _start_in_browser(settings: ClientSettings, expires_at: int) -> Tuple[Secret, Dict[str, Any]]:
    http = HttpClient(build_tls(settings))
    try:
        url = find_url(http, settings, AUTHORIZATION)
    finally:
        http.close()
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    flow = {"flow": AUTHORIZATION_CODE, "expires_at": expires_at, "state": state, "code_verifier": verifier}
    shown = {"flow": AUTHORIZATION_CODE, "expires_at": expires_at, "authorization_url": build_url(settings, url, state, verifier)}
    return _write(dict(flow, redirect_uri=settings.redirect_uri, issuer=settings.issuer)), shown


def _start_on_device(settings: ClientSettings) -> Tuple[Secret, Dict[str, Any]]:
    began = int(time.time())
    found = request_device(settings)
    interval, expires_at = found.get("interval", INTERVAL), began + found["expires_in"]
    flow = {"flow": DEVICE_CODE, "expires_at": expires_at, "device_code": found["device_code"], "interval": interval}
    for_person: Dict[str, Any] = {
        name: found[name] for name in ("verification_uri", "verification_uri_complete", "user_code") if name in found
    }
    return _write(flow), dict(for_person, flow=DEVICE_CODE, expires_at=expires_at, interval=interval)


def _request_of_device(settings: ClientSettings, flow: Mapping[str, Any]) -> Optional[RefreshAnswer]:
    try:
        return request_token(settings, DEVICE_GRANT, 0.0, awaited=(PENDING, SLOW_DOWN), device_code=flow["device_code"])
    except Awaited as awaited:
        if awaited.code == SLOW_DOWN:
            raise SlowDown from None
        return None


def _read_code(flow: Mapping[str, Any], callback: Mapping[str, Optional[str]]) -> str:
    """Return the code of a callback whose state is that of the login."""
    if not any(callback.values()):
        remedy = "Use phase 'complete', with the address at which the browser arrived."
        raise InvalidInput("a login in a browser is not waited for", option="phase", remedy=remedy)
    found = _read_callback(flow, callback)
    if not hmac.compare_digest(found.get("state", "").encode("utf-8", "replace"), flow["state"].encode("utf-8")):
        raise InvalidCallback("the callback is that of another login", remedy="Give the callback of the last login that was started.")
    if flow.get("issuer") and found.get("iss", flow["issuer"]) != flow["issuer"]:
        raise InvalidCallback("the callback is that of another server", remedy="Start another login with phase 'start'.")
    if "error" in found:
        known = found["error"] if found["error"] in ("access_denied", "login_required", "consent_required") else "with a code of its own"
        raise InteractionRequired("the login was refused: {0}".format(known), remedy=explain_restart(AUTHORIZATION_CODE))
    if not found.get("code"):
        raise InvalidCallback("the callback has no code", remedy="Give the whole address at which the browser arrived.")
    return found["code"]


def _read_callback(flow: Mapping[str, Any], callback: Mapping[str, Optional[str]]) -> Dict[str, str]:
    url = callback.get("callback_url")
    if not url:
        return {name: callback.get(name) or "" for name in ("code", "state")}
    try:
        parts, registered = urlsplit(url), urlsplit(flow["redirect_uri"])
        found = parse_qs(parts.query, max_num_fields=32)
    except ValueError:
        raise InvalidCallback("the callback is not an address", remedy="Give the whole address at which the browser arrived.") from None
    if (parts.scheme, parts.hostname, parts.path) != (registered.scheme, registered.hostname, registered.path):
        raise InvalidCallback("the callback is not at 'redirect_uri'", remedy="Give the whole address at which the browser arrived.")
    if any(len(values) > 1 for values in found.values()):
        raise InvalidCallback("the callback has a parameter twice", remedy="Start another login with phase 'start'.")
    return {name: values[0] for name, values in found.items()}


def _write(flow: Mapping[str, Any]) -> Secret:
    return Secret(json.dumps(flow))


def _read(kept: Secret) -> Dict[str, Any]:
    found: Dict[str, Any] = json.loads(kept.expose())
    return found
