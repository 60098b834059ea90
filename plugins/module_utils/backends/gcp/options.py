# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options and packages of a store in Google Secret Manager. Loads no backend."""

from __future__ import annotations

from typing import Any, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.options import OPTIONS as OBJECTS
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import (
    FROM_FILE,
    FROM_VARIABLE,
    BackendTraits,
    RefusedVariable,
    Spec,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import Package

CLIENT = Package("google-cloud-secret-manager >= 2.20", "google.cloud.secretmanager_v1")
REQUESTS = Package("requests >= 2.31", "requests")
MOST_VERSIONS = 40
"""The most older values: each is an alias, and a secret has 50 at most."""
LOGIN = ("credentials", "access_token")
SPEC: Spec = {
    "project": {"description": "The project, by its id or number. It is never looked up.", "type": "str"},
    "location": {
        "description": "The location of regional secrets, such as `europe-west3`. Without it: global secrets.",
        "type": "str",
    },
    "prefix": {"description": "The prefix of the secrets' names. Empty for the whole project.", "type": "str", "default": "nebula-"},
    "credentials": {
        "description": "The login as JSON: the key of a service account, a workload identity federation, or what `gcloud auth "
        "application-default login` wrote. Without it and `access_token`: the application default credentials.",
        "type": "str",
        "no_log": True,
    },
    "access_token": {"description": "An OAuth 2.0 access token as the login.", "type": "str", "no_log": True},
    "impersonate": {
        "description": "The e-mail address of a service account whose rights are used. The login may create tokens for it.",
        "type": "str",
    },
    "iam_endpoint": {
        "description": "The address of the IAM Credentials API for `impersonate`, if not `https://iamcredentials.googleapis.com`.",
        "type": "str",
    },
    "endpoint": {
        "description": "The address of Secret Manager, `https://…`, if not Google's own (Private Service Connect).",
        "type": "str",
    },
    "ca_cert": {"description": "A file with the authority that signs the certificates of the endpoints.", "type": "path"},
    "replica_locations": {
        "description": "The locations to which a new secret is replicated. Without it: automatic replication.",
        "type": "list",
        "elements": "str",
    },
    "kms_key": {
        "description": "The key of Cloud KMS that encrypts a new secret: of automatic replication, or of `location`.",
        "type": "str",
        "no_log": False,
    },
    "kms_keys": {
        "description": "The keys of Cloud KMS by location: one for each of `replica_locations`.",
        "type": "dict",
        "no_log": False,
    },
    "version_destroy_ttl": {
        "description": "Seconds for which Google keeps a destroyed version of a new secret disabled, 86400 to 86400000. "
        "Without it: destroyed at once.",
        "type": "int",
    },
}
"""The options as an argument spec, without those of every backend that stores objects."""

_OF_LOGIN = tuple(option + ending for option in LOGIN for ending in ("", FROM_FILE, FROM_VARIABLE))
_CLIENT_CERTIFICATE = RefusedVariable(
    "configures a client certificate, and is not read", "Use another login.", None, ("false", "never", "auto")
)


def _reads_variable(option: str, written: Mapping[str, Any], filled: Mapping[str, Any]) -> bool:
    """A login is of one kind: what is written decides, then the first variable."""
    is_login = option in _OF_LOGIN
    return not is_login or not any(source.get(other) for source in (written, filled) for other in _OF_LOGIN)


ENVIRONMENT: Mapping[str, Tuple[str, ...]] = {
    "project": ("GCP_PROJECT", "GOOGLE_CLOUD_PROJECT"),
    "credentials": ("GCP_SERVICE_ACCOUNT_CONTENTS",),
    "credentials_file": ("GCP_SERVICE_ACCOUNT_FILE",),
    "access_token": ("GCP_ACCESS_TOKEN",),
}
"""The variables of google.cloud, and the project's of gcloud."""

TRAITS = BackendTraits(
    spec={**SPEC, **OBJECTS},
    aliases={
        "service_account_contents": "credentials",
        "service_account_file": "credentials_file",
        "service_account": "impersonate",
        "region": "location",
        "project_id": "project",
    },
    login=LOGIN,
    environment=ENVIRONMENT,
    refused_environment={
        "GOOGLE_SDK_PYTHON_LOGGING_SCOPE": RefusedVariable("makes Google's library log values and tokens", "Remove it."),
        "GRPC_TRACE": RefusedVariable("makes gRPC write what is sent and received to the output", "Remove it."),
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": RefusedVariable(
            "replaces the authorities that are trusted", "Name the file in 'ca_cert'.", "ca_cert"
        ),
        "GOOGLE_API_USE_CLIENT_CERTIFICATE": _CLIENT_CERTIFICATE,
        "GOOGLE_API_USE_MTLS_ENDPOINT": _CLIENT_CERTIFICATE,
    },
    reads_variable=_reads_variable,
    # A workload identity federation may read those of AWS.
    environment_prefixes=("GOOGLE_", "GCP_", "GRPC_", "CLOUDSDK_", "GCE_", "AWS_"),
    packages=(CLIENT, REQUESTS),
)
