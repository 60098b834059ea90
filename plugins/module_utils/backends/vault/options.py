# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options and packages of a store in HashiCorp Vault or OpenBao. Times are seconds. Loads no backend."""

from __future__ import annotations

from typing import Mapping

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.options import OPTIONS as OBJECTS
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits, Package, Spec

HVAC = Package("hvac >= 2.3", "hvac")
BOTOCORE = Package("botocore", "botocore", "`auth: {method: aws}`")
AZURE_IDENTITY = Package("azure-identity", "azure", "`auth: {method: azure}`")
AUTH = "auth"
AUTH_SECRETS = ("token", "secret_id", "jwt", "password", "secret_key", "session_token")
"""The parts of `auth` with secret values."""
AUTH_PATHS = ("token_file", "secret_id_file", "jwt_file", "jwt_path", "password_file")
"""The parts of `auth` that are paths."""
TOKEN_VARIABLE = "VAULT_TOKEN"
SERVER_ENVIRONMENT: Mapping[str, str] = {"url": "VAULT_ADDR", "namespace": "VAULT_NAMESPACE", "ca_cert": "VAULT_CACERT"}
CONNECTION: Spec = {
    "url": {"type": "str"},
    "namespace": {"type": "str"},
    "ca_cert": {"type": "path"},
    "ca_path": {"type": "path"},
    "client_cert": {"type": "path"},
    # Paths are not secret, although ansible-core assumes so from their names.
    "client_key": {"type": "path", "no_log": False},
    "tls_server_name": {"type": "str"},
    "verify": {"type": "bool", "default": True},
    "allow_insecure_transport": {"type": "bool", "default": False},
    # Not no_log: ansible-core 2.22 would mask every word in it. AUTH_SECRETS lists the secret parts.
    AUTH: {"type": "dict", "no_log": False},
    "revoke_on_close": {"type": "bool", "default": True},
}
"""The options of every connection to a server."""
CONNECTION_PATHS = tuple(AUTH + "." + part for part in AUTH_PATHS)
CONNECTION_SECRETS = tuple(AUTH + "." + part for part in AUTH_SECRETS)
LOCATION: Spec = {
    "mount": {"type": "str", "default": "secret"},
    "prefix": {"type": "str", "default": "nebula"},
    "kv_version": {"type": "int", "default": 2, "choices": [1, 2]},
}
"""The location of the store in a KV engine."""
KV1: Spec = {**LOCATION, **OBJECTS, "single_writer": {"type": "bool", "default": False}}
KV2: Spec = {**LOCATION, "keep_versions": {"type": "int", "default": 10}}
KV2_ENCRYPTED: Spec = {**LOCATION, **OBJECTS}
DYNAMIC: Spec = {
    "lease_path": {"type": "str", "default": "creds/{name}"},
    "roles_path": {"type": "str", "default": "roles"},
    "parameters": {"type": "dict"},
    "ttl": {"type": "int"},
    "max_ttl": {"type": "int"},
}
"""The options of `engine: dynamic`, as well as those of the connection."""
KV_ENGINE, DYNAMIC_ENGINE = "kv", "dynamic"


TRAITS = BackendTraits(
    spec={
        **CONNECTION,
        **KV1,
        **KV2,
        **DYNAMIC,
        # The engine defines its default.
        "mount": {"type": "str"},
        "engine": {"type": "str", "default": KV_ENGINE, "choices": [KV_ENGINE, DYNAMIC_ENGINE]},
    },
    parts_with_paths=CONNECTION_PATHS,
    parts_with_secrets=CONNECTION_SECRETS,
    environment={**SERVER_ENVIRONMENT, AUTH + ".token": TOKEN_VARIABLE},
    environment_prefixes=("VAULT_", "BAO_", "AWS_", "AZURE_"),
    packages=(HVAC, BOTOCORE, AZURE_IDENTITY),
)
