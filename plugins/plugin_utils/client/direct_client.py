# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Perform operations in this process, for a run without a session."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.module_utils.context.progress import Progress, reporting_to
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, as_credential_error
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.cache import OPERATION as CACHE
from ansible_collections.nebula.credential.plugins.module_utils.operations.cache import needs_store, without_session
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import answer_unopened, perform
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import VaultPassword, open_store
from ansible_collections.nebula.credential.plugins.plugin_utils.client.base import Client
from ansible_collections.nebula.credential.plugins.plugin_utils.client.exit_hooks import ExitHook
from ansible_collections.nebula.credential.plugins.plugin_utils.client.progress_display import showing_progress
from ansible_collections.nebula.credential.plugins.plugin_utils.config.config_secrets import secrets_of
from ansible_collections.nebula.credential.plugins.plugin_utils.output import masking
from ansible_collections.nebula.credential.plugins.plugin_utils.session.store_fingerprint import Fingerprints


class DirectClient(Client):
    """Open stores in this process, and keep them open in it, by the fingerprint of their configuration."""

    def __init__(self, read_vault_password: VaultPassword | None = None) -> None:
        """Start with no store open. `read_vault_password` returns a password of Ansible Vault; without it, the run has them."""
        self._read_vault_password = read_vault_password
        self._fingerprints = Fingerprints()
        self._open: dict[str, CredentialManager] = {}
        self._opening = threading.Lock()
        self._end: ExitHook | None = None

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
        if operation == CACHE and not needs_store(store.config, parameters):
            return without_session(parameters)
        try:
            manager = self._manager(store)
        except CredentialError as error:
            return answer_unopened(operation, store.config, store.name, error)
        beside = {role: self._manager(other) for role, other in store.beside.items()}
        count = Progress(lambda: self._end is None or not self._end.is_due)
        deferring = nullcontext() if self._end is None else self._end.deferring_signals()
        with deferring, reporting_to(count), showing_progress(progress, count.describe):
            return perform(manager, operation, parameters, context, check_mode, beside=beside)

    def _manager(self, store: StoreReference) -> CredentialManager:
        with self._opening:
            fingerprint = self._fingerprints.of(store.name, store.config)
            if fingerprint not in self._open:
                masking.register(secrets_of(store.config))
                self._open[fingerprint] = open_store(
                    store.config, name=store.name, warn=Display().warning, vault_password=self._find_vault_password
                )
                self._close_at_end(self._open[fingerprint])
            return self._open[fingerprint]

    def _find_vault_password(self, vault_id: str | None) -> Secret | None:
        if self._read_vault_password is not None:
            return self._read_vault_password(vault_id)
        # Loaded here: most stores need none, and what it needs is slow to load.
        from ansible_collections.nebula.credential.plugins.plugin_utils.config.vault_password import vault_password

        return vault_password(vault_id)

    def _close_at_end(self, manager: CredentialManager) -> None:
        """Close the store when the process ends if it is on a server, which may have leases to revoke. Other stores hold nothing open."""
        if manager.backend.capabilities.remote and self._end is None:
            self._end = ExitHook(self.close)

    def close(self) -> None:
        """Close every store, and show each failure as a warning."""
        managers, self._open = list(self._open.values()), {}
        for manager in managers:
            try:
                manager.close()
            except Exception as error:  # noqa: BLE001  # the process ends, and the other stores must be closed
                Display().warning("store '{0}' was not closed: {1}".format(manager.store, as_credential_error(error)))
