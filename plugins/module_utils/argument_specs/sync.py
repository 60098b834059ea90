# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nebula.credential.sync` accepts."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification, store_options
from ansible_collections.nebula.credential.plugins.module_utils.model.mirror import ON_DELETE

SYNC = Specification(
    argument_spec=dict(
        store_options(),
        to={"type": "list", "elements": "str"},
        names={"type": "list", "elements": "str"},
        on_delete={"type": "str", "choices": list(ON_DELETE)},
        overwrite_drift={"type": "bool", "default": False},
    ),
)
