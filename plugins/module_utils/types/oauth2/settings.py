# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a client of an authorization server, read from the fields of a credential (RFC 6749)."""

from __future__ import annotations

from typing import Dict, Mapping, NamedTuple, NoReturn, Optional, Tuple
from urllib.parse import SplitResult

from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, Package
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import duration
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import find_address_problem, split_url
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.providers import (
    ALWAYS,
    AUTHORIZATION,
    DEVICE,
    NO_PROVIDER,
    POST,
    PROVIDERS,
    REVOCATION,
    TOKEN,
)

AUTHLIB = Package("Authlib >= 1.9", "authlib", "credentials of the type oauth2")
REQUESTS = Package("requests >= 2.31", "requests", "credentials of the type oauth2")

ENDPOINTS = (TOKEN, AUTHORIZATION, DEVICE, REVOCATION)
"""The fields that are addresses of the server, each with a purpose of its own."""
CLIENT_CREDENTIALS, REFRESH_TOKEN, TOKEN_EXCHANGE = "client_credentials", "refresh_token", "token_exchange"
AUTHORIZATION_CODE, DEVICE_CODE = "authorization_code", "device_code"
GRANTS = (CLIENT_CREDENTIALS, REFRESH_TOKEN, AUTHORIZATION_CODE, DEVICE_CODE, TOKEN_EXCHANGE)
BASIC, NONE = "client_secret_basic", "none"
SECRET_JWT, KEY_JWT, MUTUAL_TLS = "client_secret_jwt", "private_key_jwt", "tls_client_auth"
_NEEDS: Mapping[str, Tuple[str, ...]] = {
    BASIC: ("client_secret",),
    POST: ("client_secret",),
    SECRET_JWT: ("client_secret",),
    KEY_JWT: ("client_key",),
    MUTUAL_TLS: ("client_certificate", "client_key"),
    NONE: (),
}
"""How the client proves to the token endpoint who it is, by the names that RFC 7591 registered, and the fields for it."""
CLIENT_AUTH = tuple(_NEEDS)
_PROOFS = ("client_secret", "client_key", "client_certificate")

_OF_AN_EXCHANGE = ("subject_token", "subject_token_type", "requested_token_type", "actor_token", "actor_token_type")
_OF_A_LOGIN = ("access_token", "refresh_token", "reuse_window")
_OF_A_BROWSER = (AUTHORIZATION, "redirect_uri", "authorization_parameters")
_MEANINGLESS: Mapping[str, Tuple[str, ...]] = {
    CLIENT_CREDENTIALS: (*_OF_A_LOGIN, *_OF_AN_EXCHANGE, *_OF_A_BROWSER, DEVICE),
    REFRESH_TOKEN: (*_OF_AN_EXCHANGE, *_OF_A_BROWSER, DEVICE),
    AUTHORIZATION_CODE: (*_OF_AN_EXCHANGE, DEVICE),
    DEVICE_CODE: (*_OF_AN_EXCHANGE, *_OF_A_BROWSER),
    TOKEN_EXCHANGE: (*_OF_A_LOGIN, *_OF_A_BROWSER, DEVICE),
}
"""The fields that a grant does not use."""
TOKEN_TYPES = ("access_token", "refresh_token", "id_token", "jwt", "saml1", "saml2")
_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"
NO_PARTS = SplitResult("", "", "", "", "")
FOREVER = float("inf")
_OURS = (
    *("response_type", "client_id", "redirect_uri", "scope", "state", "audience", "resource"),
    *("code_challenge", "code_challenge_method", "response_mode", "request", "request_uri"),
)
"""The parameters of a login that other fields set, or that would weaken it."""


