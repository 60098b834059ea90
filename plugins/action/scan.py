# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of `scan`: it says where the paths are, and the process that holds the store searches them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.scan import SCAN
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.action.base import CredentialAction


class ActionModule(CredentialAction):
    """Performs `scan` on the controller, where the values stay."""

    operation = "scan"
    specification = SCAN

    def perform(self, store: StoreReference, parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> Outcome:
        """Search the paths. A relative one is below the directory of the playbook."""
        paths = [os.path.normpath(os.path.join(self._loader.get_basedir(), path)) for path in parameters["paths"]]
        return self.ask(store, self.operation, {**parameters, "paths": paths}, variables)
