# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a client of an authorization server, read from the fields of a credential (RFC 6749)."""

from __future__ import annotations

from typing import Dict, NamedTuple, NoReturn, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, Package
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import duration
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import is_loopback, split_url

AUTHLIB = Package("Authlib >= 1.9", "authlib", "credentials of the type oauth2")
REQUESTS = Package("requests >= 2.31", "requests", "credentials of the type oauth2")

CLIENT_CREDENTIALS, REFRESH_TOKEN = "client_credentials", "refresh_token"
GRANTS = (CLIENT_CREDENTIALS, REFRESH_TOKEN)
BASIC, POST, NONE = "client_secret_basic", "client_secret_post", "none"
CLIENT_AUTH = (BASIC, POST, NONE)
"""How the client proves to the token endpoint who it is: the names that RFC 7591 registered."""
_WITH_SECRET = (BASIC, POST)

ALWAYS = "always"
FOREVER = float("inf")
_MEANINGLESS = {
    CLIENT_CREDENTIALS: ("access_token", "refresh_token", "reuse_window"),
    REFRESH_TOKEN: (),
}
"""The fields that a grant does not use."""


class ClientSettings(NamedTuple):
    """A client, and the authorization server that knows it.

    Attributes:
        client_auth: one of `CLIENT_AUTH`.
        scope, audience, resource: what is requested; None to request what the server grants by default.
        reuse_window: seconds in which the server takes a used refresh token once more; `FOREVER` if it always does.
        ca_cert: the authorities that are trusted, as PEM; None for those of the system.
    """

    grant: str
    token_url: str
    client_id: str
    client_auth: str
    client_secret: Optional[Secret]
    scope: Optional[str]
    audience: Optional[str]
    resource: Optional[str]
    reuse_window: float
    ca_cert: Optional[str]


def complete_settings(fields: Fields) -> Dict[str, Secret]:
    """Check fields whose choices are checked already, and return them with the defaults of `grant` and `client_auth`.

    Raises:
        InvalidInput: a field that the grant needs is missing, one is given that it does not use, or a value cannot be used. No value
            is shown.
    """
    there = find_values(fields)
    grant = _text(there, "grant") or (REFRESH_TOKEN if "refresh_token" in there else CLIENT_CREDENTIALS)
    client_auth = _text(there, "client_auth") or (BASIC if "client_secret" in there else NONE)
    _check_grant(there, grant)
    _check_client(there, grant, client_auth)
    _check_url("token_url", _text(there, "token_url"))
    read_reuse_window(_text(there, "reuse_window"))
    return dict(fields, grant=Secret(grant), client_auth=Secret(client_auth))


def read_settings(fields: Fields) -> ClientSettings:
    """Return the settings in fields that `complete_settings` has returned."""
    there = find_values(fields)
    return ClientSettings(
        grant=_text(there, "grant") or "",
        token_url=_text(there, "token_url") or "",
        client_id=_text(there, "client_id") or "",
        client_auth=_text(there, "client_auth") or "",
        client_secret=there.get("client_secret"),
        scope=_text(there, "scope"),
        audience=_text(there, "audience"),
        resource=_text(there, "resource"),
        reuse_window=read_reuse_window(_text(there, "reuse_window")),
        ca_cert=_text(there, "ca_cert"),
    )


def read_reuse_window(text: Optional[str]) -> float:
    """Return the seconds of `reuse_window`; 0 without one.

    Raises:
        InvalidInput: it is neither a duration nor `always`.
    """
    if not text:
        return 0.0
    return FOREVER if text == ALWAYS else duration(text, "fields.reuse_window").total_seconds()


def refuse(field: str, what: str, remedy: str) -> NoReturn:
    """Raise InvalidInput about one field; the value is not shown."""
    raise InvalidInput("field '{0}' of type 'oauth2' {1}".format(field, what), option="fields", remedy=remedy)


def _check_grant(there: Fields, grant: str) -> None:
    for field in _MEANINGLESS[grant]:
        if field in there:
            remedy = "Leave it out, or set the 'grant' that it belongs to: {0}.".format(", ".join(GRANTS))
            refuse(field, "is not used with the grant '{0}'".format(grant), remedy)
    if grant == REFRESH_TOKEN and "refresh_token" not in there:
        refuse("refresh_token", "is missing", "Give the one that a login at the service has returned.")


def _check_client(there: Fields, grant: str, client_auth: str) -> None:
    for field in ("client_id", "token_url"):
        if field not in there:
            refuse(field, "is missing", "Give it under 'fields', as the service shows it for the client.")
    has_secret, needs_secret = "client_secret" in there, client_auth in _WITH_SECRET
    if needs_secret and not has_secret:
        refuse("client_secret", "is missing", "Give it, or set 'client_auth' to one of: {0}.".format(", ".join(CLIENT_AUTH)))
    if has_secret and not needs_secret:
        remedy = "Leave it out, or set 'client_auth' to one of: {0}.".format(", ".join(_WITH_SECRET))
        refuse("client_secret", "is not used with the client_auth '{0}'".format(client_auth), remedy)
    if grant == CLIENT_CREDENTIALS and client_auth == NONE:
        refuse("client_secret", "is missing", "The grant 'client_credentials' needs a client that proves who it is (RFC 6749 section 4.4).")


def _check_url(field: str, url: Optional[str]) -> None:
    parts = split_url(url or "")
    if parts is None or parts.scheme not in ("https", "http") or not parts.hostname or parts.fragment:
        refuse(field, "is not a URL", "Write it as 'https://host/path'.")
    if parts.username is not None:
        refuse(field, "holds a login", "Set 'client_id' and 'client_secret' instead.")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        refuse(field, "is plain HTTP, which would show secrets to the network", "Use https.")


def _text(there: Fields, name: str) -> Optional[str]:
    return there[name].expose().decode("utf-8") if name in there else None