class ClientSettings(NamedTuple):
    """A client, and the authorization server that knows it.

    Attributes:
        endpoints: the addresses of the server by their fields; empty where only the server's own document has them.
        issuer: the server, if its document is read; None if it is not.
        client_auth: one of `CLIENT_AUTH`.
        scope: what is requested; None to request what the server grants by default.
        redirect_uri: where the server sends the browser of a person who has logged in.
        login: what the address of a login carries in addition.
        parameters: what each request for a token carries, by the names of RFC 6749, 8693 and 8707.
        reuse_window: seconds in which the server takes a used refresh token once more; `FOREVER` if it always does.
        ca_cert: the authorities that are trusted, as PEM; None for those of the system.
    """

    grant: str
    endpoints: Mapping[str, str]
    issuer: Optional[str]
    client_id: str
    client_auth: str
    client_secret: Optional[Secret]
    client_key: Optional[Secret]
    client_key_id: Optional[str]
    client_certificate: Optional[Secret]
    scope: Optional[str]
    redirect_uri: Optional[str]
    login: Mapping[str, str]
    parameters: Mapping[str, Secret]
    reuse_window: float
    ca_cert: Optional[str]


def complete_settings(fields: Fields) -> Dict[str, Secret]:
    """Check fields whose choices are checked already, and return them with the defaults of `grant` and `client_auth`.

    Raises:
        InvalidInput: a field that the grant needs is missing, one is given that it does not use, or a value cannot be used. No value
            is shown.
    """
    there = find_values(fields)
    grant = _text(there, "grant") or _choose_grant(there)
    client_auth = _text(there, "client_auth") or _choose_client_auth(there)
    _check_server(there)
    _check_grant(there, grant)
    _check_client(there, grant, client_auth)
    if "redirect_uri" in there and not (split_url(_text(there, "redirect_uri") or "") or NO_PARTS).scheme:
        refuse("redirect_uri", "is not an address", "Write the one that is registered for the client.")
    read_login(_text(there, "authorization_parameters"), {})
    read_reuse_window(_text(there, "reuse_window"))
    return dict(fields, grant=Secret(grant), client_auth=Secret(client_auth))


