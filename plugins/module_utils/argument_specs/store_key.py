# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nebula.credential.store_key` accepts."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification, store_options

PRESENT, ROTATED = "present", "rotated"

STORE_KEY = Specification(
    argument_spec=dict(
        store_options(),
        state={"type": "str", "choices": [PRESENT, ROTATED], "default": PRESENT},
        compromised={"type": "bool", "default": False},
        drop_sources={"type": "list", "elements": "str", "default": []},
        keep_until={"type": "str"},
        progress={"type": "bool"},
    ),
)
