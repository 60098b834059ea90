# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options and packages of a store behind 1Password Connect. Loads no backend."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits
from ansible_collections.nebula.credential.plugins.module_utils.errors import Package

SDK = Package("onepasswordconnectsdk >= 2.0", "onepasswordconnectsdk")
URL, TOKEN, VAULT, CA_CERT = "url", "token", "vault", "ca_cert"

TRAITS = BackendTraits(
    spec={
        URL: {
            "description": "The address of the Connect server: `https://connect.example.com`, or `http://` on this machine alone.",
            "type": "str",
            "required": True,
        },
        TOKEN: {"description": "The access token of the Connect server.", "type": "str", "no_log": True},
        VAULT: {"description": "The vault, by its name or its id.", "type": "str", "required": True},
        CA_CERT: {"description": "A file with the authority that signs the server's certificate.", "type": "path"},
    },
    aliases={"connect_host": URL, "hostname": URL, "connect_token": TOKEN, "cacert": CA_CERT},
    login=(TOKEN,),
    environment={URL: ("OP_CONNECT_HOST",), TOKEN: ("OP_CONNECT_TOKEN",), VAULT: ("OP_VAULT",)},
    environment_prefixes=("OP_",),
    packages=(SDK,),
)
