# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a store's `lock` that every kind of lock has. Loads no kind."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import Spec

OPTION, SINGLE_WRITER = "lock", "single_writer"
"""The options of a store."""
COMMON: Spec = {
    "kind": {"description": "What keeps the lock. Required.", "type": "str"},
    "wait": {"description": "Seconds to wait while another process holds it.", "type": "float", "default": 30.0},
    "prefix": {
        "description": "Stores with the same prefix share their locks. All controllers of a store need the same one.",
        "type": "str",
        "default": "nebula",
    },
}
LEASE: Spec = {
    "lease": {
        "description": "Seconds after which the lock of a process that was killed is free. More than `write_timeout`.",
        "type": "float",
        "default": 20.0,
    },
}
"""The option of the kinds whose locks outlive their holder."""
