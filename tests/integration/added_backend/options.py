# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a shelf takes. Nothing here loads the backend."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.options import OPTIONS as OBJECTS
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits

TRAITS = BackendTraits(
    spec={
        **OBJECTS,
        "material": {"description": "What it is made of.", "type": "str", "default": "wood"},
        "plan": {"description": "Its drawing.", "type": "path"},
        "lock_code": {"description": "What opens its lock.", "type": "str", "no_log": True},
        "keeper": {"description": "Who looks after it.", "type": "dict"},
    },
    parts_with_paths=("keeper.badge_file",),
    parts_with_secrets=("keeper.badge",),
    aliases={"code": "lock_code", "badge": "keeper.badge"},
    login=("lock_code",),
)
