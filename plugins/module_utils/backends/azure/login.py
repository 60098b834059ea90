# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login: one named class of azure-identity for each method, and one token for all threads.

Import this at the first request, because azure-identity takes a third of a second to import.
"""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.azure import errors as failures
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.options import IDENTITY, LOGIN, REQUESTS, SECRETS
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.server import PUBLIC_AUTHORITIES, Address
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import read_login
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    LoginFailed,
    MissingLibrary,
    StorageError,
    Unavailable,
    pip_install,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home
from ansible_collections.nebula.credential.plugins.module_utils.network.exception_chain import exception_chain, why_unreachable
from ansible_collections.nebula.credential.plugins.module_utils.network.http_deadline import PROGRESS
from ansible_collections.nebula.credential.plugins.module_utils.network.http_failures import (
    CUT,
    LATE,
    NO_TLS,
    NOT_TRUSTED,
    SPEAKS_PLAIN,
    reason_of,
    seconds_to_wait,
)

try:
    from azure import identity
    from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError, ServiceResponseError
    from azure.core.pipeline.transport import RequestsTransport
except ImportError:
    identity = None  # type: ignore[assignment]

for _library in ("azure", "msal"):
    # They log the texts of servers and the addresses of requests, at WARNING to the terminal if nothing else is set up.
    logging.getLogger(_library).addHandler(logging.NullHandler())
    logging.getLogger(_library).propagate = False
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


def build_transport(session: Any) -> Any:
    """Return the SDK's transport on a session of ours, which keeps the deadline, and the TLS settings and proxies of the store."""
    return RequestsTransport(session=session, session_owner=False)


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
    network, entra = _build_network_options(session), build_entra_options(address.authority, session)
    try:
        return Login(_BUILDERS[method](settings, secrets, network, entra), address, method)
    except (ValueError, TypeError, OSError):
        option = "client_certificate" if method == "certificate" else "tenant_id"
        raise LoginFailed("the login cannot be used", option=option, remedy="Check it, and the password of a certificate.") from None


def _build_network_options(session: Any) -> Dict[str, Any]:
    return {"transport": build_transport(session), "retry_total": 0, "permit_redirects": False}


def build_entra_options(authority: str, session: Any) -> Dict[str, Any]:
    """Return what each class of azure-identity takes that logs in to Microsoft Entra: its host, and a session of ours."""
    return {**_build_network_options(session), "authority": authority, "disable_instance_discovery": authority not in PUBLIC_AUTHORITIES}


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
                with in_login(self._address, self._method):
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


@contextmanager
def in_login(address: Address, method: str) -> Iterator[None]:
    """Raise the errors of azure-identity as errors of ours, without their text."""
    PROGRESS.sent = False
    server = "the identity endpoint of this machine" if method == "managed_identity" else address.authority
    try:
        yield
    except CredentialError:
        raise
    except (ServiceRequestError, ServiceResponseError) as problem:
        raise describe_failure(problem, server, outcome_unknown=False) from None
    except (AzureError, ValueError, OSError, KeyError, subprocess.SubprocessError) as problem:
        raise _describe_refusal(problem, server, method) from None


def _describe_refusal(problem: BaseException, server: str, method: str) -> CredentialError:
    causes = tuple(exception_chain(problem))
    for cause in causes:
        if isinstance(cause, CredentialError):
            return cause
        if isinstance(cause, (ServiceRequestError, ServiceResponseError)):
            if method == "managed_identity":
                break
            return describe_failure(cause, server, outcome_unknown=False)
    responses = [cause.response for cause in causes if isinstance(cause, HttpResponseError) and cause.response is not None]
    status = int(responses[0].status_code or 0) if responses else 0
    if status in failures.BUSY or status >= 500:
        error = Unavailable("{0} responded with status {1}".format(server, status), remedy="Retry.")
        headers: Mapping[str, str] = getattr(responses[0], "headers", {})
        return error.annotate(retry_after=seconds_to_wait(headers.get("Retry-After")), throttled=status in failures.BUSY)
    if deadline.is_over():
        return deadline.timeout_error(server=server)
    return LoginFailed("{0} gives no token to this login".format(server), option="auth_method", remedy=_REMEDIES[method])


_REMEDIES: Mapping[str, str] = {
    "client_secret": "Check 'tenant_id', 'client_id' and 'client_secret', and that the secret has not expired.",
    "certificate": "Check 'tenant_id', 'client_id', and that this certificate is registered with the application.",
    "managed_identity": "Run on a machine of Azure that has this identity, or write another 'auth_method'.",
    "workload_identity": "Check 'tenant_id', 'client_id', and the federated credential of the application.",
    "cli": "Run 'az login', as the user that runs Ansible.",
}


def describe_failure(problem: BaseException, server: str, *, outcome_unknown: bool) -> CredentialError:
    """Return the error for a request without a response. Call it in the thread of the request."""
    reason = reason_of(problem)
    if reason == LATE:
        return deadline.timeout_error(outcome_unknown=outcome_unknown, server=server)
    if reason in (NOT_TRUSTED, NO_TLS, SPEAKS_PLAIN):
        found: StorageError = failures.tls_error(server, reason)
        return found
    if reason == CUT:
        return failures.cut(server, outcome_unknown=outcome_unknown)
    return failures.unreachable(server, why_unreachable(exception_chain(problem)))
