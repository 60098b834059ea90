# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of an authorization server, from the document that it publishes (OpenID Connect Discovery 1.0, RFC 8414)."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, StorageError
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.providers import AUTHORIZATION, DEVICE, REVOCATION, TOKEN
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.settings import ClientSettings, check_url

DOCUMENT = "/.well-known/openid-configuration"
_MEMBERS = {
    TOKEN: "token_endpoint",
    AUTHORIZATION: "authorization_endpoint",
    DEVICE: "device_authorization_endpoint",
    REVOCATION: "revocation_endpoint",
}


def find_url(http: HttpClient, settings: ClientSettings, field: str) -> str:
    """Return an address of the server: the configured one, else that of its document.

    Raises:
        InvalidInput: neither has it, or the server must not be sent secrets at it.
        StorageError: the document is another server's, or there is none.
        Unavailable, Timeout: the server does not respond.
    """
    if settings.endpoints[field]:
        return settings.endpoints[field]
    if settings.issuer is None:
        raise _missing_error(field, "The provider has no such address: give it, or use another flow.")
    response = http.request("GET", settings.issuer.rstrip("/") + DOCUMENT).check_available()
    found = response.json
    if response.status != 200 or not found:
        what = "the server {0} responded with status {1}, and with no document about itself".format(response.host, response.status)
        raise StorageError(what, remedy="Correct 'issuer', or give '{0}' instead.".format(field))
    # Section 4.3: another issuer could otherwise have secrets sent to itself.
    if found.get("issuer") != settings.issuer:
        raise StorageError(
            "the document of {0} is that of another issuer".format(response.host), remedy="Write 'issuer' exactly as it does."
        )
    url = found.get(_MEMBERS[field])
    if not isinstance(url, str):
        raise _missing_error(field, "The document of the issuer has no '{0}'.".format(_MEMBERS[field]))
    check_url(field, url)
    return url


def _missing_error(field: str, remedy: str) -> InvalidInput:
    return InvalidInput("field '{0}' of type 'oauth2' is missing".format(field), option="fields", remedy=remedy)
