# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The seam between Ansible's plugins and the library: how an operation reaches a store.

Lookups and actions know `Client.perform` and nothing behind it. `DirectClient` works in this process; a process in
between may take its place in `client`, and no plugin notices.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import Any

from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.module_utils.batch import neutral
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.operations.cache import OPERATION as CACHE
from ansible_collections.nebula.credential.plugins.module_utils.operations.cache import without_session
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.perform import perform, unopened
from ansible_collections.nebula.credential.plugins.module_utils.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.store import open_store
from ansible_collections.nebula.credential.plugins.module_utils.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.plugin_utils import masking
from ansible_collections.nebula.credential.plugins.plugin_utils.ending import AtEnd
from ansible_collections.nebula.credential.plugins.plugin_utils.session.client import NotForSession, SessionClient
from ansible_collections.nebula.credential.plugins.plugin_utils.session.launching import NoSession
from ansible_collections.nebula.credential.plugins.plugin_utils.store_secrets import secrets_of
from ansible_collections.nebula.credential.plugins.plugin_utils.vault_password import vault_password

WITHOUT = "This run goes on without a session, so that every task asks the stores by itself: {0}."


class Client(ABC):
    """Performs operations on stores."""

    @abstractmethod
    def perform(
        self,
        store: StoreReference,
        operation: str,
        parameters: Mapping[str, Any],
        context: AccessContext,
        check_mode: bool = False,
        question: str | None = None,
    ) -> Outcome:
        """Perform one operation.

        Args:
            store: as `stores.resolve_store` found it.
            operation: get, get_many, find, credential, credential_info, credential_rotate, store_info, store_key, store_schema or cache.
            parameters: the operation's own, validated.
            context: who asks.
            check_mode: tell what would change, change nothing.
            question: by what a session may know the same question again.

        Raises:
            CredentialError: of the class that tells why.
        """

    def forget(self, names: Iterable[str]) -> None:
        """These names were changed by other ways: what is kept of them is dropped."""


class DirectClient(Client):
    """Opens stores in this process and keeps them open for it, by the fingerprint of their configuration."""

    def __init__(self) -> None:
        """Start with no store open."""
        self._key = secrets.token_bytes(32)
        self._open: dict[str, CredentialManager] = {}
        self._end: AtEnd | None = None

    def perform(
        self,
        store: StoreReference,
        operation: str,
        parameters: Mapping[str, Any],
        context: AccessContext,
        check_mode: bool = False,
        question: str | None = None,
    ) -> Outcome:
        if operation == CACHE:
            return without_session(parameters)
        try:
            manager = self._manager(store)
        except CredentialError as error:
            return unopened(operation, store.config, store.name, error)
        with nullcontext() if self._end is None else self._end.working():
            return perform(manager, operation, parameters, context, check_mode)

    def _manager(self, store: StoreReference) -> CredentialManager:
        fingerprint = self._fingerprint(store)
        if fingerprint not in self._open:
            masking.register(secrets_of(store.config))
            self._open[fingerprint] = open_store(store.config, name=store.name, warn=Display().warning, vault_password=vault_password)
            self._close_at_end(self._open[fingerprint])
        return self._open[fingerprint]

    def _close_at_end(self, manager: CredentialManager) -> None:
        """A store on a server may hold what is to be given back (leases). The others have written what they were given."""
        if manager.provider.capabilities.remote and self._end is None:
            self._end = AtEnd(self.close)

    def close(self) -> None:
        """Close every store; what fails is told as a warning."""
        managers, self._open = list(self._open.values()), {}
        for manager in managers:
            try:
                manager.close()
            except Exception as error:  # noqa: BLE001  # the process ends, and the other stores are to be closed
                Display().warning("store '{0}' was not closed: {1}".format(manager.store, neutral(error)))

    def _fingerprint(self, store: StoreReference) -> str:
        """Keyed, because the configuration may hold logins, and by all of it: one login never serves another's."""
        content = json.dumps([store.name, store.config], sort_keys=True, default=str)
        return hmac.new(self._key, content.encode("utf-8"), "sha256").hexdigest()


class RunClient(Client):
    """The run's session where there is one, else this process: the same operations, the same answers."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Take the run's `session` options."""
        self._session = SessionClient(options) if options["enabled"] else None
        self._direct = DirectClient()

    def perform(
        self,
        store: StoreReference,
        operation: str,
        parameters: Mapping[str, Any],
        context: AccessContext,
        check_mode: bool = False,
        question: str | None = None,
    ) -> Outcome:
        if self._session is not None:
            masking.register(secrets_of(store.config))
            try:
                return self._session.perform(store, operation, parameters, context, check_mode, question)
            except NotForSession:
                pass
            except NoSession as why:
                self._session = None
                Display().warning(WITHOUT.format(why))
        return self._direct.perform(store, operation, parameters, context, check_mode)

    def forget(self, names: Iterable[str]) -> None:
        if self._session is not None:
            self._session.forget(names)


_clients: dict[tuple[int, str], Client] = {}


def client(options: Mapping[str, Any]) -> Client:
    """The client of this process for these `session` options. A forked worker gets its own: an open store does not survive a fork."""
    known = (os.getpid(), json.dumps(options, sort_keys=True))
    if known not in _clients:
        for other in [one for one in _clients if one[0] != known[0]]:
            del _clients[other]
        _clients[known] = RunClient(options)
    return _clients[known]
