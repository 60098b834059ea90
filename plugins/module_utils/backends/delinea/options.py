# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options and packages of a store in a Secret Server of Delinea. Loads no backend."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits, RefusedVariable
from ansible_collections.nebula.credential.plugins.module_utils.errors import Package

SDK = Package("python-tss-sdk >= 2.0", "delinea.secrets.server")
REQUESTS = Package("requests >= 2.31", "requests")
URL, USERNAME, PASSWORD, DOMAIN, FOLDER, CA_CERT = "url", "username", "password", "domain", "folder", "ca_cert"
_OWN_PATHS = "names a path of its own, and is not read"

TRAITS = BackendTraits(
    spec={
        URL: {
            "description": "The address of Secret Server: `https://vault.example.com/SecretServer`, or `https://example.secretservercloud.com`.",
            "type": "str",
            "required": True,
        },
        USERNAME: {"description": "The user who logs in: an application account.", "type": "str", "required": True},
        PASSWORD: {"description": "The password of the user.", "type": "str", "no_log": True},
        DOMAIN: {"description": "The domain of the user, if it is one of a directory.", "type": "str"},
        FOLDER: {
            "description": "The folder that the secrets are in, or in folders below it: `Operations`, or `Operations/Shop`.",
            "type": "str",
            "required": True,
        },
        CA_CERT: {"description": "A file with the authority that signs the server's certificate.", "type": "path"},
    },
    aliases={"base_url": URL, "cacert": CA_CERT},
    login=(PASSWORD,),
    environment={
        URL: ("TSS_BASE_URL",),
        USERNAME: ("TSS_USERNAME",),
        PASSWORD: ("TSS_PASSWORD",),
        DOMAIN: ("TSS_DOMAIN",),
    },
    refused_environment={
        "TSS_TOKEN": RefusedVariable("holds a token, and is not read", "Write 'username' and 'password'.", PASSWORD),
        "TSS_API_PATH_URI": RefusedVariable(_OWN_PATHS, "Write the address in 'url'.", URL),
        "TSS_TOKEN_PATH_URI": RefusedVariable(_OWN_PATHS, "Write the address in 'url'.", URL),
    },
    environment_prefixes=("TSS_",),
    packages=(SDK, REQUESTS),
)
