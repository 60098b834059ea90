# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The declaration of every key source: its options, as data. Loads no source and no library.

A new source is its file, its declaration here, and its row in `registry.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.options import TRAITS as AZURE
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.options import VAULT as AZURE_VAULT
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.options import REQUESTS
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.options import TRAITS as GCP
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits, Spec
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import CONNECTION_TRAITS, GOOGLE_AUTH
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import TRAITS as VAULT
from ansible_collections.nebula.credential.plugins.module_utils.errors import Package
from ansible_collections.nebula.credential.plugins.module_utils.logins import aws_options as aws

OPTION = "key_sources"
KEYRING = Package("keyring>=25", "keyring")
PYTHON_PKCS11 = Package("python-pkcs11>=0.10", "pkcs11")
PYRAGE = Package("pyrage>=1.2", "pyrage")
PASSPHRASES = ("passphrase", "passphrase_file", "passphrase_env")
LABEL: Spec = {"label": {"description": "Tells several sources of one kind apart.", "type": "str"}}
READ_TIMEOUT: Spec = {"read_timeout": {"description": "Seconds for each use.", "type": "float", "default": 5.0}}
VAULT_TRANSIT: Spec = {
    **CONNECTION_TRAITS.spec,
    "mount": {"description": "Where the Transit engine is mounted.", "type": "str", "default": "transit"},
    "key": {"description": "The name of the key.", "type": "str", "no_log": False},
    **LABEL,
    **READ_TIMEOUT,
}
"""The options of `vault_transit` as well as `source`, as an argument spec. Times are seconds."""
_PASSPHRASE: Spec = {
    "passphrase": {"description": "The passphrase itself, from Ansible Vault.", "type": "str", "no_log": True},
    "passphrase_file": {"description": "The file with the passphrase.", "type": "path", "no_log": False},
    "passphrase_env": {"description": "The environment variable with the passphrase.", "type": "str", "no_log": False},
    **LABEL,
}
_ONCE = ("mfa_serial", "mfa_code", "mfa_credential")
"""What a person has to type for each login: a source is opened by machines."""
_AWS = BackendTraits(
    spec={option: spec for option, spec in aws.SPEC.items() if option not in _ONCE},
    aliases=aws.ALIASES,
    login=tuple(option for option in aws.LOGIN if option not in _ONCE),
    environment=aws.ENVIRONMENT,
    environment_prefixes=("AWS_",),
    packages=(aws.BOTOCORE,),
)
_AWS_KMS: Spec = {
    "key": {"description": "The id or the ARN of a KMS key, or its alias (`alias/…`).", "type": "str", "no_log": False},
    **_AWS.spec,
    **LABEL,
    **READ_TIMEOUT,
}
_AZURE_KEY_VAULT: Spec = {
    "key": {"description": "The name of an RSA key of the vault.", "type": "str", "no_log": False},
    **AZURE_VAULT,
    **LABEL,
    **READ_TIMEOUT,
}
_AZURE = replace(AZURE.narrow(_AZURE_KEY_VAULT), environment_prefixes=AZURE.environment_prefixes, packages=AZURE.packages)
_GCP_LOGIN = ("credentials", "access_token", "impersonate", "iam_endpoint", "ca_cert")
_GCP_KMS: Spec = {
    "key": {"description": "The key, `projects/…/locations/…/keyRings/…/cryptoKeys/…`.", "type": "str", "no_log": False},
    "endpoint": {"description": "The address of Cloud KMS, `https://…`, if not Google's own.", "type": "str"},
    **{option: GCP.spec[option] for option in _GCP_LOGIN},
    **LABEL,
    **READ_TIMEOUT,
}
_OF_GRPC = ("GRPC_", "GOOGLE_SDK_")
"""The beginnings of the variables of a library that this source does not use."""
_GCP = replace(
    GCP.narrow(_GCP_KMS),
    refused_environment={name: refused for name, refused in GCP.refused_environment.items() if not name.startswith(_OF_GRPC)},
    environment_prefixes=GCP.environment_prefixes,
    packages=(replace(GOOGLE_AUTH, when=""), REQUESTS),
)
_AGE: Spec = {
    "recipients": {
        "description": "Who can open the store: recipients of age (`age1…`) or public SSH keys. Without it: the identity's own.",
        "type": "list",
        "elements": "str",
    },
    "identity": {
        "description": "The identity that opens it here: `AGE-SECRET-KEY-1…`, or a private SSH key.",
        "type": "str",
        "no_log": True,
    },
    **LABEL,
}
_KEYRING: Spec = {
    "service": {"description": "The name under which the keyring lists the keys.", "type": "str", "default": "nebula.credential"},
    **READ_TIMEOUT,
}
_PKCS11: Spec = {
    "library": {"description": "The library of the HSM, for example `/usr/lib/softhsm/libsofthsm2.so`.", "type": "path"},
    # A name, not a secret.
    "token": {"description": "The label of the token.", "type": "str", "no_log": False},
    "key": {"description": "The label of the AES key in it.", "type": "str", "no_log": False},
    "pin": {"description": "The PIN of the token's user.", "type": "str", "no_log": True},
    **LABEL,
    **READ_TIMEOUT,
}
_MEMORY: Spec = {
    "for_tests": {"description": "Confirms that every value is lost with the process.", "type": "bool", "default": False},
}

