# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a store in memory. Loads no backend."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits

TRAITS = BackendTraits(
    spec={
        "max_credentials": {"type": "int", "default": 1000},
        "keep_versions": {"type": "int", "default": 10},
        "persist_on_shutdown": {"type": "bool", "default": False},
        "persist_path": {"type": "path"},
    },
)
