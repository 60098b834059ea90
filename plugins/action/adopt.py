# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of `adopt`: it reads the files of other tools, and sends what it found to the process that holds the store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.module_utils.adoption.registry import find_format
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.adopt import (
    ADOPT,
    ANSIBLE_VAULT,
    ENVIRONMENT,
    REPLACE,
    RESTORED,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.action.adopted_names import choose_entries, is_chosen, read_options
from ansible_collections.nebula.credential.plugins.plugin_utils.action.base import CredentialAction


class ActionModule(CredentialAction):
    """Performs `adopt` on the controller, where the files are."""

    operation = "adopt"
    specification = ADOPT

    def perform(self, store: StoreReference, parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> Outcome:
        """Read what is to be adopted, adopt it, and write lookups in its place, or the originals back, if that is wanted."""
        origin = parameters["from"]
        path = "" if origin == ENVIRONMENT else os.path.abspath(self._loader.path_dwim(parameters["path"]))
        if origin == ANSIBLE_VAULT:
            result = self._adopt_vaulted(store, parameters, variables, path)
        else:
            form = find_format(origin)
            options = read_options(parameters["options"], form.options, origin)
            entries = choose_entries(form.read(path, options), parameters)
            result = self._adopt(store, parameters, variables, entries)
            del result["lookup_fields"]
        return Outcome({**result, "from": origin, "path": path or None})

    def _adopt_vaulted(
        self, store: StoreReference, parameters: Mapping[str, Any], variables: Mapping[str, Any], path: str
    ) -> dict[str, Any]:
        # Imported here: they load ansible-core's decryption.
        from ansible_collections.nebula.credential.plugins.plugin_utils.action.vault_adoption import Replacement
        from ansible_collections.nebula.credential.plugins.plugin_utils.action.vaulted_entries import OPTIONS, build_found, place_values
        from ansible_collections.nebula.credential.plugins.plugin_utils.action.vaulted_files import read_vaulted

        def perform(operation: str, given: Mapping[str, Any]) -> Outcome:
            return self.ask(store, operation, given, variables)

        replacement = Replacement(perform, parameters, bool(self._task.check_mode))
        options = read_options(parameters["options"], OPTIONS, ANSIBLE_VAULT)
        if parameters["state"] == RESTORED:
            return replacement.restore(path)
        placed = list(place_values(list(read_vaulted(path)), options, parameters["name_from"]))
        found = build_found(placed)
        entries = choose_entries(found, parameters, Display().warning)
        chosen = [one for one in placed if is_chosen(one.key, parameters)]
        replacement.check_possible(chosen, placed)
        result = self._adopt(store, parameters, variables, entries)
        fields = result.pop("lookup_fields")
        return replacement.replace(chosen, result, fields) if parameters["after"] == REPLACE else result

    def _adopt(
        self, store: StoreReference, parameters: Mapping[str, Any], variables: Mapping[str, Any], entries: list[dict[str, Any]]
    ) -> dict[str, Any]:
        report = parameters.get("report")
        wanted = {name: parameters.get(name) for name in ("on_conflict", "detect_types", "scope")}
        wanted.update(entries=entries, report=None if report is None else os.path.abspath(report))
        return dict(self.ask(store, self.operation, wanted, variables).result)
