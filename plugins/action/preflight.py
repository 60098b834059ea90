# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of `preflight`: it searches the files of the run, and checks what they mention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.preflight import PREFLIGHT
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.action.base import CredentialAction
from ansible_collections.nebula.credential.plugins.plugin_utils.config.store_resolution import resolve_store
from ansible_collections.nebula.credential.plugins.plugin_utils.preflight.mention import Mentions, Place
from ansible_collections.nebula.credential.plugins.plugin_utils.preflight.report import build_report, describe, list_playbooks, search


class ActionModule(CredentialAction):
    """Performs `preflight` on the controller, where the files are."""

    operation = "preflight"
    specification = PREFLIGHT

    def perform(self, store: StoreReference, parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> Outcome:
        """Search the playbooks, those of this run unless others are named, and check what they mention in each store."""
        if self.runs_on_target(parameters):
            raise InvalidInput("only the controller has the files", option="run_on", remedy="Leave it out.")
        names = parameters["names"] or []
        playbooks = parameters["playbooks"]
        found = Mentions() if playbooks is None and names else search(playbooks or list_playbooks(), parameters["roles_path"] or ())
        found.add(names, None, Place("the option 'names'", 0))
        around = self._surroundings(variables)

        def ask(named: str | None, wanted: Sequence[str]) -> Mapping[str, Any]:
            chosen = store if named is None else resolve_store(named, around)
            asked = {"names": list(wanted), "for": parameters["for"], "scope": parameters["scope"]}
            return self.ask(chosen, self.operation, asked, variables).result

        report = build_report(found, ask)
        if report["problems"]:
            report.update(failed=True, msg=describe(report), code=NotFound.code)
        return Outcome(report)
