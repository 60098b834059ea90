# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins to Microsoft Entra by azure-identity: what its classes are given, and their failures as errors of ours.

For every store and type that logs in there. Who logs in checks its packages before.
"""

from __future__ import annotations

import logging
import subprocess
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, LoginFailed, StorageError, Unavailable
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

for _library in ("azure", "msal"):
    # They log the texts of servers and the addresses of requests, at WARNING to the terminal if nothing else is set up.
    logging.getLogger(_library).addHandler(logging.NullHandler())
    logging.getLogger(_library).propagate = False
PUBLIC_AUTHORITIES = GLOBAL, CHINA, GOVERNMENT = "login.microsoftonline.com", "login.chinacloudapi.cn", "login.microsoftonline.us"
"""The hosts that log in to Microsoft's clouds. azure-identity knows them."""
BUSY = (429, 503)
"""The statuses of a server that works, and accepts no more requests for now."""


def build_transport(session: Any) -> Any:
    """Return the SDK's transport on a session of ours, which keeps the deadline, and the TLS settings and proxies of the store."""
    from azure.core.pipeline.transport import RequestsTransport  # imported here, as below: it takes a while

    return RequestsTransport(session=session, session_owner=False)


def build_network_options(session: Any) -> Dict[str, Any]:
    """Return what each class of azure-identity takes: a session of ours, and no repeats."""
    return {"transport": build_transport(session), "retry_total": 0, "permit_redirects": False}


def build_entra_options(authority: str, session: Any) -> Dict[str, Any]:
    """Return what each class of azure-identity takes that logs in to Microsoft Entra: its host, and a session of ours."""
    return {**build_network_options(session), "authority": authority, "disable_instance_discovery": authority not in PUBLIC_AUTHORITIES}


@contextmanager
def in_login(authority: str, method: str) -> Iterator[None]:
    """Raise the errors of azure-identity as errors of ours, without their text."""
    from azure.core.exceptions import AzureError, ServiceRequestError, ServiceResponseError

    PROGRESS.sent = False
    server = "the identity endpoint of this machine" if method == "managed_identity" else authority
    try:
        yield
    except CredentialError:
        raise
    except (ServiceRequestError, ServiceResponseError) as problem:
        raise describe_failure(problem, server, outcome_unknown=False) from None
    except (AzureError, ValueError, OSError, KeyError, subprocess.SubprocessError) as problem:
        raise _describe_refusal(problem, server, method) from None


def _describe_refusal(problem: BaseException, server: str, method: str) -> CredentialError:
    from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError

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
    if status in BUSY or status >= 500:
        error = Unavailable("{0} responded with status {1}".format(server, status), remedy="Retry.")
        headers: Mapping[str, str] = getattr(responses[0], "headers", {})
        return error.annotate(retry_after=seconds_to_wait(headers.get("Retry-After")), throttled=status in BUSY)
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
        remedy = "Name the authority that signed the certificate, and check the address."
        return StorageError("{0} ({1})".format(reason, server), option="ca_cert", remedy=remedy)
    if reason == CUT:
        error = Unavailable("the connection to {0} ended before the response was complete".format(server), remedy="Retry.")
        return error.annotate(outcome_unknown=outcome_unknown)
    why = why_unreachable(exception_chain(problem))
    return Unavailable("{0} cannot be reached: {1}".format(server, why), remedy="Check its address, and the network of this machine.")
