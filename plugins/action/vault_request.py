# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of `vault_request`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.vault_request import VAULT_REQUEST
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.action.base import CredentialAction


class ActionModule(CredentialAction):
    """Makes a request on the controller. Later tasks can use all of a sensitive response, and no output shows any of it."""

    operation = "vault_request"
    specification = VAULT_REQUEST

    def _build_result(self, outcome: Outcome, parameters: Mapping[str, Any], reported: dict[str, Any]) -> dict[str, Any]:
        return _hide(super()._build_result(outcome, parameters, reported))

    def _on_target(self, arguments: dict[str, Any], parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        return _hide(super()._on_target(arguments, parameters, variables))


def _hide(result: dict[str, Any]) -> dict[str, Any]:
    """Return the result as `no_log` would have it, if it holds a secret, and without what only the session needs."""
    shown = {name: value for name, value in result.items() if name != "names"}
    return {**shown, "_ansible_no_log": True} if shown.get("sensitive") else shown
