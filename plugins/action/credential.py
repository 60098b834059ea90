# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of `credential`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential import CREDENTIAL
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.action.base import CredentialAction


class ActionModule(CredentialAction):
    """Performs `credential` on the controller."""

    operation = "credential"
    specification = CREDENTIAL

    def perform(self, store: StoreReference, parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> Outcome:
        """Perform the operation, with the values that only the controller can read."""
        if any(item.get(option) for item in (parameters, *(parameters.get("credentials") or ())) for option in ("value_from", "prompt")):
            # Imported here: few tasks need it.
            from ansible_collections.nebula.credential.plugins.plugin_utils.action.read_values import read_values

            def has(name: str) -> bool:
                wanted = {"names": [name], "scope": parameters.get("scope")}
                return not self.ask(store, "credential_info", wanted, variables).result["missing"]

            parameters = read_values(parameters, has, self._read_file)
        return super().perform(store, parameters, variables)

    def _read_file(self, path: str) -> bytes:
        """Return the content of a file that is found as `copy` finds it, decrypted if Ansible Vault has encrypted it."""
        from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import read_file
        from ansible_collections.nebula.credential.plugins.plugin_utils.action.read_values import LARGEST_FILE

        real = self._loader.get_real_file(self._find_needle("files", path))
        try:
            return read_file(real, LARGEST_FILE)
        finally:
            self._loader.cleanup_tmp_file(real)
