# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options and packages of variables of GitLab CI. Loads no backend."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits
from ansible_collections.nebula.credential.plugins.module_utils.errors import Package

REQUESTS = Package("requests >= 2.31", "requests")
URL, TOKEN, PROJECT, GROUP, ENVIRONMENT_SCOPE = "url", "token", "project", "group", "environment_scope"
MASKED, PROTECTED, CA_CERT = "masked", "protected", "ca_cert"

TRAITS = BackendTraits(
    spec={
        URL: {"description": "The address of GitLab.", "type": "str", "default": "https://gitlab.com"},
        TOKEN: {"description": "An access token with the scope `api`, of a maintainer.", "type": "str", "no_log": True},
        PROJECT: {"description": "The project, by its path or its number. Either this, or `group`.", "type": "str"},
        GROUP: {"description": "The group, by its path or its number.", "type": "str"},
        ENVIRONMENT_SCOPE: {"description": "The environments that get the variables.", "type": "str", "default": "*"},
        MASKED: {
            "description": "Whether the logs of jobs hide the values. GitLab takes only some values then, and others are refused.",
            "type": "bool",
            "default": True,
        },
        PROTECTED: {
            "description": "Whether only jobs of protected branches and tags get the variables.",
            "type": "bool",
            "default": True,
        },
        CA_CERT: {"description": "A file with the authority that signs the server's certificate.", "type": "path"},
    },
    aliases={"api_url": URL, "cacert": CA_CERT},
    login=(TOKEN,),
    packages=(REQUESTS,),
)
