# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options and packages of a store in Azure Key Vault. Loads no backend."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.options import OPTIONS as OBJECTS
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits, RefusedVariable, Spec
from ansible_collections.nebula.credential.plugins.module_utils.errors import Package

SECRETS = Package("azure-keyvault-secrets >= 4.10", "azure")
IDENTITY = Package("azure-identity >= 1.19", "azure")
REQUESTS = Package("requests >= 2.31", "requests")


class Method(NamedTuple):
    """A way to log in: the options that it needs, and those that it may have."""

    needed: Tuple[str, ...] = ()
    optional: Tuple[str, ...] = ()


METHODS: Mapping[str, Method] = {
    "client_secret": Method(("tenant_id", "client_id", "client_secret")),
    "certificate": Method(("tenant_id", "client_id", "client_certificate"), ("certificate_password",)),
    "managed_identity": Method((), ("client_id",)),
    "workload_identity": Method(("tenant_id", "client_id", "federated_token_file")),
    "cli": Method((), ("tenant_id",)),
}
"""The values of `auth_method`."""
LOGIN = ("client_secret", "certificate_password")
"""The options of a login that can also be given as `<option>_file` or `<option>_env`."""
LOGIN_OPTIONS = tuple(dict.fromkeys(option for method in METHODS.values() for option in (*method.needed, *method.optional)))

VAULT: Spec = {
    "vault_url": {"description": "The vault, `https://NAME.vault.azure.net`.", "type": "str"},
    "api_version": {"description": "The version of Key Vault's REST interface.", "type": "str", "default": "7.3"},
    "auth_method": {"description": "How to log in. It is always written: no other way is tried.", "type": "str", "choices": list(METHODS)},
    "tenant_id": {"description": "The tenant (directory) of the identity.", "type": "str"},
    "client_id": {
        "description": "The application (client) id of the service principal, or of a user-assigned managed identity.",
        "type": "str",
    },
    "client_secret": {"description": "`client_secret`: the secret of the service principal.", "type": "str", "no_log": True},
    "client_certificate": {
        "description": "`certificate`: a PEM or PKCS#12 file with the certificate of the service principal and its RSA key.",
        "type": "path",
    },
    "certificate_password": {"description": "`certificate`: the password of that file.", "type": "str", "no_log": True},
    # A path is not secret, although ansible-core assumes so from its name.
    "federated_token_file": {
        "description": "`workload_identity`: the file of the projected service account token.",
        "type": "path",
        "no_log": False,
    },
    "authority": {
        "description": "The host of Microsoft Entra that logs in. Without it: that of the vault's cloud.",
        "type": "str",
    },
    "ca_cert": {"description": "A file with the authorities that sign the servers' certificates.", "type": "path"},
}
"""The options of the vault and the login."""

ENVIRONMENT: Mapping[str, Tuple[str, ...]] = {
    "vault_url": ("AZURE_KEYVAULT_URL",),
    "authority": ("AZURE_AUTHORITY_HOST",),
    "tenant_id": ("AZURE_TENANT_ID", "AZURE_TENANT"),
    "client_id": ("AZURE_CLIENT_ID",),
    "client_secret": ("AZURE_CLIENT_SECRET", "AZURE_SECRET"),
    "client_certificate": ("AZURE_CLIENT_CERTIFICATE_PATH",),
    "certificate_password": ("AZURE_CLIENT_CERTIFICATE_PASSWORD",),
    "federated_token_file": ("AZURE_FEDERATED_TOKEN_FILE",),
}
"""The variables of azure-identity and of azure.azcollection."""
REFUSED_ENVIRONMENT: Mapping[str, RefusedVariable] = {
    "AZURE_CLOUD_ENVIRONMENT": RefusedVariable(
        "chooses a cloud, and is not read",
        "Write the host that logs in as 'authority'.",
        "authority",
        ("azurecloud", "azure_public_cloud"),
    ),
}


def _reads_variable(option: str, written: Mapping[str, Any], _filled: Mapping[str, Any]) -> bool:
    """Read only the variables of the login that is configured. A managed identity is never chosen by a variable."""
    if option not in LOGIN_OPTIONS:
        return True
    method = METHODS.get(str(written.get("auth_method")), Method())
    return option in method.needed or (option in method.optional and option != "client_id")


TRAITS = BackendTraits(
    spec={
        **VAULT,
        **OBJECTS,
        "prefix": {"description": "The prefix of the secrets' names. Empty for the whole vault.", "type": "str", "default": "nebula-"},
    },
    aliases={
        "url": "vault_url",
        "keyvault_uri": "vault_url",
        "tenant": "tenant_id",
        "secret": "client_secret",
        "secret_file": "client_secret_file",
        "secret_env": "client_secret_env",
        "cacert": "ca_cert",
    },
    login=LOGIN,
    environment=ENVIRONMENT,
    refused_environment=REFUSED_ENVIRONMENT,
    reads_variable=_reads_variable,
    environment_prefixes=("AZURE_",),
    packages=(SECRETS, IDENTITY, REQUESTS),
)
