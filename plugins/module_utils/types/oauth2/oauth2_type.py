# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OAuth 2.0 access tokens (C3): requested with the client's own login, or with a refresh token, and refreshed before they expire."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InvalidConfiguration,
    InvalidInput,
    NoRefreshToken,
    NoToken,
    check_packages,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import (
    DUE_AT_ONCE,
    Field,
    RefreshAnswer,
    TypeCapabilities,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.interactive import FLOW, Callback, InteractiveType, OpenLogin
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2 import settings as oauth2
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.providers import PROVIDERS
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.refusals import explain_restart

HEADER = "header"
_WITHOUT_LOGIN = {
    oauth2.CLIENT_CREDENTIALS: "client_credentials",
    oauth2.TOKEN_EXCHANGE: "urn:ietf:params:oauth:grant-type:token-exchange",
}
"""The `grant_type` of the grants that use up nothing."""
_TOKENS = ("refresh_token", "access_token")


class OAuth2(InteractiveType):
    """A client of an authorization server, and the access token that it gets there.

    A person writes the client and, for the grant `refresh_token`, the first refresh token. The access token and each newer refresh
    token are the state of a refresh. `header` can be read as a field: the line that a request carries.
    """

    name = "oauth2"
    description = "an OAuth 2.0 access token, refreshed before it expires"
    primary = "access_token"
    capabilities = TypeCapabilities(interactive=True, refresh=True, rotation=False, revocation=True)
    packages = (oauth2.AUTHLIB, oauth2.REQUESTS)
    internal = (FLOW,)
    callback = ("callback_url", "code", "state")
    fields = (
        Field("access_token", secret=True, description="The token that services accept."),
        Field("refresh_token", secret=True, description="The token of a login, with which access tokens are requested."),
        Field("grant", choices=oauth2.GRANTS, description="How access tokens are requested."),
        Field("provider", choices=tuple(PROVIDERS), description="A well-known service, whose addresses and habits are known."),
        Field("issuer", description="The authorization server. Its document has the addresses that are not given."),
        Field("tenant", description="The directory of Microsoft that knows the client."),
        Field("token_url", description="The address of the token endpoint."),
        Field("authorization_url", description="The address at which a person logs in with a browser."),
        Field("device_url", description="The address at which codes for a device are requested."),
        Field("revocation_url", description="The address at which tokens are revoked."),
        Field("redirect_uri", description="Where the browser is sent after the login, as it is registered for the client."),
        Field("authorization_parameters", mapping=True, description="What the address of the login carries in addition."),
        Field("client_id", identifies=True, description="The client, as the service knows it."),
        Field("client_secret", secret=True, description="The secret of the client."),
        Field("client_key", secret=True, description="The private key of the client: PEM, or a JWK for C(private_key_jwt)."),
        Field(
            "client_key_id",
            description="The C(kid) under which the service knows the key; by default that of the JWK, else its thumbprint.",
        ),
        Field("client_certificate", description="The certificate of the client and its chain, as PEM."),
        Field("client_auth", choices=oauth2.CLIENT_AUTH, description="How the client proves who it is."),
        Field("scope", description="The scopes to request, with blanks in between."),
        Field("audience", description="The service that the token is for, where the server has this parameter."),
        Field("resource", description="The address of the service that the token is for (RFC 8707)."),
        Field("subject_token", secret=True, description="The token that is exchanged (RFC 8693)."),
        Field("subject_token_type", choices=oauth2.TOKEN_TYPES, description="Its kind, by default C(access_token)."),
        Field("actor_token", secret=True, description="The token of who acts for the subject."),
        Field("actor_token_type", choices=oauth2.TOKEN_TYPES, description="Its kind, by default C(access_token)."),
        Field("requested_token_type", choices=oauth2.TOKEN_TYPES, description="The kind of the new token; by default the service decides."),
        Field("reuse_window", description="How long the server takes a used refresh token once more: for example C(30s), or C(always)."),
        Field("ca_cert", description="The authorities of the server's certificate, as PEM; by default those of the system."),
    )

    def is_secret(self, field: str) -> bool:
        """Return False for the kind of the token too, a word such as Bearer."""
        return field != "token_type" and super().is_secret(field)

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the fields, and complete them by the defaults of `grant` and `client_auth`.

        Raises:
            InvalidInput: as `CredentialType.validate` and `complete_settings`.
            MissingLibrary: Authlib or requests is not installed.
        """
        complete = oauth2.complete_settings(super().validate(fields))
        check_packages(self.packages)
        _check_keys(complete)
        return complete

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return a field, or the header that carries the token."""
        if field == self.primary and not (find_values(state).get(field) or find_values(fields).get(field)) and not self.can_refresh(fields):
            raise NoToken("there was no login yet", remedy=self.explain_restart(fields))
        if field != HEADER:
            return super().read(fields, state, field)
        # Imported here: most processes do not read it.
        from ansible_collections.nebula.credential.plugins.module_utils.types import http_forms

        kind = state["token_type"].expose().decode("utf-8") if "token_type" in state else "Bearer"
        # Services compare the word as they please; most write it like this, and some accept nothing else (RFC 6750 section 2.1).
        word = "Bearer" if kind.lower() == "bearer" else kind
        return http_forms.build_header("Authorization", word, super().read(fields, state, self.primary))

    def expires_at(self, fields: Fields) -> Optional[datetime]:
        """Return a time that has passed: the service makes the first token at the first read, or says when the one here expires.

        None if there is nothing to request a token with.
        """
        return DUE_AT_ONCE if self.can_refresh(fields) else None

    def can_refresh(self, fields: Fields) -> bool:
        """Return True if the client requests tokens by itself, or there was a login that has returned a refresh token."""
        there = find_values(fields)
        grant = there["grant"].expose().decode("utf-8", "replace") if "grant" in there else ""
        return grant in _WITHOUT_LOGIN or "refresh_token" in there

    def start_login(self, fields: Fields, lifetime: float) -> Tuple[Secret, Dict[str, Any]]:
        """Start a login. Return what has to be kept until it is complete, and what a person needs.

        Raises:
            InvalidInput: the grant is not one of a login.
            CredentialError: as `logins.start`.
        """
        check_packages(self.packages)
        # Imported here, as below: it loads Authlib and requests.
        from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2 import logins

        return logins.start(oauth2.read_settings(fields), lifetime)

    def complete_login(self, login: OpenLogin, callback: Callback) -> Optional[RefreshAnswer]:
        """Complete a login that was started; None if the person has not finished it yet. Raises as `logins.complete`."""
        check_packages(self.packages)
        from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2 import logins

        return logins.complete(oauth2.read_settings(login.fields), login.kept, callback)

    def check_login(self, login: OpenLogin, callback: Callback) -> bool:
        """Return True if completing it uses it up, so that it must not be tried twice. Raises as `logins.check`; sends nothing."""
        check_packages(self.packages)
        from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2 import logins

        return logins.check(login.kept, callback)

    def keep_login(self, fields: Fields, state: Fields) -> Dict[str, Secret]:
        """Return the fields with the token of a login in them: the refresh token, else the access token. Those of an older one go."""
        kept = {name: value for name, value in fields.items() if name not in _TOKENS}
        newest = next(name for name in _TOKENS if name in state)
        return dict(kept, **{newest: state[newest]})

    def read_interval(self, kept: Secret) -> Optional[int]:
        """Return the seconds between two attempts to complete a login on a device; None for one in a browser."""
        found: Optional[int] = json.loads(kept.expose()).get("interval")
        return found

    def generate(self, options: Mapping[str, Any], fields: Fields) -> Dict[str, Secret]:
        """Return `fields`: the service makes the value.

        Raises:
            InvalidInput: an option is given.
        """
        given = sorted(name for name, value in options.items() if value is not None)
        if given:
            what = "type 'oauth2' has no option {0}".format(", ".join(given))
            raise InvalidInput(what, option="generate", remedy="The service makes the token: leave 'generate' out.")
        return dict(fields)

    def uses_up_token(self, fields: Fields) -> bool:
        """Return True unless the service always takes a refresh token again."""
        return oauth2.read_settings(fields).reuse_window != oauth2.FOREVER

    def keeps_state(self, before: Fields, after: Fields) -> bool:
        """Return True if both hold the same refresh token: a newer one is in the state, and the older one must not be sent again.

        A corrected address or client is no reason to send it: the newest token is the one that the service knows.
        """
        there, then = find_values(before), find_values(after)
        return "refresh_token" in there and there["refresh_token"] == then.get("refresh_token")

    def explain_restart(self, fields: Fields) -> str:
        """Return what a person does after a refusal."""
        return explain_restart(oauth2.read_settings(fields).grant)

    def explain_no_refresh(self, fields: Fields) -> str:
        """Return how a person logs in: only then there is a refresh token."""
        return self.explain_restart(fields)

    def explain_no_rotation(self) -> str:
        """Return what makes a new token, and where a new secret of the client goes."""
        return "Get a new token with credential_refresh; write a new 'client_secret' with state 'present'."

    def refresh_token(self, fields: Fields, state: Fields) -> Optional[Secret]:
        """Return the newest refresh token; None with a grant that needs none."""
        if oauth2.read_settings(fields).grant in _WITHOUT_LOGIN:
            return None
        found = state.get("refresh_token") or find_values(fields).get("refresh_token")
        if found is None:
            raise NoRefreshToken("there is no refresh token", remedy=self.explain_restart(fields))
        return found

    def refresh(self, fields: Fields, state: Fields) -> RefreshAnswer:
        """Request an access token.

        Raises:
            NoRefreshToken: there is none, and the grant needs one.
            CredentialError: as `request_token`.
        """
        check_packages(self.packages)
        # Imported here: it loads Authlib and requests.
        from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.token_requests import request_token

        settings, token = oauth2.read_settings(fields), self.refresh_token(fields, state)
        if token is None:
            return request_token(settings, _WITHOUT_LOGIN[settings.grant], oauth2.FOREVER)
        return request_token(settings, oauth2.REFRESH_TOKEN, settings.reuse_window, refresh_token=token.expose().decode("utf-8"))

    def revoke_tokens(self, fields: Fields, state: Fields) -> None:
        """Have the server end the refresh token, which ends its access tokens at most servers; without one the access token (RFC 7009).

        Raises:
            InvalidInput: the server has no such address.
            CredentialError: as `token_requests.revoke_token`.
        """
        there = find_values({**fields, **state})
        hint = next((name for name in ("refresh_token", "access_token") if name in there), None)
        if hint is None:
            return
        check_packages(self.packages)
        from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.token_requests import revoke_token

        revoke_token(oauth2.read_settings(fields), there[hint].expose().decode("utf-8"), hint)


def _check_keys(complete: Fields) -> None:
    """Check the keys and certificates by loading them as a request does."""
    settings = oauth2.read_settings(complete)
    if not (settings.ca_cert or settings.client_key or settings.client_auth == oauth2.SECRET_JWT):
        return
    # Imported here: it loads Authlib and urllib3.
    from ansible_collections.nebula.credential.plugins.module_utils.network.tls import build_context
    from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2 import client_login

    client_login.read_secret_of(settings)
    try:
        build_context(client_login.build_tls(settings))
    except InvalidConfiguration as problem:
        field = {"ca_cert": "ca_cert", "client_cert": "client_certificate"}.get(problem.option or "", "client_certificate")
        oauth2.refuse(field, "cannot be used: {0}".format(problem.what), "Give PEM texts, of a certificate and its key.")
