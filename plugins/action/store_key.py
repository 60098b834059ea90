# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of `store_key`."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store_key import STORE_KEY
from ansible_collections.nebula.credential.plugins.plugin_utils.action.base import CredentialAction


class ActionModule(CredentialAction):
    """Performs `store_key` on the controller."""

    operation = "store_key"
    specification = STORE_KEY
