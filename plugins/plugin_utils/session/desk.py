# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a session answers: it holds the stores, knows which questions mean what, and performs operations."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, NamedTuple

from ansible_collections.nebula.credential.plugins.module_utils.batch import neutral
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache import CacheTerms
from ansible_collections.nebula.credential.plugins.module_utils.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.perform import perform, unopened
from ansible_collections.nebula.credential.plugins.module_utils.scope import AccessContext
from ansible_collections.nebula.credential.plugins.plugin_utils.session.messages import described_error, described_outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.session.stores_held import HeldStores, NeedsVaultPassword

UNKNOWN: Mapping[str, Any] = {"unknown": True}
REMEMBERED = 20000


class Question(NamedTuple):
    """What a lookup's question turned out to mean."""

    manager: CredentialManager
    operation: str
    parameters: Mapping[str, Any]
    context: AccessContext


class Desk:
    """Answers requests. `known` is for the event loop and never waits; `perform` may."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Take the run's `session` options."""
        self._background = ThreadPoolExecutor(4, "refresh")
        terms = CacheTerms(**{name: options[name] for name in CacheTerms._fields if name in options})
        self._stores = HeldStores(terms, self._background.submit)
        self._questions: dict[str, Question] = {}
        self._idle = float(options.get("idle", 3600.0))
        self._asked = time.monotonic()

    def known(self, asked: Mapping[str, Any]) -> dict[str, Any] | None:
        """The answer where nothing has to be fetched, else None."""
        self._asked = time.monotonic()
        if "question" not in asked or "operation" in asked:
            return None
        question = self._questions.get(asked["question"])
        if question is None:
            return dict(UNKNOWN)
        return self._answered(question, asked) if _is_held(question) else None

    def perform(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Perform an operation, or answer a question that has to be fetched."""
        if "operation" not in asked:
            question = self._questions.get(asked.get("question", ""))
            return dict(UNKNOWN) if question is None else self._answered(question, asked)
        return self._performed(asked)

    def _answered(self, question: Question, asked: Mapping[str, Any]) -> dict[str, Any]:
        context = replace(question.context, host=asked.get("host"))
        return self._outcome(question.manager, question.operation, question.parameters, context, False)

    def _performed(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        context = AccessContext(**asked["context"])
        try:
            manager = self._stores.manager(asked["store"], asked["config"], asked.get("vault_passwords") or {})
        except NeedsVaultPassword as needed:
            return {"needs_vault_password": needed.vault_id}
        except CredentialError as error:
            return self._unopened(asked, error)
        except Exception as error:  # noqa: BLE001  # the edge of a process
            return {"error": described_error(neutral(error))}
        reply = self._outcome(manager, asked["operation"], asked["parameters"], context, asked["check_mode"])
        if asked.get("question") and "result" in reply and len(self._questions) < REMEMBERED:
            self._questions[asked["question"]] = Question(manager, asked["operation"], asked["parameters"], context)
        return reply

    def _unopened(self, asked: Mapping[str, Any], error: CredentialError) -> dict[str, Any]:
        try:
            return described_outcome(unopened(asked["operation"], asked["config"], asked["store"], error))
        except CredentialError as told:
            return {"error": described_error(told)}

    def _outcome(
        self, manager: CredentialManager, operation: str, parameters: Mapping[str, Any], context: AccessContext, check_mode: bool
    ) -> dict[str, Any]:
        with self._stores.hearing() as warned:
            try:
                outcome: Outcome = perform(manager, operation, parameters, context, check_mode)
                return {**described_outcome(outcome), "warnings": warned}
            except CredentialError as error:
                return {"error": described_error(error), "warnings": warned}
            except Exception as error:  # noqa: BLE001  # as above
                return {"error": described_error(neutral(error)), "warnings": warned}

    def is_idle(self) -> bool:
        """Whether nothing was asked for long."""
        return time.monotonic() - self._asked > self._idle

    def look_after(self) -> None:
        """Renew leases and write audit entries that wait: called once a second or so."""
        self._stores.look_after()

    def close(self) -> None:
        """Close every store: entries are written, leases and logins revoked."""
        self._background.shutdown(wait=True, cancel_futures=True)
        self._stores.close()


def _is_held(question: Question) -> bool:
    cache = question.manager.cache
    names = question.parameters.get("names") or [question.parameters.get("name")]
    stage = question.parameters.get("stage") or "current"
    return cache is not None and stage == "current" and all(cache.holds(name, question.parameters.get("version")) for name in names)
