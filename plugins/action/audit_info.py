# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of `audit_info`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.audit_info import AUDIT_INFO
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.action.base import CredentialAction


class ActionModule(CredentialAction):
    """Performs `audit_info` on the controller."""

    operation = "audit_info"
    specification = AUDIT_INFO

    def perform(self, store: StoreReference, parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> Outcome:
        """Search the trail. A session has another working directory, so the path of an export is made absolute here."""
        dest = parameters.get("dest")
        return super().perform(store, {**parameters, "dest": None if dest is None else os.path.abspath(dest)}, variables)
