# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dynamic registration management (RFC 7592), by which a client's own record is read and updated.

A server may issue a new secret with each update, and shows it in the record. Whoever updates it may not choose it.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import LoginFailed
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpResponse

Send = Callable[..., HttpResponse]
"""Sends a request: method, address, and what `controller_requests.send` takes."""
TOKEN_FIELDS = ("token", "api_key", "value", "password")
"""The fields that hold the registration access token, by the type of the credential: the first that is there."""
_NOT_SENT = ("registration_client_uri", "registration_access_token", "client_secret_expires_at", "client_id_issued_at")
"""What RFC 7592 section 2.2 forbids in an update."""


class Registration:
    """The record of one client."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Set the target's options. Opens nothing."""
        self._url = str(options["url"])
        self._admin = options["admin_credential"]

    def read(self, send: Send) -> Dict[str, Any]:
        """Return the record.

        Raises:
            LoginFailed: the server does not accept the registration access token.
            CredentialError: there was no response.
        """
        response = send("GET", self._url, bearer=self._token).check_available()
        if response.status != 200 or not response.json:
            what = "the server does not show the client's record by the registration access token (status {0})".format(response.status)
            raise LoginFailed(what, option="oauth2_client.admin_credential", remedy="Nothing was changed. Check the token and 'url'.")
        return response.json

    def update(self, send: Send, record: Mapping[str, Any]) -> HttpResponse:
        """Update the record by what it holds already, with which the server issues a new secret. Raises as `send`."""
        return send("PUT", self._url, bearer=self._token, json={name: part for name, part in record.items() if name not in _NOT_SENT})

    @property
    def _token(self) -> Secret:
        return Secret(next(self._admin[name].expose() for name in TOKEN_FIELDS if name in self._admin))


def read_secret(record: Mapping[str, Any]) -> Optional[Secret]:
    """Return the secret in a record; None if it does not show one."""
    found = record.get("client_secret")
    return Secret(found) if isinstance(found, str) and found else None
