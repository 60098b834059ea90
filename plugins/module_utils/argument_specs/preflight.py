# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nebula.credential.preflight` accepts."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification, store_options

PREFLIGHT = Specification(
    argument_spec=dict(
        {
            "for": {"type": "str"},
            "playbooks": {"type": "list", "elements": "path"},
            "names": {"type": "list", "elements": "str"},
            "roles_path": {"type": "list", "elements": "path"},
        },
        **store_options(),
    ),
)
