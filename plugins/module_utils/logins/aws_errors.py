# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The refusals of AWS as errors of the neutral tree: by their codes, never with AWS's own text."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidConfiguration,
    LoginFailed,
    StorageError,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.network.http_failures import seconds_to_wait

EXPIRED = ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired")
"""The codes of temporary keys that have ended."""
LOGIN = (
    *EXPIRED,
    "AuthFailure",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidIdentityToken",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NotAuthorized",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
OF_KEY = ("InvalidAccessKeyId", "InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException")
"""The codes by which AWS says that it does not know a key, or that its secret is another one."""
DENIED = ("403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedAccess")
THROTTLED = (
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttling",
    "ThrottledException",
    "ThrottlingException",
    "TooManyRequestsException",
)
KMS = (
    "DecryptionFailure",
    "EncryptionFailure",
    "InvalidKeyId",
    "KMSAccessDeniedException",
    "KMSInvalidStateException",
    "KMSNotFoundException",
)
"""The codes by which a service says that the KMS key cannot be used."""
UNKNOWN_OUTCOME = 500
"""From this HTTP status on a request may have been carried out all the same."""


class Call(NamedTuple):
    """One request: what IAM calls the action (`secretsmanager:GetSecretValue`), what it is about, and whether it changes something."""

    action: str
    resource: str = ""
    writing: bool = False

    def __str__(self) -> str:
        return "{0} on {1}".format(self.action, self.resource) if self.resource else self.action


class KeysEnded(LoginFailed):
    """Temporary keys have ended. Another login may bring new ones."""


class KeyRefused(LoginFailed):
    """AWS does not know the access key, or its secret is another one."""


class Refused(StorageError):
    """AWS refused a request for a reason that only the caller can judge: `refusal` is AWS's code for it."""

    refusal = ""


def translate(problem: Any, call: Call) -> CredentialError:
    """Return the error for a botocore ClientError.

    Args:
        problem: the ClientError.
        call: the request.
    """
    response = problem.response
    return translate_code(_read_code(response), call, int(_read_http(response).get("HTTPStatusCode") or 0), _read_wait(response))


def translate_code(code: str, call: Call, status: int = 0, wait: Optional[float] = None) -> CredentialError:
    """Return the error for a code of AWS, with the HTTP status and the seconds to wait of its response, if it had some."""
    if code in LOGIN:
        return build_login_error(code)
    if code in THROTTLED or status == 429:
        error: CredentialError = Unavailable(
            "AWS accepts no more requests for now ({0})".format(call.action), remedy="Repeat later, or spread the work over time."
        )
        return error.annotate(throttled=True, retry_after=wait)
    if code in KMS:
        return _build_kms_error(code, call)
    if code in DENIED or status == 403:
        return build_denial(call)
    if status >= UNKNOWN_OUTCOME or code in ("InternalServiceError", "InternalFailure", "InternalServerError", "ServiceUnavailable"):
        error = Unavailable("AWS failed at {0} (HTTP status {1})".format(call, status or 500), remedy="Repeat later.")
        is_busy = status == 503 or code == "ServiceUnavailable"
        return error.annotate(outcome_unknown=call.writing, retry_after=wait, throttled=is_busy)
    if not code or code.isdigit():
        # botocore puts the HTTP status where a code is missing: AWS gives one with each refusal, so this response was cut, or is a proxy's.
        what = "the response to {0} is not one of AWS, or was cut (HTTP status {1})".format(call, status)
        error = Unavailable(what, remedy="Repeat later. If it stays so, check 'endpoint_url' and proxies.")
        return error.annotate(outcome_unknown=call.writing)
    refused = Refused(
        "AWS refused {0}: {1}".format(call, _show(code)), remedy="The code is AWS's own; the reference of that action explains it."
    )
    refused.refusal = code
    return refused


def build_login_error(code: str) -> LoginFailed:
    """Return the error for keys that AWS does not accept."""
    if code in EXPIRED:
        return KeysEnded("the temporary keys of AWS have ended", remedy="Log in again, or give new keys (or a new MFA code).")
    if code == "RequestExpired":
        return LoginFailed("AWS does not accept the time of the request", remedy="Set the clock of this machine.")
    what = "AWS does not accept the login ({0})".format(_show(code))
    kind = KeyRefused if code in OF_KEY else LoginFailed
    return kind(what, remedy="Check the access key, its secret, and the session token if it is a temporary key.")


def build_denial(call: Call) -> AccessDenied:
    """Return the error for a denial. It names the action and the resource that a policy has to allow."""
    return AccessDenied(
        "IAM does not allow {0}".format(call),
        remedy="Allow it to this login: docs/integrations/backends/aws.md has the whole policy. "
        "A denial in a resource policy, a boundary or an organisation's policy comes before it.",
    )


def _build_kms_error(code: str, call: Call) -> AccessDenied:
    return AccessDenied(
        "the KMS key cannot be used for {0} ({1})".format(call, _show(code)),
        remedy="Allow kms:Decrypt and kms:GenerateDataKey on the key to this login, and check that the key is enabled.",
    )


def build_unknown_region(region: str) -> InvalidConfiguration:
    """Return the error for a region without such a service."""
    what = "there is no address of the service in the region {0}".format(ascii(region)[:80])
    return InvalidConfiguration(what, option="region", remedy="Write it as 'eu-central-1', or set 'endpoint_url' to the service's address.")


def _read_code(response: Any) -> str:
    error = response.get("Error") if isinstance(response, Mapping) else None
    return str((error or {}).get("Code") or "")


def _read_http(response: Any) -> Mapping[str, Any]:
    found = response.get("ResponseMetadata") if isinstance(response, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _read_wait(response: Any) -> Optional[float]:
    return seconds_to_wait((_read_http(response).get("HTTPHeaders") or {}).get("retry-after"))


def _show(code: str) -> str:
    """Return a code as messages show it: a word. Anything else could be a text."""
    return code if code.isalnum() and len(code) <= 64 else "no code"