def read_settings(fields: Fields) -> ClientSettings:
    """Return the settings in fields that `complete_settings` has returned."""
    there = find_values(fields)
    provider = PROVIDERS.get(_text(there, "provider") or "", NO_PROVIDER)
    issuer = _text(there, "issuer")
    endpoints = {name: _text(there, name) or provider.build_url(name, issuer, _text(there, "tenant")) for name in ENDPOINTS}
    return ClientSettings(
        grant=_text(there, "grant") or "",
        endpoints=endpoints,
        issuer=issuer if provider is NO_PROVIDER else None,
        client_id=_text(there, "client_id") or "",
        client_auth=_text(there, "client_auth") or "",
        client_secret=there.get("client_secret"),
        client_key=there.get("client_key"),
        client_key_id=_text(there, "client_key_id"),
        client_certificate=there.get("client_certificate"),
        scope=_text(there, "scope"),
        redirect_uri=_text(there, "redirect_uri"),
        login=read_login(_text(there, "authorization_parameters"), provider.login),
        parameters=_read_parameters(there),
        reuse_window=read_reuse_window(_text(there, "reuse_window") or provider.reuse_window),
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


def read_login(text: Optional[str], default: Mapping[str, str]) -> Mapping[str, str]:
    """Return the parameters in `authorization_parameters`; the default without one.

    Raises:
        InvalidInput: it is no mapping of texts, or sets a parameter that the login sets itself.
    """
    if not text:
        return default
    try:
        found = read_json(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        refuse("authorization_parameters", "is not a mapping of texts", "Write for example {prompt: consent}.")
    ours = sorted(set(found) & set(_OURS))
    if ours:
        refuse("authorization_parameters", "sets {0}".format(", ".join(ours)), "The login sets it itself.")
    return found


def check_url(field: str, url: str) -> None:
    """Check that requests with secrets may be sent to an address.

    Raises:
        InvalidInput: it is no URL, holds a login, or is plain HTTP to another machine.
    """
    problem = find_address_problem(url, takes_query=True)
    if problem is not None:
        refuse(field, problem.what, problem.remedy)


def refuse(field: str, what: str, remedy: str) -> NoReturn:
    """Raise InvalidInput about one field; the value is not shown."""
    raise InvalidInput("field '{0}' of type 'oauth2' {1}".format(field, what), option="fields", remedy=remedy)


def _choose_grant(there: Fields) -> str:
    if "subject_token" in there:
        return TOKEN_EXCHANGE
    return REFRESH_TOKEN if "refresh_token" in there else CLIENT_CREDENTIALS


def _choose_client_auth(there: Fields) -> str:
    if "client_certificate" in there:
        return MUTUAL_TLS
    if "client_key" in there:
        return KEY_JWT
    provider = PROVIDERS.get(_text(there, "provider") or "", NO_PROVIDER)
    return (provider.client_auth or BASIC) if "client_secret" in there else NONE


def _read_parameters(there: Fields) -> Mapping[str, Secret]:
    found = {name: there[name] for name in ("audience", "resource", "subject_token", "actor_token") if name in there}
    for name, needs, default in (
        ("subject_token_type", "subject_token", "access_token"),
        ("actor_token_type", "actor_token", "access_token"),
        ("requested_token_type", "subject_token", None),
    ):
        word = _text(there, name) or (default if needs in there else None)
        if word:
            found[name] = Secret(_TOKEN_TYPE + word)
    return found


def _check_server(there: Fields) -> None:
    for field in (*ENDPOINTS, "issuer"):
        if field in there:
            check_url(field, _text(there, field) or "")
    name = _text(there, "provider") or ""
    provider = PROVIDERS.get(name, NO_PROVIDER)
    for field, needed in (("issuer", provider.needs_issuer), ("tenant", provider.needs_tenant)):
        if needed and field not in there:
            refuse(field, "is missing", "The provider '{0}' needs it.".format(name))
    if "tenant" in there and not provider.needs_tenant:
        refuse("tenant", "is not used without the provider 'microsoft'", "Leave it out.")
    if "issuer" in there and not provider.takes_issuer:
        refuse("issuer", "is not used with the provider '{0}'".format(name), "Leave it out: its addresses are known.")
    if "tenant" in there and not (_text(there, "tenant") or "").replace("-", "").replace(".", "").isalnum():
        refuse("tenant", "is neither an id nor a domain", "Write the id of the directory, or 'organizations'.")


def _check_grant(there: Fields, grant: str) -> None:
    for field in _MEANINGLESS[grant]:
        if field in there:
            remedy = "Leave it out, or set the 'grant' that it belongs to: {0}.".format(", ".join(GRANTS))
            refuse(field, "is not used with the grant '{0}'".format(grant), remedy)
    if grant == REFRESH_TOKEN and "refresh_token" not in there:
        refuse("refresh_token", "is missing", "Give the one that a login at the service has returned.")
    if grant == AUTHORIZATION_CODE and "redirect_uri" not in there:
        refuse("redirect_uri", "is missing", "Give the one that is registered for the client, for example http://127.0.0.1/callback.")
    if grant == TOKEN_EXCHANGE and "subject_token" not in there:
        refuse("subject_token", "is missing", "Give the token that is exchanged.")
    if "actor_token_type" in there and "actor_token" not in there:
        refuse("actor_token_type", "is not used without 'actor_token'", "Leave it out, or give the token.")


def _check_client(there: Fields, grant: str, client_auth: str) -> None:
    if "client_id" not in there:
        refuse("client_id", "is missing", "Give it under 'fields', as the service shows it for the client.")
    if not any(field in there for field in (TOKEN, "issuer", "provider")):
        refuse(TOKEN, "is missing", "Give it under 'fields', or 'issuer', or one of the values of 'provider'.")
    needed = _NEEDS[client_auth]
    for field in needed:
        if field not in there:
            refuse(field, "is missing", "Give it, or set 'client_auth' to one of: {0}.".format(", ".join(CLIENT_AUTH)))
    for field in (*_PROOFS, "client_key_id"):
        if field in there and field not in needed and not (field == "client_key_id" and client_auth == KEY_JWT):
            remedy = "Leave it out, or set 'client_auth' to one of: {0}.".format(", ".join(CLIENT_AUTH))
            refuse(field, "is not used with the client_auth '{0}'".format(client_auth), remedy)
    if grant == CLIENT_CREDENTIALS and client_auth == NONE:
        refuse("client_secret", "is missing", "The grant 'client_credentials' needs a client that proves who it is (RFC 6749 section 4.4).")


def _text(there: Fields, name: str) -> Optional[str]:
    return there[name].expose().decode("utf-8") if name in there else None
