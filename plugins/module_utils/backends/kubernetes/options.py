# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options and packages of a store in Kubernetes. Loads no backend."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.options import OPTIONS as OBJECTS
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits, Package, Spec

KUBECONFIG = "KUBECONFIG"
CLIENT = Package("kubernetes >= 28.1", "kubernetes")
SERVER: Spec = {
    "kubeconfig": {"type": "path"},
    "context": {"type": "str"},
    "host": {"type": "str"},
    "api_key": {"type": "str", "no_log": True},
    "namespace": {"type": "str"},
    "ca_cert": {"type": "path"},
    "client_cert": {"type": "path"},
    # A path is not secret, although ansible-core assumes so from its name.
    "client_key": {"type": "path", "no_log": False},
    "tls_server_name": {"type": "str"},
    "verify": {"type": "bool", "default": True},
    "allow_insecure_transport": {"type": "bool", "default": False},
}
"""The options of the server and the login."""


TRAITS = BackendTraits(
    spec={**SERVER, **OBJECTS, "prefix": {"type": "str", "default": "nebula-"}, "label_selector": {"type": "str"}},
    environment={"kubeconfig": KUBECONFIG},
    # A kubeconfig may name a login program of a cloud, which reads that cloud's variables.
    environment_prefixes=("KUBE", "AWS_", "AZURE_", "GOOGLE_"),
    packages=(CLIENT,),
)
