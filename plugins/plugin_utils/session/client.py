# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The run's side of a session: the same operations, performed there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.lookup.get import controller, exchange, place
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.plugin_utils.session.launching import NoSession, ensure_session, give_up
from ansible_collections.nebula.credential.plugins.plugin_utils.session.messages import error_from, outcome_from
from ansible_collections.nebula.credential.plugins.plugin_utils.vault_password import vault_password

HUNG = "it hangs, or was stopped"


class SessionClient:
    """Performs operations in the run's session, which it starts where there is none yet."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Take the run's `session` options."""
        self._options = options
        self._run = controller()
        self._place = place(*self._run)

    def perform(
        self,
        store: StoreReference,
        operation: str,
        parameters: Mapping[str, Any],
        context: AccessContext,
        check_mode: bool = False,
        question: str | None = None,
    ) -> Outcome:
        """As `Client.perform`.

        Raises:
            NoSession: there is none; nothing was done.
            CredentialError: what the operation raises.
        """
        message = {
            "store": store.name,
            "config": store.config,
            "operation": operation,
            "parameters": parameters,
            "context": asdict(context),
            "check_mode": check_mode,
            "question": question,
        }
        ensure_session(self._place, self._run, self._options)
        reply = self._asked(message)
        if "needs_vault_password" in reply:
            vault_id = reply["needs_vault_password"]
            password = vault_password(vault_id)
            reply = self._asked(
                {**message, "vault_passwords": {vault_id or "": "" if password is None else password.expose().decode("utf-8")}}
            )
        for warning in reply.get("warnings") or ():
            Display().warning(warning)
        if "error" in reply:
            raise error_from(reply["error"])
        return outcome_from(reply)

    def _asked(self, message: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return exchange(self._place, message)
        except TimeoutError:
            give_up(self._place, HUNG)
            raise NoSession(HUNG) from None
        except OSError as error:
            why = "it does not answer ({0})".format(type(error).__name__)
            give_up(self._place, why)
            raise NoSession(why) from None
