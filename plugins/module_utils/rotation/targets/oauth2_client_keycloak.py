# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The admin API of Keycloak, by which an administrator sets the secret of a client."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Optional
from urllib.parse import quote

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, LoginFailed, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpResponse
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.response_content import find_part, find_text, read_content

Send = Callable[..., HttpResponse]
"""Sends a request: method, address, and what `controller_requests.send` takes."""
CLIENT, USER = "client", "user"
"""What the administrator's credential holds."""
_CLI = "admin-cli"
_AUTHORIZATION = "authorizationServicesEnabled"
_SHOWN = "enabled"
"""A part of every client that is described as a whole."""


class Keycloak:
    """One realm of a server."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Set the target's options. Opens nothing."""
        self._options = options
        self._url = str(options["url"]).rstrip("/")

    @property
    def token_url(self) -> str:
        """The token endpoint of the client's realm."""
        return self._endpoint(self._options["realm"])

    def _endpoint(self, realm: str) -> str:
        return "{0}/realms/{1}/protocol/openid-connect/token".format(self._url, quote(realm, safe=""))

    def is_own_admin(self, client_id: Optional[str]) -> bool:
        """Whether a client is the one by which the administrator logs in."""
        is_here = self._options.get("admin_realm") in (None, self._options["realm"])
        return (
            self._is_client
            and is_here
            and client_id is not None
            and self._options["admin_credential"]["username"].expose() == client_id.encode("utf-8")
        )

    def read_client(self, send: Send, client_id: str) -> Mapping[str, Any]:
        """Return a client as the admin API describes it, with its `id`.

        Raises:
            NotFound: there is no such client, or no such realm.
            AccessDenied, LoginFailed: the administrator may not read clients, or is not accepted.
            CredentialError: there was no response.
        """
        address = "{0}?clientId={1}".format(self._clients, quote(client_id, safe=""))
        response = send("GET", address, bearer=self.log_in(send)).check_available()
        found = find_part(read_content(response), "0")
        # Who may only query clients gets their names alone.
        if response.status in (401, 403) or (find_text(found, "id") and _SHOWN not in found):
            what = "the administrator may not read the clients of the realm '{0}'".format(self._options["realm"])
            remedy = "Nothing was changed. Give it the roles 'view-clients' and 'manage-clients' of 'realm-management'."
            raise AccessDenied(what, option="oauth2_client.admin_credential", remedy=remedy)
        if find_text(found, "id") is None:
            what = "there is no client '{0}' in the realm '{1}'".format(client_id, self._options["realm"])
            raise NotFound(what, option="oauth2_client.realm", remedy="Nothing was changed.")
        return dict(found)

    @property
    def _is_client(self) -> bool:
        return self._options.get("admin_login") in (None, CLIENT)

    @property
    def _clients(self) -> str:
        return "{0}/admin/realms/{1}/clients".format(self._url, quote(self._options["realm"], safe=""))

    def log_in(self, send: Send) -> Secret:
        """Return an access token of the administrator.

        Raises:
            LoginFailed: the server does not accept the login.
            CredentialError: there was no response.
        """
        admin = {name: field.expose().decode("utf-8") for name, field in self._options["admin_credential"].items()}
        if self._is_client:
            form = {"grant_type": "client_credentials", "client_id": admin["username"], "client_secret": admin["password"]}
        else:
            form = {"grant_type": "password", "client_id": _CLI, "username": admin["username"], "password": admin["password"]}
        realm = self._options.get("admin_realm") or self._options["realm"]
        token = find_part(send("POST", self._endpoint(realm), form=form).check_available().json, "access_token")
        if not isinstance(token, str):
            what = "Keycloak does not accept the administrator's login"
            raise LoginFailed(what, option="oauth2_client.admin_credential", remedy="Nothing was changed. Correct the credential.")
        return Secret(token)

    def set_secret(self, send: Send, client_id: str, secret: str) -> HttpResponse:
        """Set the secret of a client. Raises as `read_client`; and CredentialError: there was no response to the change."""
        found = self.read_client(send, client_id)
        # What an update leaves out stays as it is, but for this: without it, Keycloak deletes the client's resources and policies.
        kept = {_AUTHORIZATION: True} if found.get(_AUTHORIZATION) else {}
        address = "{0}/{1}".format(self._clients, quote(str(found["id"]), safe=""))
        return send("PUT", address, bearer=self.log_in(send), json={"clientId": client_id, "secret": secret, **kept})
