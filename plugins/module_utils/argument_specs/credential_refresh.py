# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nebula.credential.credential_refresh` accepts."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification, store_options

EXPIRED, EXPIRES_WITHIN = "expired", "expires_within"
_WAYS = ("name", "names", EXPIRED, EXPIRES_WITHIN)
"""The ways to say which credentials are refreshed."""
_FILTERS = ("prefix", "type", "tags")
"""What chooses among those that have expired or will."""

CREDENTIAL_REFRESH = Specification(
    argument_spec=dict(
        store_options(),
        name={"type": "str"},
        names={"type": "list", "elements": "str"},
        expired={"type": "bool"},
        expires_within={"type": "str"},
        prefix={"type": "str"},
        type={"type": "str"},
        tags={"type": "raw"},
        progress={"type": "bool"},
    ),
    required_one_of=[_WAYS],
    mutually_exclusive=[_WAYS, *((named, option) for named in ("name", "names") for option in _FILTERS)],
)
