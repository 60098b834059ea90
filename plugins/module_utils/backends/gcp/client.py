# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of Google's client: nothing is repeated, and every call has the time that is left of the operation.

Import this at the first request, and in no process that forks workers: gRPC is heavy, and has threads.
"""

from __future__ import annotations

import logging
import os
from typing import Any, Mapping, NamedTuple, Optional
from urllib.parse import urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp import errors as failures
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Damaged, InvalidConfiguration, StorageError
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB, read_file

_FORKING = "GRPC_ENABLE_FORK_SUPPORT"
_unset = _FORKING not in os.environ
if _unset:  # Read when gRPC is loaded: a forked child can then open channels of its own.
    os.environ[_FORKING] = "true"
try:
    import grpc
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient
    from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceGrpcTransport
except ImportError:  # `connection` reports the missing package before anything here is used.
    SecretManagerServiceClient = None  # type: ignore[assignment,misc]
finally:
    if _unset:
        del os.environ[_FORKING]

# At DEBUG the client logs values and tokens.
logging.getLogger("google.cloud.secretmanager_v1").setLevel(logging.WARNING)

IS_INSTALLED = SecretManagerServiceClient is not None
_HANDLED = ("NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "ABORTED")
_NOT_TRUSTED = ("CERTIFICATE_VERIFY_FAILED", "Hostname Verification Check failed", "is not in peer certificate")
"""How gRPC's text names a certificate that is not trusted: it has no status for that."""
_NOT_SENT = "failed to connect to all addresses"
_OPTIONS = (
    # A new channel makes a new connection: it must not wait for that of a channel which failed.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.enable_retries", 0),
)


class Answer(NamedTuple):
    """A response: a message, or one of the statuses that callers handle."""

    status: str
    message: Any = None

    @property
    def is_ok(self) -> bool:
        """Whether the call succeeded."""
        return self.status == "OK"


class Client:
    """A client of one endpoint. Threads may share it, processes may not."""

    def __init__(self, endpoint: str, ca_cert: Optional[str]) -> None:
        """Read the authority. Opens no connection.

        Raises:
            InvalidConfiguration: the file holds no certificate.
        """
        parts = urlsplit(endpoint)
        self._target = "{0}:{1}".format(parts.hostname, parts.port or 443)
        self._roots = None if ca_cert is None else _read_authority(ca_cert)
        self.endpoint = parts.netloc
        self._client = self._open()

    def _open(self) -> Any:
        channel = grpc.secure_channel(self._target, grpc.ssl_channel_credentials(self._roots), options=_OPTIONS)
        return SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(host=self._target, channel=channel))

    def call(self, method: str, request: Mapping[str, Any], token: str, resource: str) -> Answer:
        """Make one call.

        Args:
            method: the client's method.
            request: the request's fields.
            token: the access token.
            resource: the resource as errors name it.

        Returns:
            The response, or a status that means: there is none, there is one, it has changed.

        Raises:
            LoginFailed: the token is not accepted.
            AccessDenied, Unavailable, Timeout, StorageError, InvalidInput: any other failure.
        """
        if deadline.is_over():
            raise deadline.timeout_error()
        client = self._client
        bearer = (("authorization", "Bearer " + token),)
        try:
            made = getattr(client, method)(request=request, retry=None, timeout=deadline.remaining(), metadata=bearer)
            return Answer("OK", next(iter(made.pages)) if method.startswith("list_") else made)
        except (GoogleAPICallError, RetryError) as problem:
            return self._handle(problem, client, method, resource)
        except (grpc.RpcError, ValueError, TypeError):
            raise StorageError("the response of {0} is not one of Secret Manager".format(self.endpoint)) from None

    def _handle(self, problem: Any, client: Any, method: str, resource: str) -> Answer:
        code = getattr(problem, "grpc_status_code", None)
        name = code.name if code is not None else "UNKNOWN"
        if name in _HANDLED:
            return Answer(name)
        raise self._describe(problem, name, client, method, resource) from None

    def _describe(self, problem: Any, code: str, client: Any, method: str, resource: str) -> CredentialError:
        writing = failures.METHODS[method].writing
        if code == "UNAUTHENTICATED":
            return failures.build_login_error()
        if code not in ("DEADLINE_EXCEEDED", "UNAVAILABLE") or (code == "UNAVAILABLE" and _has_response(problem)):
            return failures.describe_failure(code, method, resource, _find_wait(problem))
        if self._client is client:
            self._client = self._open()  # The connection may be dead, and others must not wait for it.
        if code == "DEADLINE_EXCEEDED":
            return deadline.timeout_error(outcome_unknown=writing, server=self.endpoint)
        text = str(problem)
        if any(words in text for words in _NOT_TRUSTED):
            return failures.not_trusted(self.endpoint)
        return failures.build_unreachable_error(self.endpoint, outcome_unknown=writing and _NOT_SENT not in text)

    def close(self) -> None:
        """Close the connection."""
        self._client.transport.close()


def _has_response(problem: Any) -> bool:
    """Return True if the server sent this status. gRPC reports a connection that failed with the same one, without metadata."""
    return any(each.trailing_metadata() for each in problem.errors if isinstance(each, grpc.Call))


def _find_wait(problem: Any) -> Optional[float]:
    """Return the seconds that a `google.rpc.RetryInfo` of the response names, else None."""
    for detail in getattr(problem, "details", None) or ():
        delay = getattr(detail, "retry_delay", None)
        if delay is not None:
            return float(delay.seconds) + float(delay.nanos) / 1e9
    return None


def _read_authority(path: str) -> bytes:
    try:
        content = read_file(path, MIB)
    except (OSError, Damaged):
        content = b""
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise InvalidConfiguration("it holds no certificate", option="ca_cert", remedy="Name a PEM file.")
    return content
