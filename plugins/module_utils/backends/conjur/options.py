# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options and packages of a store in Conjur. Loads no backend."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits, RefusedVariable
from ansible_collections.nebula.credential.plugins.module_utils.errors import Package

SDK = Package("conjur-api >= 0.2", "conjur_api")
URL, ACCOUNT, LOGIN, API_KEY, PREFIX, CA_CERT = "url", "account", "login", "api_key", "prefix", "ca_cert"

TRAITS = BackendTraits(
    spec={
        URL: {"description": "The address of Conjur: `https://conjur.example.com`.", "type": "str", "required": True},
        ACCOUNT: {"description": "The account, as it was named when Conjur was set up.", "type": "str", "required": True},
        LOGIN: {"description": "Who logs in: a user, or `host/` with the id of a host.", "type": "str", "required": True},
        API_KEY: {"description": "The API key of the login.", "type": "str", "no_log": True},
        PREFIX: {
            "description": "The beginning of the variables' ids, such as the policy `shop/` that they are in.",
            "type": "str",
            "default": "",
        },
        CA_CERT: {"description": "A file with the authority that signs Conjur's certificate.", "type": "path"},
    },
    aliases={"appliance_url": URL, "authn_login": LOGIN, "authn_api_key": API_KEY, "cert_file": CA_CERT, "cacert": CA_CERT},
    login=(API_KEY,),
    environment={
        URL: ("CONJUR_APPLIANCE_URL",),
        ACCOUNT: ("CONJUR_ACCOUNT",),
        LOGIN: ("CONJUR_AUTHN_LOGIN",),
        API_KEY: ("CONJUR_AUTHN_API_KEY",),
        CA_CERT: ("CONJUR_CERT_FILE",),
    },
    refused_environment={
        "CONJUR_AUTHN_TOKEN_FILE": RefusedVariable("names a token, and is not read", "Write 'api_key'.", API_KEY),
        "CONJUR_SSL_CERTIFICATE": RefusedVariable("holds an authority, and is not read", "Name its file in 'ca_cert'.", CA_CERT),
    },
    environment_prefixes=("CONJUR_",),
    packages=(SDK,),
)
