# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nebula.credential.store_purge` accepts."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification, store_options

KEEP_AUDIT, KEEP_METRICS = "keep_audit", "keep_metrics"

STORE_PURGE = Specification(
    argument_spec=dict(
        store_options(),
        keep_audit={"type": "str"},
        keep_metrics={"type": "str"},
    ),
    required_one_of=[[KEEP_AUDIT, KEEP_METRICS]],
)
