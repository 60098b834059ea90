# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of `credential_flow`: it repeats the request of a device until a person has confirmed the login."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_flow import CREDENTIAL_FLOW, WAIT
from ansible_collections.nebula.credential.plugins.module_utils.errors import Timeout
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import duration
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.action.base import CredentialAction

DEFAULT_TIMEOUT = "10m"
MORE = 5
"""Seconds that are added between two requests each time the service wants that (RFC 8628 section 3.5)."""


class ActionModule(CredentialAction):
    """Performs `credential_flow` on the controller."""

    operation = "credential_flow"
    specification = CREDENTIAL_FLOW

    def perform(self, store: StoreReference, parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> Outcome:
        """Perform one phase. For `wait`, request again until the login is complete, as often as the service allows it."""
        outcome = self.ask(store, self.operation, parameters, variables)
        if parameters["phase"] != WAIT or self._task.check_mode:
            return outcome
        timeout = duration(parameters.get("timeout") or DEFAULT_TIMEOUT, "timeout").total_seconds()
        ends_at = time.monotonic() + timeout
        interval = 0
        while outcome.result["pending"]:
            interval = max(interval, outcome.result["interval"]) + (MORE if outcome.result["slow_down"] else 0)
            if time.monotonic() + interval >= ends_at:
                what = "no person has confirmed the login within {0:.0f} s".format(timeout)
                remedy = "Confirm it, and run phase 'wait' again: the login stays open until it expires."
                raise Timeout(what, name=parameters["name"], remedy=remedy)
            time.sleep(interval)
            outcome = self.ask(store, self.operation, parameters, variables)
        return outcome
