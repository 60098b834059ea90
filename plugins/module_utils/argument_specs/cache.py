# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nebula.credential.cache` accepts."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification, store_options

CACHE = Specification(
    argument_spec=dict(
        store_options(),
        name={"type": "str"},
        all_stores={"type": "bool", "default": False},
        state={"type": "str", "choices": ["cleared"]},
    ),
    required_by={"name": ("state",)},
)
