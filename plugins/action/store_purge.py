# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of `store_purge`."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store_purge import STORE_PURGE
from ansible_collections.nebula.credential.plugins.plugin_utils.action.base import CredentialAction


class ActionModule(CredentialAction):
    """Performs `store_purge` on the controller."""

    operation = "store_purge"
    specification = STORE_PURGE
