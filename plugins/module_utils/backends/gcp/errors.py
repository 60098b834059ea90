# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Responses of Secret Manager as errors of the library (never Google's text)."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional, Type

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    Conflict,
    CredentialError,
    InvalidInput,
    LoginFailed,
    StorageError,
    Unavailable,
)

ROLES = "docs/policies/gcp-read-write.yaml"


class ForeignVersion(StorageError):
    """A conflict with a value that another tool has added. It stays until a person decides, so a write is not repeated as after others."""

    def __init__(self, what: str, **places: Any) -> None:
        """Describe it, as every error of the tree. Its class has no code of its own: the code stands for `Conflict` elsewhere."""
        super().__init__(what, **places)
        self.code = Conflict.code


class Method(NamedTuple):
    """A method of the API: the IAM permission that it needs, a predefined role that has it, and whether it changes anything."""

    permission: str
    role: str
    writing: bool = False


_ADMIN, _VIEWER = "roles/secretmanager.admin", "roles/secretmanager.viewer"
METHODS: Mapping[str, Method] = {
    "access_secret_version": Method("versions.access", "roles/secretmanager.secretAccessor"),
    "add_secret_version": Method("versions.add", "roles/secretmanager.secretVersionAdder", writing=True),
    "destroy_secret_version": Method("versions.destroy", "roles/secretmanager.secretVersionManager", writing=True),
    "list_secret_versions": Method("versions.list", _VIEWER),
    "get_secret": Method("secrets.get", _VIEWER),
    "list_secrets": Method("secrets.list", _VIEWER),
    "create_secret": Method("secrets.create", _ADMIN, writing=True),
    "update_secret": Method("secrets.update", _ADMIN, writing=True),
    "delete_secret": Method("secrets.delete", _ADMIN, writing=True),
    # IAM lets everyone ask what they may do themselves.
    "test_iam_permissions": Method("secrets.get", _VIEWER),
}
"""What the backend calls, by the client's names."""
_AGAIN = "Retry; see https://status.cloud.google.com if it still fails."


class _Meaning(NamedTuple):
    kind: Type[CredentialError]
    what: str
    remedy: str
    may_have_happened: bool = False
    throttled: bool = False


_CODES: Mapping[str, _Meaning] = {
    "RESOURCE_EXHAUSTED": _Meaning(
        Unavailable,
        "Secret Manager limits the rate of requests of the project",
        "Wait, or have the quota of the Secret Manager API raised.",
        throttled=True,
    ),
    "UNAVAILABLE": _Meaning(Unavailable, "Secret Manager is not available", _AGAIN, may_have_happened=True, throttled=True),
    "INTERNAL": _Meaning(Unavailable, "Secret Manager failed", _AGAIN, may_have_happened=True),
    "UNKNOWN": _Meaning(Unavailable, "Secret Manager failed", _AGAIN, may_have_happened=True),
    "DATA_LOSS": _Meaning(Unavailable, "Secret Manager failed", _AGAIN, may_have_happened=True),
    "CANCELLED": _Meaning(Unavailable, "the request to Secret Manager was cancelled", _AGAIN, may_have_happened=True),
    "UNIMPLEMENTED": _Meaning(
        StorageError, "what responds at the endpoint is not Secret Manager", "Check 'endpoint' and 'location' of the store."
    ),
}


def describe_failure(code: str, method: str, resource: str, retry_after: Optional[float]) -> CredentialError:
    """Return the error for a status of gRPC that no caller handles.

    Args:
        code: the name of the status.
        method: the client's method.
        resource: the resource that the request was about.
        retry_after: the seconds to wait that the service named.
    """
    if code == "PERMISSION_DENIED":
        return access_denied(method, resource)
    meaning = _CODES.get(code)
    if meaning is None:
        what = "Secret Manager refused '{0}' for {1} with the status {2}".format(method, resource, code)
        return InvalidInput(what, remedy="Cloud Audit Logs of the project say why.")
    error = meaning.kind(meaning.what, remedy=meaning.remedy)
    unknown = meaning.may_have_happened and METHODS[method].writing
    return error.annotate(retry_after=retry_after, outcome_unknown=unknown, throttled=meaning.throttled)


def access_denied(method: str, resource: str) -> AccessDenied:
    """Return the error for a denial by IAM. It names the permission, the resource and a role."""
    known = METHODS[method]
    return AccessDenied(
        "this login has not the permission 'secretmanager.{0}' on {1}".format(known.permission, resource),
        remedy="Grant it {0}, or a role of your own with that permission ({1} has all), on the secret or the project. "
        "The project must exist, and its Secret Manager API be enabled.".format(known.role, ROLES),
    )


def build_login_error(what: str = "Google does not accept the login") -> LoginFailed:
    """Return the error for a login that is not valid, or no longer."""
    return LoginFailed(what, remedy="Renew 'credentials' or 'access_token' of the store, or the application default credentials.")


def build_unreachable_error(endpoint: str, *, outcome_unknown: bool) -> Unavailable:
    """Return the error for a connection that failed, or ended before the response was complete."""
    error = Unavailable("{0} cannot be reached, or ended the connection".format(endpoint), remedy="Check the network, and run it again.")
    error.annotate(outcome_unknown=outcome_unknown)
    return error


def not_trusted(endpoint: str) -> StorageError:
    """Return the error for an untrusted certificate. It is permanent: a retry would change nothing."""
    what = "the certificate of {0} cannot be verified".format(endpoint)
    return StorageError(what, option="ca_cert", remedy="Name the authority that signed it in 'ca_cert'.")
