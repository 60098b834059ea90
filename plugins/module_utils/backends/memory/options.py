# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a store in memory. Loads no backend."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits

TRAITS = BackendTraits(
    spec={
        "max_credentials": {"description": "The most names.", "type": "int", "default": 1000},
        "keep_versions": {"description": "How many older values of a credential can still be read.", "type": "int", "default": 10},
        "persist_on_shutdown": {
            "description": "Keep everything in `persist_path` too, and load it at the next start.",
            "type": "bool",
            "default": False,
        },
        "persist_path": {"description": "That file, with mode 0600.", "type": "path"},
    },
)
