# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client of a run: its session, or `DirectClient` in this process.

A worker that has a session never imports what `DirectClient` needs: ansible-core keeps no bytecode of a collection, so the import would
take a third of a second.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.catalog import traits_of
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.parameters import list_changed_names
from ansible_collections.nebula.credential.plugins.plugin_utils.client.base import Client
from ansible_collections.nebula.credential.plugins.plugin_utils.client.session_client import NotForSession, SessionClient
from ansible_collections.nebula.credential.plugins.plugin_utils.config.config_secrets import secrets_of
from ansible_collections.nebula.credential.plugins.plugin_utils.output import masking
from ansible_collections.nebula.credential.plugins.plugin_utils.session.launcher import NoSession

WITHOUT = "This run continues without a session, so every task reads the stores by itself: {0}."


class RunClient(Client):
    """Perform operations in the run's session if there is one, else in this process: the same operations, the same results."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Take the run's `session` options."""
        self._any_session = SessionClient(options)
        self._session = self._any_session if options["enabled"] else None
        self._direct: Client | None = None

    def perform(
        self,
        store: StoreReference,
        operation: str,
        parameters: Mapping[str, Any],
        context: AccessContext,
        check_mode: bool = False,
        question: str | None = None,
        progress: str | None = None,
    ) -> Outcome:
        traits = traits_of(operation)
        if self._session is not None:
            for each in store.every:
                masking.register(secrets_of(each.config))
            try:
                return self._session.perform(store, operation, parameters, context, check_mode, question, progress)
            except NotForSession:
                pass
            except NoSession as why:
                self._session = None
                Display().warning(WITHOUT.format(why))
        outcome: Outcome | None = None
        try:
            outcome = self._here().perform(store, operation, parameters, context, check_mode, progress=progress)
            return outcome
        finally:
            if not traits.read_only and not check_mode:
                self.forget(list_changed_names(parameters, None if outcome is None else outcome.result))

    def _here(self) -> Client:
        """Return the client that opens the stores in this process."""
        if self._direct is None:
            from ansible_collections.nebula.credential.plugins.plugin_utils.client.direct_client import DirectClient

            self._direct = DirectClient()
        return self._direct

    def forget(self, names: Iterable[str] | None) -> None:
        """Drop the values in the session, even if this process uses none: other hosts and tasks of the run may use it."""
        self._any_session.forget(names)


_clients: dict[tuple[int, str], Client] = {}


def client(options: Mapping[str, Any]) -> Client:
    """Return this process's client for these `session` options. A forked worker gets its own: an open store does not survive a fork."""
    known = (os.getpid(), json.dumps(options, sort_keys=True))
    if known not in _clients:
        for other in [one for one in _clients if one[0] != known[0]]:
            del _clients[other]
        _clients[known] = RunClient(options)
    return _clients[known]
