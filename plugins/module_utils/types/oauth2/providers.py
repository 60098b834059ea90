# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses and habits of well-known authorization servers, as their documentation gives them."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Optional

TOKEN, AUTHORIZATION, DEVICE, REVOCATION = "token_url", "authorization_url", "device_url", "revocation_url"
POST = "client_secret_post"
ALWAYS = "always"


class Provider(NamedTuple):
    """One of them.

    Attributes:
        urls: the addresses by their fields; `{issuer}` and `{tenant}` stand for these fields.
        issuer: the issuer if the credential names none; None if there is no default.
        takes_issuer: whether its addresses depend on an issuer.
        needs_tenant: whether they depend on a tenant.
        client_auth: how a client with a secret proves who it is; None for the default of RFC 6749.
        reuse_window: the default of this field; None if a refresh token works only once.
        login: what the address of a login carries in addition, without which the service returns no refresh token.
    """

    urls: Mapping[str, str] = {}
    issuer: Optional[str] = None
    takes_issuer: bool = False
    needs_tenant: bool = False
    client_auth: Optional[str] = None
    reuse_window: Optional[str] = None
    login: Mapping[str, str] = {}

    @property
    def needs_issuer(self) -> bool:
        """Whether the credential has to name the issuer."""
        return self.takes_issuer and bool(self.urls) and self.issuer is None

    def build_url(self, field: str, issuer: Optional[str], tenant: Optional[str]) -> str:
        """Return an address; empty if it is not known."""
        return self.urls.get(field, "").format(issuer=(issuer or self.issuer or "").rstrip("/"), tenant=tenant)


NO_PROVIDER = Provider(takes_issuer=True)
PROVIDERS: Mapping[str, Provider] = {
    "github": Provider(
        urls={
            TOKEN: "https://github.com/login/oauth/access_token",
            AUTHORIZATION: "https://github.com/login/oauth/authorize",
            DEVICE: "https://github.com/login/device/code",
        },
        client_auth=POST,
    ),
    "gitlab": Provider(
        urls={
            TOKEN: "{issuer}/oauth/token",
            AUTHORIZATION: "{issuer}/oauth/authorize",
            DEVICE: "{issuer}/oauth/authorize_device",
            REVOCATION: "{issuer}/oauth/revoke",
        },
        issuer="https://gitlab.com",
        takes_issuer=True,
        client_auth=POST,
    ),
    "google": Provider(
        urls={
            TOKEN: "https://oauth2.googleapis.com/token",
            AUTHORIZATION: "https://accounts.google.com/o/oauth2/v2/auth",
            DEVICE: "https://oauth2.googleapis.com/device/code",
            REVOCATION: "https://oauth2.googleapis.com/revoke",
        },
        client_auth=POST,
        reuse_window=ALWAYS,
        login={"access_type": "offline", "prompt": "consent"},
    ),
    "keycloak": Provider(
        urls={
            TOKEN: "{issuer}/protocol/openid-connect/token",
            AUTHORIZATION: "{issuer}/protocol/openid-connect/auth",
            DEVICE: "{issuer}/protocol/openid-connect/auth/device",
            REVOCATION: "{issuer}/protocol/openid-connect/revoke",
        },
        takes_issuer=True,
    ),
    "microsoft": Provider(
        urls={
            TOKEN: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
            AUTHORIZATION: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
            DEVICE: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/devicecode",
        },
        needs_tenant=True,
        client_auth=POST,
        reuse_window=ALWAYS,
    ),
}
"""The refresh tokens of Google and of Microsoft work until they expire or are revoked; those of GitHub and GitLab work once."""
