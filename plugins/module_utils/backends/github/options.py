# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options and packages of secrets of GitHub Actions. Loads no backend."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits
from ansible_collections.nebula.credential.plugins.module_utils.errors import Package

NACL = Package("PyNaCl >= 1.5", "nacl")
REQUESTS = Package("requests >= 2.31", "requests")
URL, TOKEN, REPOSITORY, ENVIRONMENT, ORGANIZATION = "url", "token", "repository", "environment", "organization"
VISIBILITY, CA_CERT = "visibility", "ca_cert"
SELECTED = "selected"
VISIBILITIES = ("private", "all", SELECTED)

TRAITS = BackendTraits(
    spec={
        URL: {
            "description": "The address of the API; of GitHub Enterprise Server `https://github.example.com/api/v3`.",
            "type": "str",
            "default": "https://api.github.com",
        },
        TOKEN: {
            "description": "A token that may write secrets and variables of Actions (of a fine-grained one: `Secrets` and `Variables`).",
            "type": "str",
            "no_log": True,
        },
        REPOSITORY: {"description": "The repository, as `owner/name`. Either this, or `organization`.", "type": "str"},
        ENVIRONMENT: {"description": "An environment of the repository. Without it: the secrets of the repository.", "type": "str"},
        ORGANIZATION: {"description": "The organization, for secrets that several repositories share.", "type": "str"},
        VISIBILITY: {
            "description": "With `organization`: who gets the secrets, `private` and internal repositories, `all`, or those `selected`.",
            "type": "str",
            "choices": list(VISIBILITIES),
            "default": "private",
        },
        CA_CERT: {"description": "A file with the authority that signs the server's certificate.", "type": "path"},
    },
    aliases={"api_url": URL, "repo": REPOSITORY, "org": ORGANIZATION, "cacert": CA_CERT},
    login=(TOKEN,),
    packages=(NACL, REQUESTS),
)