SOURCES: Mapping[str, BackendTraits] = {
    "key_file": BackendTraits(spec={"path": {"description": "The key file, if it is not the store's default one.", "type": "path"}}),
    "passphrase": BackendTraits(spec=_PASSPHRASE),
    "ansible_vault": BackendTraits(
        spec={"vault_id": {"description": "The vault id whose password opens the store, if it is not `default`.", "type": "str"}}
    ),
    "age": BackendTraits(spec=_AGE, login=("identity",), packages=(PYRAGE,)),
    "aws_kms": replace(_AWS, spec=_AWS_KMS),
    "azure_key_vault": _AZURE,
    "gcp_kms": _GCP,
    "keyring": BackendTraits(spec=_KEYRING, environment_prefixes=("DBUS_",), packages=(KEYRING,)),
    "memory": BackendTraits(spec=_MEMORY),
    "pkcs11": BackendTraits(
        spec=_PKCS11,
        login=("pin",),
        environment_prefixes=("PKCS11_", "SOFTHSM2_"),
        packages=(PYTHON_PKCS11,),
        runs_programs=True,
    ),
    "vault_transit": replace(CONNECTION_TRAITS, spec=VAULT_TRANSIT, environment_prefixes=VAULT.environment_prefixes),
}
"""Every kind by its name. `credentials`, `directory` and `play_variables` of a declaration mean nothing here."""
LIKE_BACKEND: Mapping[str, str] = {"aws_kms": "aws", "azure_key_vault": "azure", "gcp_kms": "gcp", "vault_transit": "vault"}
"""The sources that log in as a backend does, and its name: the reference describes those options once."""
ON_CONTROLLER: Mapping[str, str] = {
    "ansible_vault": "the run's Ansible vault password",
    "keyring": "the keyring of the user who runs Ansible",
    "memory": "a key in memory",
    "pkcs11": "the library of an HSM",
}
"""The sources that a host cannot use, and what they have that stays on the controller."""
ALLOWED: Mapping[str, Tuple[str, ...]] = {kind: tuple(traits.spec) for kind, traits in SOURCES.items()}
"""The options of each source."""
PATHS = tuple(dict.fromkeys(option for traits in SOURCES.values() for option in (*traits.paths, *traits.parts_with_paths)))
"""The options of an entry, nested ones included, that are paths. An option that several sources have is one in all of them."""
SECRETS = tuple(dict.fromkeys(option for traits in SOURCES.values() for option in traits.secrets))
"""The options with secret values, of every source."""
ALIASES: Mapping[str, Mapping[str, str]] = {kind: traits.aliases for kind, traits in SOURCES.items() if traits.aliases}
"""Other names of the options of each source."""
