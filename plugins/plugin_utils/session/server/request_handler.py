# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The handler of a session's requests: it keeps the stores, maps known digests to operations, and performs operations."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

from ansible_collections.nebula.credential.plugins.module_utils.context.cache_only import NotHeld, only_held
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, neutral
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.layer import Cache, CacheTerms
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.cache import OPERATION as CACHE
from ansible_collections.nebula.credential.plugins.module_utils.operations.cache import cached
from ansible_collections.nebula.credential.plugins.module_utils.operations.catalog import traits_of
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform, unopened
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.parameters import list_changed_names
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.plugin_utils.session.messages import described_error, described_outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.pending_digests import Explaining
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.store_pool import HeldStores, NeedsVaultPassword

UNKNOWN: Mapping[str, Any] = {"unknown": True}
AWAITED: Mapping[str, Any] = {"awaited": True}
"""Never sent: the caller waits until another one has resolved the digest."""
REMEMBERED = 20000
REFRESHERS = 4


class Question(NamedTuple):
    """The request that a lookup's digest stands for: everything but the names."""

    manager: CredentialManager
    operation: str
    parameters: Mapping[str, Any]
    context: AccessContext

    def of(self, names: Sequence[str]) -> Mapping[str, Any]:
        """Return the operation's parameters for these names."""
        return {**self.parameters, **({"names": [*names]} if "names" in self.parameters else {"name": names[0]})}


class Desk:
    """Handle requests. The event loop calls `known`, which never waits; other threads call `perform`, which may wait."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Take the run's `session` options."""
        self._background = ThreadPoolExecutor(REFRESHERS, "refresh")
        terms = CacheTerms(**{name: options[name] for name in CacheTerms._fields if name in options})
        self._stores = HeldStores(terms, self._background.submit)
        self._questions: dict[str, Question] = {}
        self._explaining = Explaining()
        self._idle = float(options.get("idle", 3600.0))
        self._asked = time.monotonic()

    def expect(self, store: str, config: Mapping[str, Any]) -> None:
        """Open a store in the background before the first request for it. That request gets the error if opening fails."""

        def opened() -> None:
            with suppress(Exception, NeedsVaultPassword):
                self._stores.manager(store, config)

        self._background.submit(opened)

    def await_explanation(self, digest: str) -> None:
        """Record that a caller will resolve this digest."""
        self._explaining.is_left_to_another(digest)

    def known(self, asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the response if nothing has to be fetched; `AWAITED` if another caller is resolving the digest; else None."""
        self._asked = time.monotonic()
        if "forget" in asked:
            return {"result": {"forgotten": self._stores.forget(asked["forget"])}}
        if "operation" in asked:
            return None
        question = self._questions.get(asked["question"])
        if question is None:
            return AWAITED if self._explaining.is_left_to_another(asked["question"]) else UNKNOWN
        return self._held(question, asked)

    def _held(self, question: Question, asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the response from the cache; None if it would need a request to a backend, or a write to a file."""
        manager = question.manager
        if manager.cache is None or (manager.trail is not None and manager.trail.strict):
            return None
        try:
            with only_held():
                return self._answered(question, asked)
        except (NotHeld, NeedsVaultPassword):
            return None

    def perform(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """Perform an operation, or fetch what a question needs, and return the response. Raise nothing."""
        try:
            with self._stores.on_behalf(asked.get("vault_passwords") or {}):
                return self._done(asked)
        except NeedsVaultPassword as needed:
            return {"needs_vault_password": needed.vault_id}
        except Exception as error:  # noqa: BLE001  # the edge of a process
            return {"error": described_error(neutral(error)), "warnings": []}
        finally:
            self._asked = time.monotonic()

    def _done(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        if "operation" in asked:
            return self._performed(asked)
        question = self._questions.get(asked["question"])
        return UNKNOWN if question is None else self._answered(question, asked)

    def _answered(self, question: Question, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        context, parameters = replace(question.context, host=asked.get("host")), question.of(asked["names"])
        return self._told(lambda: perform(question.manager, question.operation, parameters, context, False, stays=True))

    def _performed(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        operation, parameters, context = asked["operation"], asked["parameters"], AccessContext(**asked["context"])
        traits = traits_of(operation)
        if operation == CACHE:
            return self._told(lambda: cached(self._caches(asked), parameters, asked["check_mode"]))
        manager: CredentialManager | None = None

        def work() -> Outcome:
            nonlocal manager
            try:
                manager = self._stores.manager(asked["store"], asked["config"])
            except CredentialError as error:
                return unopened(operation, asked["config"], asked["store"], error)
            beside = {role: self._stores.manager(other["store"], other["config"]) for role, other in (asked.get("beside") or {}).items()}
            stays = self._stores.was_asked(manager)
            return perform(manager, operation, parameters, context, asked["check_mode"], stays=stays, beside=beside)

        reply = self._told(work)
        if not traits.read_only and not asked["check_mode"] and reply.get("result", {}).get("changed") is not False:
            # The same backend may be open under other names and logins, too.
            self._stores.forget(list_changed_names(parameters, reply.get("result")))
        if asked.get("question"):
            if manager is not None:
                self._remember(asked["question"], Question(manager, operation, parameters, context))
            self._explaining.is_over(asked["question"])
        return reply

    def _caches(self, asked: Mapping[str, Any]) -> list[Cache]:
        """Return the caches of the given store, or of all stores. Open no store."""
        managers = self._stores.managers() if asked["parameters"].get("all_stores") else self._stores.held(asked["store"], asked["config"])
        return [manager.cache for manager in managers if manager.cache is not None]

    def _told(self, work: Callable[[], Outcome]) -> Mapping[str, Any]:
        with self._stores.hearing() as warned:
            try:
                return {**described_outcome(work()), "warnings": warned}
            except Exception as error:  # noqa: BLE001  # the edge of a process
                return {"error": described_error(neutral(error)), "warnings": warned}

    def _remember(self, digest: str, question: Question) -> None:
        self._questions[digest] = question
        while len(self._questions) > REMEMBERED:
            self._questions.pop(next(iter(self._questions)), None)

    def is_idle(self) -> bool:
        """Return True if there was no request for the idle time, and nothing is lost if the session ends."""
        return time.monotonic() - self._asked > self._idle and not self._stores.are_needed()

    def look_after(self) -> None:
        """Renew leases and write audit entries that wait. Called about once a second."""
        self._stores.look_after()

    def close(self) -> None:
        """Close every store: write audit entries, revoke leases and logins."""
        self._background.shutdown(wait=False, cancel_futures=True)
        self._stores.close()
