# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields by which a service principal of Azure logs in to Microsoft Entra, and its tokens, by one named class of azure-identity."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any, Mapping, NamedTuple, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    LoginFailed,
    Package,
    StorageError,
    check_packages,
)
from ansible_collections.nebula.credential.plugins.module_utils.network.tokens import is_token
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field
from ansible_collections.nebula.credential.plugins.module_utils.types.service_address import REQUESTS

PACKAGES = (Package("azure-identity >= 1.19", "azure.identity"), REQUESTS)
PRINCIPAL_FIELDS: Tuple[Field, ...] = (
    Field("client_secret", secret=True, description="A client secret of the application."),
    Field("client_certificate", secret=True, description="A certificate of the application with its private key, as PEM, instead."),
    Field("tenant_id", identifies=True, description="The tenant, its id or a domain of it."),
    Field("client_id", identifies=True, description="The id of the application (client)."),
    Field("authority", description="The host of Microsoft Entra; C(login.microsoftonline.com) if it is not given."),
)
_ID = re.compile(r"[A-Za-z0-9.-]{1,253}\Z")
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?\Z")


class Token(NamedTuple):
    """A token, and its end (aware, UTC)."""

    text: str
    ends_at: datetime


def find_primary(texts: Mapping[str, object]) -> str:
    """Return the field that holds the key: the certificate if there is one, else the secret."""
    return "client_certificate" if "client_certificate" in texts else "client_secret"


def check_principal(kind: CredentialType, texts: Mapping[str, str]) -> None:
    """Check the fields of a service principal. A certificate is loaded, to find out whether it can log in.

    Raises:
        InvalidInput: one is missing or does not fit. The message names it.
        MissingLibrary: there is a certificate, and a package is not installed.
    """
    for name in ("tenant_id", "client_id", find_primary(texts)):
        if name not in texts:
            kind.refuse(name, "is missing", "Give it under 'fields'.")
    for name in ("tenant_id", "client_id"):
        if not _ID.match(texts[name]):
            kind.refuse(name, "is no id", "Write it as the overview of the application shows it.")
    if "client_certificate" in texts:
        if "client_secret" in texts:
            kind.refuse("client_secret", "is given with 'client_certificate'", "Give one of the two.")
        _check_certificate(kind, texts)
    if "authority" in texts and not _HOST.match(texts["authority"]):
        kind.refuse("authority", "is not a host", "Write it as 'login.microsoftonline.com'.")


def _check_certificate(kind: CredentialType, texts: Mapping[str, str]) -> None:
    check_packages(PACKAGES)
    try:
        _build_credential(texts, {})
    except (ValueError, TypeError):
        kind.refuse(
            "client_certificate", "is no certificate that logs in", "Give it with its private RSA key, as PEM without a passphrase."
        )


def request_token(texts: Mapping[str, str], scope: str) -> Token:
    """Get a token of Microsoft Entra for a scope. Two requests: Entra's addresses, and the token.

    Raises:
        LoginFailed: Entra gives this principal none.
        Unavailable, Timeout, StorageError: there was no response.
        MissingLibrary: a package is not installed.
    """
    # Imported here: a read that needs no new token loads none of it.
    from ansible_collections.nebula.credential.plugins.module_utils.logins.entra import GLOBAL, build_entra_options, in_login
    from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient
    from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls

    check_packages(PACKAGES)
    client = HttpClient(Tls(ca_data=texts.get("ca_cert")))
    host = texts.get("authority", GLOBAL)
    method = "certificate" if "client_certificate" in texts else "client_secret"
    try:
        options = build_entra_options(host, client.session)
        with in_login(host, method):
            found = _build_credential(texts, options).get_token_info(scope)
    except CredentialError as problem:
        if isinstance(problem, LoginFailed):
            problem.option = None  # That of a store, which names the method.
        raise
    finally:
        client.close()
    return _read_token(found, host)


def _read_token(found: Any, host: str) -> Token:
    try:
        if is_token(found.token):
            return Token(found.token, datetime.fromtimestamp(found.expires_on, timezone.utc))
    except (ValueError, TypeError, OverflowError, OSError):
        pass
    raise StorageError("the response of {0} is no token of Microsoft Entra".format(host), remedy="Check 'authority'.")


def _build_credential(texts: Mapping[str, str], options: Mapping[str, Any]) -> Any:
    from azure import identity

    where = (texts["tenant_id"], texts["client_id"])
    if "client_certificate" in texts:
        return identity.CertificateCredential(*where, certificate_data=texts["client_certificate"].encode("utf-8"), **options)
    return identity.ClientSecretCredential(*where, texts["client_secret"], **options)
