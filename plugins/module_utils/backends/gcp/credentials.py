# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a store's options to credentials of google-auth. Looks up no project, and uses no network.

Import this at the first request: google-auth takes a while to import.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import read_login
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB, read_file

try:
    from google.auth import _cloud_sdk, aws, compute_engine, identity_pool, impersonated_credentials, pluggable
    from google.auth.exceptions import GoogleAuthError
    from google.oauth2 import credentials as user_credentials
    from google.oauth2 import service_account
except ImportError:
    pass  # `connection` reports the missing package before anything here is used.

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
GENERATE = "{0}/v1/projects/-/serviceAccounts/{1}:generateAccessToken"
IAM = "https://iamcredentials.googleapis.com"
_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
_TOKEN_OF_AWS = "urn:ietf:params:aws:token-type:aws4_request"


class Identity(NamedTuple):
    """A login: credentials of google-auth that are refreshed by requests, or an access token of others."""

    credentials: Any = None
    access_token: Optional[str] = None


def load_identity(settings: Mapping[str, Any], warn: Callable[[str], object]) -> Identity:
    """Return the login of a store as its options say. Reads files; sends nothing.

    Raises:
        InvalidConfiguration: it cannot be used. The error names the option.
        InsecurePermissions, StorageError: a file cannot be read, or others can read it.
    """
    token = read_login(settings, "access_token", warn)
    found = Identity(None, token.expose().decode("latin-1")) if token is not None else Identity(_load(settings, warn))
    email = settings.get("impersonate")
    return found if not email else Identity(_impersonate(found, str(email), settings.get("iam_endpoint") or IAM))


def _load(settings: Mapping[str, Any], warn: Callable[[str], object]) -> Any:
    written = read_login(settings, "credentials", warn)
    if written is not None:
        return _build(written.expose(), "credentials")
    sdk: Any = _cloud_sdk
    path = os.environ.get(_VARIABLE) or sdk.get_application_default_credentials_path()
    if not os.environ.get(_VARIABLE) and not os.path.isfile(path):
        machine: Any = compute_engine.Credentials
        return machine(scopes=SCOPES)
    with translated("the file of the application default credentials", path, writing=False):
        return _build(read_file(path, MIB), "credentials")


def _build(content: bytes, option: str) -> Any:
    """Return the credentials that a JSON text describes.

    Raises:
        InvalidConfiguration: it describes none.
    """
    try:
        info = read_json(content)
        kind = info["type"]
        build = _KINDS[kind]
    except (ValueError, KeyError, TypeError):
        what = "it is not JSON with one of these types: {0}".format(", ".join(sorted(_KINDS)))
        raise InvalidConfiguration(what, option=option, remedy="Give what Google or gcloud wrote, unchanged.") from None
    try:
        return build(info)
    except (GoogleAuthError, ValueError, KeyError, TypeError, AttributeError):
        what = "the credentials of the type '{0}' cannot be used".format(kind)
        raise InvalidConfiguration(what, option=option, remedy="Create them again, and give them unchanged.") from None


def _build_service_account(info: Mapping[str, Any]) -> Any:
    kind: Any = service_account.Credentials
    return kind.from_service_account_info(info, scopes=SCOPES)


def _build_user(info: Mapping[str, Any]) -> Any:
    kind: Any = user_credentials.Credentials
    return kind.from_authorized_user_info(info, scopes=SCOPES)


def _build_federation(info: Mapping[str, Any]) -> Any:
    """Workload identity federation: a token from a file, an address, a program, or the identity of AWS."""
    source = info.get("credential_source") or {}
    kind: Any = aws.Credentials
    if info.get("subject_token_type") != _TOKEN_OF_AWS:
        kind = pluggable.Credentials if "executable" in source else identity_pool.Credentials
    return kind.from_info(info, scopes=SCOPES)


def _build_impersonation(info: Mapping[str, Any]) -> Any:
    """What `gcloud auth application-default login --impersonate-service-account` writes."""
    url = str(info["service_account_impersonation_url"])
    email = url.rpartition("/")[2].partition(":")[0]
    source = _KINDS[info["source_credentials"]["type"]](info["source_credentials"])
    return _build_impersonated(source, email, url, info.get("delegates"))


def _build_impersonated(source: Any, email: str, url: str, delegates: Any = None) -> Any:
    kind: Any = impersonated_credentials.Credentials
    return kind(
        source_credentials=source, target_principal=email, target_scopes=list(SCOPES), delegates=delegates, iam_endpoint_override=url
    )


def _impersonate(found: Identity, email: str, endpoint: str) -> Any:
    source = found.credentials
    if source is None:
        kind: Any = user_credentials.Credentials
        source = kind(found.access_token)
    return _build_impersonated(source, email, GENERATE.format(endpoint.rstrip("/"), email))


_KINDS: Dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "service_account": _build_service_account,
    "authorized_user": _build_user,
    "external_account": _build_federation,
    "impersonated_service_account": _build_impersonation,
}
