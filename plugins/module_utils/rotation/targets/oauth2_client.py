# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secret of an OAuth 2.0 client as a target: set by the admin API of Keycloak, or issued by dynamic registration management."""

from __future__ import annotations

import secrets
from base64 import b64encode
from dataclasses import replace
from typing import Any, Dict, Mapping, Optional, Tuple
from urllib.parse import quote_plus

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpResponse
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls, build_context
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import controller_requests, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    NO_ROLLBACK,
    OVERLAP_NONE,
    REAPPLY,
    SERVICE,
    Made,
    Modules,
    Target,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.oauth2_client_keycloak import CLIENT, USER, Keycloak
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.oauth2_client_registration import (
    TOKEN_FIELDS,
    Registration,
    read_secret,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.response_content import find_text

KEYCLOAK, REGISTRATION = "keycloak", "registration"
BASIC, POST = "client_secret_basic", "client_secret_post"
SET = TargetTraits(
    overlap=OVERLAP_NONE,
    rollback=REAPPLY,
    probe="the token endpoint accepts the client with the new secret, and not with a random wrong one",
    max_request_life=120,
    ask_limit=2,  # few probes: a server may lock a client after refused logins
)
ISSUED = replace(SET, rollback=NO_ROLLBACK, maker=SERVICE, readable=True)
_SECRET_BYTES = 32
_ID, _SECRET = "client_id", "client_secret"
_OF_KEYCLOAK = ("realm", "admin_login", "admin_realm")
_OF_REGISTRATION = ("keeps_registration_token",)
_REFUSED_CLIENT = "invalid_client"


class OAuth2Client(Target):
    """The secret of a client."""

    kind = "oauth2_client"
    summary = "V(oauth2_client) changes the secret of an OAuth 2.0 client, by Keycloak's admin API or by dynamic registration management."
    about = (
        "The client whose secret changes, and the authorization server. The controller sends the requests.",
        (
            "The client is the credential's field C(client_id), else C(username); its secret is C(client_secret), else the primary field."
            " A client has one secret at a time, so there is no grace period."
        ),
    )
    options = {
        "api": Option(
            "str",
            (
                "How the secret is changed.",
                "V(keycloak): an administrator sets it, by the admin API.",
                (
                    "V(registration): the server issues it when the client's record is updated (RFC 7592), and shows it in the record. Only"
                    " servers that issue a new secret with each update are supported."
                ),
            ),
            required=True,
            choices=(KEYCLOAK, REGISTRATION),
        ),
        "url": Option(
            "str",
            (
                (
                    "With V(keycloak) the address of the server, for example C(https://id.example.com). With V(registration) the address of"
                    " the client's record, which its registration gave as C(registration_client_uri)."
                ),
            ),
            required=True,
        ),
        "realm": Option("str", ("With V(keycloak): the realm of the client.",)),
        "admin_credential": Option(
            "str",
            (
                "A credential in the same store by which the change is made.",
                "V(keycloak): C(username) and C(password) of O(oauth2_client.admin_login).",
                "V(registration): the registration access token, in a field C(token), C(api_key), C(value) or C(password).",
            ),
            required=True,
            no_log=False,
            credential=True,
        ),
        "admin_login": Option(
            "str",
            (
                "With V(keycloak): V(client) for the id and the secret of a client with a service account, V(user) for a user.",
                "Defaults to V(client).",
            ),
            choices=(CLIENT, USER),
        ),
        "admin_realm": Option("str", ("With V(keycloak): the realm of the administrator. Defaults to O(oauth2_client.realm).",)),
        "keeps_registration_token": Option(
            "bool",
            (
                "With V(registration), and required there: the server keeps the registration access token valid after an update.",
                "If it issues another one with each update, a response that is lost would take the access to the client with it.",
            ),
            no_log=False,
        ),
        "token_url": Option(
            "str",
            ("The token endpoint, at which a secret is tried. Defaults to the field C(token_url), or to that of O(oauth2_client.realm).",),
            no_log=False,
        ),
        "client_auth": Option(
            "str",
            ("How the client sends its secret there. Defaults to the field C(client_auth), else V(client_secret_basic).",),
            choices=(BASIC, POST),
        ),
        "ca_cert": Option("path", ("A file of CA certificates that verify the server's certificate, on the controller.",)),
    }
    requires = (controller_requests.REQUESTS,)

    def __init__(self, options: Mapping[str, Any], current: Value) -> None:
        self._options = options
        self._current = current

    @property
    def traits(self) -> TargetTraits:
        return SET if self._is_keycloak else ISSUED

    @property
    def _is_keycloak(self) -> bool:
        return bool(self._options["api"] == KEYCLOAK)

    def check(self) -> None:
        controller_requests.check_url("oauth2_client.url", str(self._options["url"]))
        build_context(self._tls)
        self._check_api()
        admin = self._options["admin_credential"]
        missing = [name for name in ("username", "password") if self._is_keycloak and name not in admin]
        if missing or not (self._is_keycloak or any(name in admin for name in TOKEN_FIELDS)):
            raise _invalid(
                "admin_credential", "it has no field '{0}'".format(missing[0] if missing else "token"), "Name another credential."
            )
        if self._is_keycloak and self._keycloak.is_own_admin(self._client_id(self._current)):
            # Once the secret is changed, its login is refused: a run that was broken off there would not get in again.
            raise _invalid("admin_credential", "the administrator is the client whose secret changes", "Name another client, or a user.")
        if self._client_id(self._current) is None:
            raise InvalidInput("the credential has no client_id", option="name", remedy="Store it with 'client_id', or 'username'.")
        if not self._token_url:
            raise _invalid("token_url", "it is missing", "Give the token endpoint, at which the secret is tried.")
        controller_requests.check_url("oauth2_client.token_url", self._token_url)

    def _check_api(self) -> None:
        if self._is_keycloak and not self._options.get("realm"):
            raise _invalid("realm", "it is missing", "'api: keycloak' needs it.")
        for name in _OF_REGISTRATION if self._is_keycloak else _OF_KEYCLOAK:
            if self._options.get(name) is not None:
                raise _invalid(name, "it is not used with 'api: {0}'".format(self._options["api"]), "Leave it out.")
        if not self._is_keycloak and not self._options.get("keeps_registration_token"):
            what = "a server that replaces the registration access token with each update is not supported"
            remedy = "Write 'keeps_registration_token: true' if the server keeps it: a lost response would lose the client otherwise."
            raise _invalid("keeps_registration_token", what, remedy)

    def describe(self) -> Dict[str, Any]:
        named = {name: self._options.get(name) for name in ("api", "url", "realm")}
        return {name: value for name, value in dict(named, client=self._client_id(self._current)).items() if value}

    def next_fields(self, base: Value) -> Fields:
        """Return a new secret for a credential of type `oauth2`, whose own generator makes none."""
        return {_SECRET: Secret(secrets.token_urlsafe(_SECRET_BYTES))} if self._is_keycloak and _SECRET in base.fields else {}

    def precheck(self, modules: Modules) -> None:
        """Check that the client is there, and that the administrator's login is accepted.

        Raises:
            NotFound, AccessDenied, LoginFailed, Unavailable: as the class says.
        """
        send = self._sender(modules)
        if self._is_keycloak:
            self._keycloak.read_client(send, str(self._client_id(self._current)))
        elif read_secret(self._registration.read(send)) is None:
            what = "the server does not show the client's secret in its record, so a lost one could not be read"
            raise Unavailable(what, option="oauth2_client.url", remedy="Nothing was changed. Such a server is not supported.")

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        if not self._is_keycloak:
            return steps.REFUSED
        secret = value.fields[self._secret_field(value)].expose().decode("utf-8", "replace")
        try:
            response = self._keycloak.set_secret(self._sender(modules), str(self._client_id(value)), secret)
        except CredentialError as error:
            return controller_requests.read_failed_change(modules, error)
        return controller_requests.read_status(modules, response, (200, 204))

    def make(self, modules: Modules, base: Value, mark: str) -> Made:
        """Have the server issue a secret, unless it has another one than `base` already. Return the one that it has then."""
        send = self._sender(modules)
        try:
            record = self._registration.read(send)
        except CredentialError as error:
            modules.note(error.what)
            return Made(steps.UNAVAILABLE)
        found = self._adopt(base, record)
        if found is not None:
            return Made(steps.APPLIED, found)
        outcome, shown = self._update(modules, record)
        if outcome in (steps.UNAVAILABLE, steps.REFUSED):
            return Made(outcome)
        try:
            found = self._adopt(base, shown) or self._adopt(base, self._registration.read(send))
        except CredentialError as error:
            modules.note(error.what)
            return Made(steps.UNKNOWN)
        if found is None and outcome == steps.APPLIED:
            modules.note("the server issued no new secret with the update")
            return Made(steps.REFUSED)
        return Made(steps.APPLIED, found) if found is not None else Made(steps.UNKNOWN)

    def _update(self, modules: Modules, record: Mapping[str, Any]) -> Tuple[str, Mapping[str, Any]]:
        """Update the record. Return the outcome, and the record that the response shows; empty if it shows none."""
        try:
            response = self._registration.update(self._sender(modules), record)
        except CredentialError as error:
            return controller_requests.read_failed_change(modules, error), {}
        outcome = controller_requests.read_status(modules, response, (200,))
        return outcome, response.json if outcome == steps.APPLIED else {}

    def _adopt(self, base: Value, record: Mapping[str, Any]) -> Optional[Value]:
        """Return the value with the secret of the record; None if that is the one of `base`, or is not shown."""
        found, name = read_secret(record), self._secret_field(base)
        if found is None or secrets.compare_digest(found.expose(), base.fields[name].expose()):
            return None
        return Value({**base.fields, name: found}, primary=base.primary)

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        """Try the secret at the token endpoint by a refresh token that does not exist, so that no token is issued."""
        headers, form = self._log_in_as_client(value)
        try:
            response = self._sender(modules)("POST", self._token_url, headers=headers, form=form)
        except CredentialError as error:
            modules.note(error.what)
            return steps.UNAVAILABLE
        reason = find_text(response.json, "error")
        if response.status == 401 or (response.status == 400 and reason == _REFUSED_CLIENT):
            modules.note("the token endpoint does not accept the client")
            return steps.REFUSED
        if response.status == 200 or (response.status in (400, 403) and reason is not None):
            return steps.ACCEPTED  # the client was accepted, and its refresh token or grant was not (RFC 6749 section 5.2)
        modules.note("the token endpoint responded with status {0}".format(response.status))
        return steps.UNAVAILABLE

    def _log_in_as_client(self, value: Value) -> Tuple[Dict[str, str], Dict[str, str]]:
        form = {"grant_type": "refresh_token", "refresh_token": "none-" + secrets.token_urlsafe(8)}
        client, secret = str(self._client_id(value)), value.fields[self._secret_field(value)].expose().decode("utf-8", "replace")
        if self._client_auth == POST:
            return {}, {**form, _ID: client, _SECRET: secret}
        # Each part is encoded before both are joined (RFC 6749 section 2.3.1).
        login = "{0}:{1}".format(quote_plus(client), quote_plus(secret)).encode("ascii")
        return {"Authorization": "Basic " + b64encode(login).decode("ascii")}, form

    def wrong_value(self, value: Value) -> Optional[Value]:
        wrong = Secret(secrets.token_urlsafe(_SECRET_BYTES))
        return replace(value, fields={**value.fields, self._secret_field(value): wrong})

    @property
    def _client_auth(self) -> str:
        return str(self._options.get("client_auth") or self._read_own("client_auth") or BASIC)

    @property
    def _token_url(self) -> str:
        given = self._options.get("token_url") or self._read_own("token_url")
        return str(given or (self._keycloak.token_url if self._is_keycloak else ""))

    def _read_own(self, name: str) -> Optional[str]:
        found = self._current.fields.get(name)
        return None if found is None else found.expose().decode("utf-8")

    def _client_id(self, value: Value) -> Optional[str]:
        found = value.fields.get(_ID) or value.fields.get("username")
        return None if found is None else found.expose().decode("utf-8")

    def _secret_field(self, value: Value) -> str:
        return _SECRET if _SECRET in value.fields else value.primary

    @property
    def _keycloak(self) -> Keycloak:
        return Keycloak(self._options)

    @property
    def _registration(self) -> Registration:
        return Registration(self._options)

    @property
    def _tls(self) -> Tls:
        return Tls(ca_file=self._options.get("ca_cert"))

    def _sender(self, modules: Modules) -> Any:
        def send(method: str, url: str, **content: Any) -> HttpResponse:
            return controller_requests.send(modules, self._tls, method, url, **content)

        return send


def _invalid(option: str, what: str, remedy: str) -> InvalidInput:
    return InvalidInput(what, option="oauth2_client." + option, remedy=remedy)
