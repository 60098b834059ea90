# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The passwords that clouds make for their container registries: Amazon ECR, Azure Container Registry, Google Artifact Registry."""

from __future__ import annotations

import base64
from datetime import datetime, timezone
from typing import Callable, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidToken,
    LoginFailed,
    StorageError,
)
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws import AwsConnection
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_errors import Call
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_session import build_incomplete
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient, HttpResponse
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls
from ansible_collections.nebula.credential.plugins.module_utils.network.tokens import is_token
from ansible_collections.nebula.credential.plugins.module_utils.types import aws_login, entra_login, google_key
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.compact import read_time, read_token

ACR_SCOPE = "https://containerregistry.azure.net/.default"
ACR_USER = "00000000-0000-0000-0000-000000000000"
"""The user by which a registry of Azure knows that the password is a refresh token of its own."""
GAR_USER = "oauth2accesstoken"


class Password(NamedTuple):
    """A login of a registry.

    Attributes:
        ends_at: aware, UTC.
        server: the registry, if the cloud names it.
    """

    username: str
    password: str
    ends_at: datetime
    server: str = ""


def request_ecr(kind: CredentialType, texts: Mapping[str, str]) -> Password:
    """Get a password of Amazon ECR, for twelve hours. One request; one more for a role.

    Raises:
        LoginFailed, AccessDenied: AWS does not accept the key, or IAM denies it.
        Unavailable, Timeout: there was no response.
    """
    settings = aws_login.build_settings(kind, {name: value for name, value in texts.items() if name in _ECR_LOGIN})
    connection = AwsConnection(settings, "ecr", read_secret=aws_login.build_reader(texts), warn=lambda _message: None)
    try:
        answer = connection.call("get_authorization_token", "GetAuthorizationToken")
    finally:
        connection.close()
    try:
        found = answer["authorizationData"][0]
        username, _colon, password = base64.b64decode(found["authorizationToken"]).decode("ascii").partition(":")
        server = str(found["proxyEndpoint"]).partition("://")[2]
        ends_at = found["expiresAt"].astimezone(timezone.utc)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise build_incomplete(Call("ecr:GetAuthorizationToken")) from None
    if not all(map(is_token, (username, password, server))):
        raise build_incomplete(Call("ecr:GetAuthorizationToken"))
    return Password(username, password, ends_at, server)


_ECR_LOGIN = tuple(field.name for field in aws_login.LOGIN_FIELDS)


def request_acr(_kind: CredentialType, texts: Mapping[str, str]) -> Password:
    """Get a refresh token of an Azure Container Registry, for three hours. Three requests: two to Microsoft Entra, one to the registry.

    Raises:
        LoginFailed: Microsoft Entra or the registry gives this principal none.
        Unavailable, Timeout, StorageError: there was no response, or none of such a registry.
    """
    token = entra_login.request_token(texts, ACR_SCOPE)
    server = texts["server"]
    form = {"grant_type": "access_token", "service": server, "tenant": texts["tenant_id"], "access_token": token.text}
    client = HttpClient(Tls(ca_data=texts.get("ca_cert")))
    try:
        answer = client.request("POST", "https://{0}/oauth2/exchange".format(server), form=form).check_available()
    finally:
        client.close()
    found = answer.json.get("refresh_token")
    ends_at = _read_end(found) if answer.status == 200 and isinstance(found, str) else None
    if found is None or ends_at is None:
        raise _describe_refusal(answer)
    return Password(ACR_USER, found, ends_at)


def _describe_refusal(answer: HttpResponse) -> CredentialError:
    if answer.status in (401, 403):
        what = "the registry {0} gives this service principal no token".format(answer.host)
        return LoginFailed(what, remedy="Give it a role of the registry, for example AcrPull, and check 'tenant_id'.")
    what = "the response of {0} (status {1}) is none of an Azure Container Registry".format(answer.host, answer.status)
    return StorageError(what, remedy="Check 'server': it is NAME.azurecr.io.")


def _read_end(token: str) -> Optional[datetime]:
    try:
        return read_time(read_token(token.encode("utf-8")).claims, "exp")
    except InvalidToken:
        return None


def request_gar(kind: CredentialType, texts: Mapping[str, str]) -> Password:
    """Get an access token of Google, which Artifact Registry takes as a password, for an hour. One request.

    Raises:
        CredentialError: as `google_key.request_token`.
    """
    token = google_key.request_token(kind, texts, [google_key.PLATFORM])
    return Password(GAR_USER, token.text, token.ends_at)


MAKERS: Mapping[str, Callable[[CredentialType, Mapping[str, str]], Password]] = {
    "ecr": request_ecr,
    "acr": request_acr,
    "gar": request_gar,
}
