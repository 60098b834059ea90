# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of `credential_refresh`."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_refresh import CREDENTIAL_REFRESH
from ansible_collections.nebula.credential.plugins.plugin_utils.action.base import CredentialAction


class ActionModule(CredentialAction):
    """Performs `credential_refresh` on the controller."""

    operation = "credential_refresh"
    specification = CREDENTIAL_REFRESH
