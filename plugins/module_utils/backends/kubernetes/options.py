# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options and packages of a store in Kubernetes. Loads no backend."""

from __future__ import annotations

from typing import Any, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.options import OPTIONS as OBJECTS
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import (
    BackendTraits,
    RefusedVariable,
    Spec,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import Package

KUBECONFIG = "KUBECONFIG"
"""The variable of kubectl: several files, of which some may be missing. So it is no value of the option `kubeconfig`."""
CLIENT = Package("kubernetes >= 28.1", "kubernetes")
SERVER: Spec = {
    "kubeconfig": {
        "description": "The cluster and the login. Without it: `KUBECONFIG`, `~/.kube/config`, then the pod's service account.",
        "type": "path",
    },
    "context": {"description": "The context of the kubeconfig, if not the current one.", "type": "str"},
    "host": {"description": "The API server, `https://…`, instead of a kubeconfig; plain `http://` only to this machine.", "type": "str"},
    "api_key": {"description": "The token for `host`.", "type": "str", "no_log": True},
    "service_account": {
        "description": "The service account whose rights are used, as `name` (in the store's namespace) or `namespace/name`. "
        "The login may impersonate it, or is its own.",
        "type": "str",
    },
    "namespace": {"description": "The namespace. Without it: that of the context or the pod.", "type": "str"},
    "ca_cert": {"description": "A file with the authority that signs the server's certificate.", "type": "path"},
    "client_cert": {"description": "A login by certificate, for `host`.", "type": "path"},
    # A path is not secret, although ansible-core assumes so from its name.
    "client_key": {"description": "The key of that certificate, if that file does not hold it.", "type": "path", "no_log": False},
    "tls_server_name": {"description": "The name in the server's certificate, if it is not the host.", "type": "str"},
    "verify": {"description": "Whether the server's certificate is checked.", "type": "bool", "default": True},
    "allow_insecure_transport": {"description": "Allow `http://` to another machine.", "type": "bool", "default": False},
}
"""The options of the server and the login."""

LOGIN = ("api_key",)
ENVIRONMENT: Mapping[str, Tuple[str, ...]] = {
    "host": ("K8S_AUTH_HOST",),
    "api_key": ("K8S_AUTH_API_KEY",),
    "client_cert": ("K8S_AUTH_CERT_FILE",),
    "client_key": ("K8S_AUTH_KEY_FILE",),
    "kubeconfig": ("K8S_AUTH_KUBECONFIG",),
    "context": ("K8S_AUTH_CONTEXT",),
    "ca_cert": ("K8S_AUTH_SSL_CA_CERT",),
}
"""The variables of kubernetes.core. A server by its address comes before one of a kubeconfig."""
_OF_HOST = ("host", "api_key", "api_key_file", "api_key_env", "client_cert", "client_key")
_OF_KUBECONFIG = ("kubeconfig", "context")
_OTHER_LOGIN = RefusedVariable("is a login by user name, which API servers no longer have", "Set K8S_AUTH_API_KEY.", "api_key")
_OTHER_USER = RefusedVariable("asks for another user's rights, and is not read", "Write 'as' in a context's user of a kubeconfig.")
_PROXY = RefusedVariable("configures a proxy, and is not read", "Set HTTPS_PROXY (and NO_PROXY) instead.")
_UNCHECKED = RefusedVariable(
    "switches off the check of the server's certificate",
    "Write 'verify: false' in the store if that is meant.",
    "verify",
    ("true", "yes", "on", "1", "y", "t"),
)
REFUSED_ENVIRONMENT: Mapping[str, RefusedVariable] = {
    "K8S_AUTH_VERIFY_SSL": _UNCHECKED,
    "K8S_AUTH_USERNAME": _OTHER_LOGIN,
    "K8S_AUTH_PASSWORD": _OTHER_LOGIN,
    "K8S_AUTH_IMPERSONATE_USER": _OTHER_USER,
    "K8S_AUTH_IMPERSONATE_GROUPS": _OTHER_USER,
    **{
        "K8S_AUTH_" + name: _PROXY
        for name in ("PROXY", "NO_PROXY", "PROXY_HEADERS_BASIC_AUTH", "PROXY_HEADERS_PROXY_BASIC_AUTH", "PROXY_HEADERS_USER_AGENT")
    },
}


def _reads_variable(option: str, written: Mapping[str, Any], filled: Mapping[str, Any]) -> bool:
    """A login is of one kind: what is written decides which, then the address of a server, then a kubeconfig."""
    if option in _OF_HOST:
        return not any(written.get(other) for other in _OF_KUBECONFIG)
    return option not in _OF_KUBECONFIG or not any(filled.get(other) for other in _OF_HOST)


TRAITS = BackendTraits(
    spec={
        **SERVER,
        **OBJECTS,
        "prefix": {"description": "The prefix of the Secrets' names. Empty for the whole namespace.", "type": "str", "default": "nebula-"},
        "label_selector": {"description": "Narrows listings, as `kubectl -l` does.", "type": "str"},
    },
    aliases={
        "validate_certs": "verify",
        "verify_ssl": "verify",
        "cacert": "ca_cert",
        "ssl_ca_cert": "ca_cert",
        "cert_file": "client_cert",
        "key_file": "client_key",
        "token": "api_key",
        "token_file": "api_key_file",
        "token_env": "api_key_env",
    },
    login=LOGIN,
    environment=ENVIRONMENT,
    refused_environment=REFUSED_ENVIRONMENT,
    reads_variable=_reads_variable,
    # A kubeconfig may name a login program of a cloud, which reads that cloud's variables.
    environment_prefixes=("KUBE", "K8S_AUTH_", "AWS_", "AZURE_", "GOOGLE_"),
    packages=(CLIENT,),
)
