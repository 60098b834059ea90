# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of `migrate`: it evaluates the expressions of the transformer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.migrate import MIGRATE, TRANSFORM
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.action.base import CredentialAction
from ansible_collections.nebula.credential.plugins.plugin_utils.action.transformer import Transformer

SELECTING = ("names", "prefix", "tags", "type", "all")


class ActionModule(CredentialAction):
    """Performs `migrate` on the controller."""

    operation = "migrate"
    specification = MIGRATE

    def perform(self, store: StoreReference, parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> Outcome:
        """Migrate. With a transformer, first list what is selected, and evaluate the expressions for each."""
        report = parameters.get("report")
        whole = {**parameters, "report": None if report is None else os.path.abspath(report)}
        written = self._task.args.get(TRANSFORM) if parameters.get(TRANSFORM) else None
        if written is None:
            return super().perform(store, whole, variables)
        transformer = Transformer(self._templar, written)
        selected = self.ask(store, self.operation, {**whole, "step": "select"}, variables).result["selected"]
        items = {row["name"]: transformer.transform(row) for row in selected}
        return super().perform(store, {**whole, "items": items}, variables)

    def _operation_parameters(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in super()._operation_parameters(parameters).items() if name != TRANSFORM}
