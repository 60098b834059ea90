# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login: one named class of azure-identity for each method, and one token for all threads.

Import this at the first request, because azure-identity takes a third of a second to import.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.options import IDENTITY, LOGIN, REQUESTS, SECRETS
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.server import Address
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import read_login
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    LoginFailed,
    MissingLibrary,
    pip_install,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home
from ansible_collections.nebula.credential.plugins.module_utils.logins.entra import build_entra_options, build_network_options, in_login

try:
    from azure import identity
except ImportError:
    identity = None  # type: ignore[assignment]

INSTALL = "Run: {0}".format(pip_install(SECRETS, IDENTITY, REQUESTS))
RENEWAL = 300
"""A token is replaced this many seconds before it ends, as the SDK does."""
IMDS_SECONDS = 1.8
"""The longest wait for a managed identity: the endpoint is on this machine, and on other machines there is none."""


def check_installed() -> None:
    """Check that the SDK is there.

    Raises:
        MissingLibrary: it is not.
    """
    if identity is None:
        raise MissingLibrary("the Python packages of Azure are not installed", remedy=INSTALL)


def build_credential(settings: Mapping[str, Any], address: Address, session: Any, warn: Callable[[str], object]) -> Login:
    """Return the configured login. Sends nothing.

    Raises:
        LoginFailed: the certificate cannot be used.
        InvalidConfiguration, StorageError: a file or variable of the login cannot be read.
    """
    method = settings["auth_method"]
    secrets: Dict[str, Optional[str]] = {}
    for option in LOGIN:
        found = read_login(settings, option, warn)
        secrets[option] = None if found is None else found.expose().decode("utf-8", "replace")
    network, entra = build_network_options(session), build_entra_options(address.authority, session)
    try:
        return Login(_BUILDERS[method](settings, secrets, network, entra), address, method)
    except (ValueError, TypeError, OSError):
        option = "client_certificate" if method == "certificate" else "tenant_id"
        raise LoginFailed("the login cannot be used", option=option, remedy="Check it, and the password of a certificate.") from None


def _with_secret(settings: Any, secrets: Any, _network: Any, entra: Any) -> Any:
    return identity.ClientSecretCredential(settings["tenant_id"], settings["client_id"], secrets["client_secret"], **entra)


def _with_certificate(settings: Any, secrets: Any, _network: Any, entra: Any) -> Any:
    path = expand_home(settings["client_certificate"])
    password = secrets["certificate_password"]
    return identity.CertificateCredential(settings["tenant_id"], settings["client_id"], path, password=password, **entra)


def _of_machine(settings: Any, _secrets: Any, network: Any, _entra: Any) -> Any:
    return identity.ManagedIdentityCredential(client_id=settings.get("client_id"), **network)


def _of_workload(settings: Any, _secrets: Any, _network: Any, entra: Any) -> Any:
    path = expand_home(settings["federated_token_file"])
    options = {"tenant_id": settings["tenant_id"], "client_id": settings["client_id"]}
    return identity.WorkloadIdentityCredential(token_file_path=path, **options, **entra)


def _of_cli(settings: Any, _secrets: Any, _network: Any, _entra: Any) -> Any:
    tenant = {"tenant_id": settings["tenant_id"]} if settings.get("tenant_id") else {"additionally_allowed_tenants": ["*"]}
    return identity.AzureCliCredential(process_timeout=max(1, int(deadline.remaining())), **tenant)


_BUILDERS: Mapping[str, Callable[[Any, Any, Any, Any], Any]] = {
    "client_secret": _with_secret,
    "certificate": _with_certificate,
    "managed_identity": _of_machine,
    "workload_identity": _of_workload,
    "cli": _of_cli,
}


class Login:
    """A credential of azure-identity as the SDK uses it. Threads that need a token at the same time wait for one request."""

    def __init__(self, credential: Any, address: Address, method: str) -> None:
        """Take the credential, the addresses and the method, for messages."""
        self._credential = credential
        self._address = address
        self._method = method
        self._lock = threading.Lock()
        self._tokens: Dict[Any, Any] = {}

    def get_token_info(self, *scopes: str, options: Optional[Mapping[str, Any]] = None) -> Any:
        """Return a token that lasts a while (the SDK's protocol `SupportsTokenInfo`).

        Raises:
            LoginFailed: Microsoft Entra, or the machine, gives none.
            Unavailable, Timeout: it did not respond.
        """
        given = dict(options or {})
        key = (scopes, given.get("tenant_id"))
        with self._lock:
            token = None if given.get("claims") else self._tokens.get(key)
            if token is None or token.expires_on - time.time() < RENEWAL:
                with in_login(self._address.authority, self._method):
                    token = self._request(scopes, given)
                self._tokens[key] = token
            return token

    def _request(self, scopes: Any, options: Dict[str, Any]) -> Any:
        if self._method != "managed_identity":
            return self._credential.get_token_info(*scopes, options=options)
        with deadline.within(IMDS_SECONDS, "the login of the managed identity"):
            return self._credential.get_token_info(*scopes, options=options)

    def close(self) -> None:
        """Forget the tokens."""
        self._tokens.clear()
