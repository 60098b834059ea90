# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nebula.credential.audit_info` accepts."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification, store_options

FILE, TABLE = "file", "table"
"""Where entries are read: the trail of this controller, or the table of a database, which all controllers share."""

MATCHED = ("names", "actions", "operations", "results", "users", "hosts")
"""The filters of which one text must match."""

LIMIT = 1000
MOST = 10_000
"""The greatest `limit`: Ansible keeps and prints the whole result. An export has no limit."""

AUDIT_INFO = Specification(
    argument_spec=dict(
        store_options(),
        **{name: {"type": "list", "elements": "str"} for name in MATCHED},
        violations={"type": "bool"},
        last={"type": "str"},
        since={"type": "str"},
        until={"type": "str"},
        source={"type": "str", "choices": [FILE, TABLE], "default": FILE},
        limit={"type": "int", "default": LIMIT},
        verify={"type": "bool", "default": True},
        dest={"type": "path"},
        format={"type": "str", "choices": ["json", "csv", "pdf"]},
        overwrite={"type": "bool", "default": False},
    ),
    mutually_exclusive=[("last", "since")],
    required_by={"format": ["dest"]},
)
