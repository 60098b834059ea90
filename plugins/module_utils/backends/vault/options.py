# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options and packages of a store in HashiCorp Vault or OpenBao. Times are seconds. Loads no backend."""

from __future__ import annotations

from typing import Any, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.options import OPTIONS as OBJECTS
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import (
    BackendTraits,
    RefusedVariable,
    Spec,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import Package

HVAC = Package("hvac >= 2.3", "hvac")
BOTOCORE = Package("botocore >= 1.34", "botocore", "`auth: {method: aws}`")
AZURE_IDENTITY = Package("azure-identity >= 1.19", "azure", "`auth: {method: azure}`")
GOOGLE_AUTH = Package("google-auth >= 2.40", "google.auth", "`auth: {method: gcp}`")
AUTH = "auth"
AUTH_SECRETS = ("token", "secret_id", "jwt", "password", "secret_key", "session_token")
"""The parts of `auth` with secret values."""
AUTH_LOGIN = ("token", "role_id", "secret_id", "jwt", "username", "password", "access_key", "secret_key", "session_token")
"""The parts of `auth` that can also be given as `<part>_file` or `<part>_env`."""
MFA_CODE, MFA_CREDENTIAL = "mfa_code", "mfa_credential"
CREDENTIALS: Mapping[str, str] = {MFA_CODE: MFA_CREDENTIAL}
"""The options that name a credential of another store, by those whose value it is."""
AUTH_PATHS = ("jwt_path", "credentials_file")
"""The other parts of `auth` that are paths."""


def _read_as_the_cli(name: str, *ours: str) -> Tuple[str, ...]:
    """Return the variables of one setting: those of community.hashi_vault first, then OpenBao's, then Vault's."""
    return (*("ANSIBLE_HASHI_VAULT_" + each for each in ours), "BAO_" + name, "VAULT_" + name)


_TIMEOUT = _read_as_the_cli("CLIENT_TIMEOUT", "TIMEOUT")
ENVIRONMENT: Mapping[str, Tuple[str, ...]] = {
    "url": ("ANSIBLE_HASHI_VAULT_ADDR", "BAO_AGENT_ADDR", "VAULT_AGENT_ADDR", "BAO_ADDR", "VAULT_ADDR"),
    "namespace": _read_as_the_cli("NAMESPACE", "NAMESPACE"),
    "ca_cert": _read_as_the_cli("CACERT", "CA_CERT"),
    "ca_path": _read_as_the_cli("CAPATH"),
    "client_cert": _read_as_the_cli("CLIENT_CERT", "CERT_AUTH_PUBLIC_KEY"),
    "client_key": _read_as_the_cli("CLIENT_KEY", "CERT_AUTH_PRIVATE_KEY"),
    "tls_server_name": _read_as_the_cli("TLS_SERVER_NAME"),
    "read_timeout": _TIMEOUT,
    "write_timeout": _TIMEOUT,
    "max_retries": _read_as_the_cli("MAX_RETRIES", "RETRIES"),
    AUTH + ".method": ("ANSIBLE_HASHI_VAULT_AUTH_METHOD",),
    AUTH + ".mount": ("ANSIBLE_HASHI_VAULT_MOUNT_POINT",),
    AUTH + ".token": _read_as_the_cli("TOKEN", "TOKEN"),
    AUTH + ".token_file": ("ANSIBLE_HASHI_VAULT_TOKEN_FILE",),
    AUTH + ".role_id": ("ANSIBLE_HASHI_VAULT_ROLE_ID",),
    AUTH + ".role": ("ANSIBLE_HASHI_VAULT_ROLE_ID",),
    AUTH + ".secret_id": ("ANSIBLE_HASHI_VAULT_SECRET_ID",),
    AUTH + ".jwt": ("ANSIBLE_HASHI_VAULT_JWT",),
    AUTH + ".username": ("ANSIBLE_HASHI_VAULT_USERNAME",),
    AUTH + ".password": ("ANSIBLE_HASHI_VAULT_PASSWORD",),
    AUTH + ".header_value": ("ANSIBLE_HASHI_VAULT_AWS_IAM_SERVER_ID",),
    AUTH + ".resource": ("ANSIBLE_HASHI_VAULT_AZURE_RESOURCE",),
    AUTH + ".client_id": ("ANSIBLE_HASHI_VAULT_AZURE_CLIENT_ID",),
}
"""The variables of the command lines and of community.hashi_vault. Those of `auth` count if the method takes the option."""
THEIRS = "ansible_hashi_vault_"
"""The beginning of the Ansible variables of community.hashi_vault."""
_UNCHECKED = RefusedVariable(
    "switches off the check of the server's certificate",
    "Write 'verify: false' in the store if that is meant.",
    "verify",
    ("0", "f", "false"),
)
_PROXY = RefusedVariable("names a proxy, and is not read", "Set HTTPS_PROXY (and NO_PROXY) instead.")
_TOKEN_DIRECTORY = RefusedVariable(
    "names the directory of the token, and is not read",
    "Write 'token_file' in 'auth', or set ANSIBLE_HASHI_VAULT_TOKEN_FILE to a whole path.",
)
_OFF = ("0", "f", "false")
_RETRY_ACTION = RefusedVariable("chooses how repeats are reported, and is not read", "Metrics count the repeats of a store.")
_TOKEN_VALIDATE = RefusedVariable(
    "has tokens checked before their use, and is not read", "A wrong token is reported by the first request.", None, (*_OFF, "no")
)
_SRV_LOOKUP = RefusedVariable("looks up the server by SRV records, which is not done", "Write the server's address in 'url'.", None, _OFF)
REFUSED_ENVIRONMENT: Mapping[str, RefusedVariable] = {
    "VAULT_SKIP_VERIFY": _UNCHECKED,
    "BAO_SKIP_VERIFY": _UNCHECKED,
    **dict.fromkeys(("ANSIBLE_HASHI_VAULT_PROXIES", "VAULT_PROXY_ADDR", "BAO_PROXY_ADDR", "VAULT_HTTP_PROXY"), _PROXY),
    "ANSIBLE_HASHI_VAULT_TOKEN_PATH": _TOKEN_DIRECTORY,
    "ANSIBLE_HASHI_VAULT_RETRY_ACTION": _RETRY_ACTION,
    "ANSIBLE_HASHI_VAULT_TOKEN_VALIDATE": _TOKEN_VALIDATE,
    "VAULT_SRV_LOOKUP": _SRV_LOOKUP,
    "BAO_SRV_LOOKUP": _SRV_LOOKUP,
}
ALIASES: Mapping[str, str] = {
    "validate_certs": "verify",
    "cacert": "ca_cert",
    "auth_method": AUTH + ".method",
    "mount_point": AUTH + ".mount",
    **{
        part: "{0}.{1}".format(AUTH, part)
        for option in ("token", "role_id", "secret_id", "jwt", "username", "password")
        for part in (option, option + "_file", option + "_env")
    },
}
"""The names of community.hashi_vault, which has no `auth`, for every connection to a server."""
_PAIRS: Mapping[str, Tuple[str, ...]] = {
    "ca_cert": ("ca_path",),
    "ca_path": ("ca_cert",),
    "client_cert": ("client_key",),
    "client_key": (),
}


def _reads_variable(option: str, written: Mapping[str, Any], filled: Mapping[str, Any]) -> bool:
    """Do not mix what is written with variables: authorities of two kinds, or a key with another certificate."""
    if option == "client_key" and written.get("client_cert"):
        return False
    return not any(filled.get(other) for other in _PAIRS.get(option, ()))


CONNECTION: Spec = {
    "url": {"description": "The server, `https://…`; plain `http://` only to this machine.", "type": "str"},
    "namespace": {"description": "The namespace, if the server has them.", "type": "str"},
    "ca_cert": {"description": "A file with the authorities that sign the server's certificate.", "type": "path"},
    "ca_path": {"description": "A directory with such authorities.", "type": "path"},
    "client_cert": {"description": "The client's certificate.", "type": "path"},
    # Paths are not secret, although ansible-core assumes so from their names.
    "client_key": {"description": "The key of the client's certificate, if that file does not hold it.", "type": "path", "no_log": False},
    "tls_server_name": {"description": "The name in the server's certificate, if it is not the host of `url`.", "type": "str"},
    "verify": {"description": "Whether the server's certificate is checked.", "type": "bool", "default": True},
    "allow_insecure_transport": {"description": "Allow `http://` to another machine.", "type": "bool", "default": False},
    # Not no_log: ansible-core 2.22 would mask every word in it. AUTH_SECRETS lists the secret parts.
    AUTH: {
        "description": "The login: `method`, the options of that method, and `mount` if it is not the usual one.",
        "type": "dict",
        "no_log": False,
    },
    "revoke_on_close": {"description": "Revoke a token of our own login at the end.", "type": "bool", "default": True},
}
"""The options of every connection to a server."""
CONNECTION_TRAITS = BackendTraits(
    spec=CONNECTION,
    parts_with_paths=tuple(AUTH + "." + part for part in AUTH_PATHS),
    parts_with_secrets=tuple(AUTH + "." + part for part in AUTH_SECRETS),
    aliases=ALIASES,
    login=tuple(AUTH + "." + part for part in AUTH_LOGIN),
    environment=ENVIRONMENT,
    refused_environment=REFUSED_ENVIRONMENT,
    reads_variable=_reads_variable,
)
"""What everything that talks to a server declares of it."""
LOCATION: Spec = {
    "mount": {"description": "Where the engine is mounted.", "type": "str", "default": "secret"},
    "prefix": {"description": "The folder in it. Empty for the whole mount.", "type": "str", "default": "nebula"},
    "kv_version": {"description": "The version of the KV engine.", "type": "int", "default": 2, "choices": [1, 2]},
}
"""The location of the store in a KV engine."""
KV1: Spec = {
    **LOCATION,
    **OBJECTS,
}
KV2: Spec = {
    **LOCATION,
    "keep_versions": {"description": "How many older values of a credential can still be read.", "type": "int", "default": 10},
}
KV2_ENCRYPTED: Spec = {**LOCATION, **OBJECTS}
DYNAMIC: Spec = {
    "lease_path": {
        "description": "`engine: dynamic`: the path that issues a login, below `mount`.",
        "type": "str",
        "default": "creds/{name}",
    },
    "roles_path": {"description": "`engine: dynamic`: the path that lists the roles, below `mount`.", "type": "str", "default": "roles"},
    "parameters": {"description": "`engine: dynamic`: what is sent with the request.", "type": "dict"},
    "ttl": {"description": "`engine: dynamic`: seconds for which a login is requested.", "type": "int"},
    "max_ttl": {"description": "`engine: dynamic`: seconds after which a login is replaced.", "type": "int"},
}
"""The options of `engine: dynamic`, as well as those of the connection."""
SECOND_FACTOR: Spec = {
    MFA_CODE: {"description": "The code of a second factor that the login needs. It works once.", "type": "str", "no_log": True},
    MFA_CREDENTIAL: {
        "description": "Instead of `mfa_code`: a credential of the type `totp` in another store, `{store: NAME, name: NAME}`. Each login "
        "that needs a second factor reads its code.",
        "type": "dict",
    },
}
"""The second factor of a store's login; what else talks to a server has a login of a machine."""
KV_ENGINE, DYNAMIC_ENGINE = "kv", "dynamic"


TRAITS = BackendTraits(
    spec={
        **CONNECTION,
        **KV1,
        **KV2,
        **DYNAMIC,
        **SECOND_FACTOR,
        # The engine defines its default.
        "mount": {"description": "Where the engine is mounted.", "type": "str"},
        "engine": {
            "description": "`kv`, or `dynamic` for leased logins.",
            "type": "str",
            "default": KV_ENGINE,
            "choices": [KV_ENGINE, DYNAMIC_ENGINE],
        },
    },
    parts_with_paths=CONNECTION_TRAITS.parts_with_paths,
    parts_with_secrets=CONNECTION_TRAITS.parts_with_secrets,
    aliases={**ALIASES, "engine_mount_point": "mount"},
    login=(*CONNECTION_TRAITS.login, MFA_CODE),
    credentials=tuple(CREDENTIALS.values()),
    environment=ENVIRONMENT,
    refused_environment=REFUSED_ENVIRONMENT,
    reads_variable=_reads_variable,
    environment_prefixes=("VAULT_", "BAO_", "ANSIBLE_HASHI_VAULT_", "AWS_", "AZURE_", "GCE_"),
    play_variables=THEIRS,
    packages=(HVAC, BOTOCORE, AZURE_IDENTITY, GOOGLE_AUTH),
)
