# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a store behind a command. Loads no backend."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits

NEBULA, DOCKER, GIT = "nebula", "docker", "git"
ADDRESS, OPTIONS, KEEP_VERSIONS, SECRET = "address", "options", "keep_versions", "secret"
OF_NEBULA = (OPTIONS, KEEP_VERSIONS, SECRET, SECRET + "_file", SECRET + "_env")
"""The options that only our own protocol knows."""

TRAITS = BackendTraits(
    spec={
        "command": {
            "description": "The program and its arguments. It runs on the controller, as the user of the run. Put no secret into it.",
            "type": "list",
            "elements": "str",
            "required": True,
        },
        "protocol": {
            "description": "What it speaks: our own protocol, or, to read only, that of a credential helper of Docker or of Git.",
            "type": "str",
            "default": NEBULA,
            "choices": [NEBULA, DOCKER, GIT],
        },
        OPTIONS: {"description": "What each request of `protocol: nebula` passes to the command.", "type": "dict"},
        SECRET: {
            "description": "One secret that each request of `protocol: nebula` passes to the command: what opens the place behind it.",
            "type": "str",
            "no_log": True,
        },
        "environment": {
            "description": "The names of further environment variables that the command gets. Without it: only those of every program.",
            "type": "list",
            "elements": "str",
        },
        ADDRESS: {
            "description": "With `docker` and `git`: the address that is looked up, with `{name}` for the credential's name. "
            "Without it: `{name}`, and `https://{name}` with `git`.",
            "type": "str",
        },
        "show_messages": {
            "description": "Whether an error shows what the command says of it, which may hold a secret.",
            "type": "bool",
            "default": False,
        },
        KEEP_VERSIONS: {
            "description": "With `protocol: nebula`: how many older values of a credential can still be read. Without it: 10.",
            "type": "int",
        },
    },
    login=(SECRET,),
    runs_programs=True,
)
