# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The handler of a session's requests: it keeps the stores, maps known digests to operations, and performs operations."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import SeenEntries, collect_entries
from ansible_collections.nebula.credential.plugins.module_utils.context.cache_only import CacheMiss, cache_only
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import collecting_uses
from ansible_collections.nebula.credential.plugins.module_utils.context.progress import BrokenOff, reporting_to
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Unavailable, as_credential_error
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.layer import CacheTerms
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.catalog import traits_of
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import answer_unopened, perform
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.parameters import list_changed_names
from ansible_collections.nebula.credential.plugins.module_utils.operations.registry import CACHE
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.plugin_utils.session.messages import describe_error, describe_outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.flights import REMEMBERED, Flight, Flights, PendingDigests
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.store_pool import NeedsVaultPassword, StorePool
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.store_threads import StoreThreads

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.summary import Summary

SUMMARY = "NEBULA_CREDENTIAL_SUMMARY"
"""The environment variable by which a run asks for a summary. The callback plugin sets it if its option does."""
UNKNOWN: Mapping[str, Any] = {"unknown": True}
AWAITED: Mapping[str, Any] = {"awaited": True}
"""Never sent: the caller waits until another one has resolved the digest."""
BACKGROUND_TIMEOUT = 5.0
"""Seconds that the end of a run waits for values that are fetched again ahead of time, if a later run is to use this session."""
REFRESHERS = 4
"""The greatest number of values of one store that are fetched again ahead of time, at the same time."""
_PERFORMED = ("deployments", "ending_of", "configuration")
"""Requests beside operations that may have to wait."""
AUDITED_ALONE = ("host", "task")
"""Parts of a caller that only the audit trail reads: callers that differ in these alone get the same response."""


class CachedCall(NamedTuple):
    """The request that a lookup's digest stands for: everything but the names. `store` is the fingerprint of the store."""

    store: str
    manager: CredentialManager
    operation: str
    parameters: Mapping[str, Any]
    context: AccessContext

    def of(self, names: Sequence[str]) -> Mapping[str, Any]:
        """Return the operation's parameters for these names."""
        return {**self.parameters, **({"names": [*names]} if "names" in self.parameters else {"name": names[0]})}


def _build_summary() -> Summary | None:
    """Return what notes the uses of a run; None if the run wants no summary. Most do not, so it is imported here."""
    if not os.environ.get(SUMMARY):
        return None
    from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.summary import Summary

    return Summary()


class RequestHandler:
    """Handle requests. The event loop calls `known`, which never waits; other threads call `perform`, which may wait."""

    def __init__(self, options: Mapping[str, Any], stores: StorePool | None = None) -> None:
        """Take the run's `session` options, and the stores that an earlier run has left open; None if there was none."""
        self._background = StoreThreads(REFRESHERS, "refresh")
        self._keepers = StoreThreads(1, "keep")
        terms = CacheTerms(**{name: options[name] for name in CacheTerms._fields if name in options})
        self.work_waits = threading.Event()
        """Set if `maintain` should be called now, and not only in a second."""
        loosened = tuple("session." + name for name in ("linger", "serve_stale") if options.get(name))
        self._stores = StorePool(terms, self._background.submit, loosened=loosened) if stores is None else stores
        self._stores.serve_run(self._background.submit, self.work_waits.set)
        self._questions: dict[str, CachedCall] = {}
        self._explaining = PendingDigests()
        self.flights = Flights()
        """The requests that are being performed."""
        self._changes = 0
        self._lock = threading.Lock()
        self._idle = float(options.get("idle", 3600.0))
        self._asked = time.monotonic()
        self._configuration: Callable[[], Mapping[str, Any]] | None = None
        self._summary = _build_summary()
        self.run_has_ended = False
        """Whether the controller has said that it is about to exit."""

    def keep_configuration(self, descriptor: int) -> None:
        """Read the configuration that comes through a pipe, and keep it for the workers."""
        from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.pipe_reader import PipeReader

        self._configuration = PipeReader(descriptor).wait

    def expect(self, store: str, config: Mapping[str, Any]) -> None:
        """Open a store in the background before the first request for it. That request gets the error if opening fails."""

        def opener() -> None:
            with suppress(Exception, NeedsVaultPassword):
                self._stores.manager(store, config)

        self._background.submit(self._stores.fingerprint(store, config), opener)

    def await_explanation(self, digest: str) -> None:
        """Record that a caller will resolve this digest."""
        self._explaining.claim(digest)

    def try_cached(self, asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the response if nothing has to be fetched; `AWAITED` if another caller is resolving the digest; else None."""
        self._asked = time.monotonic()
        if "end" in asked:
            self.run_has_ended = True
            return {"result": {"ending": True}}
        if "forget" in asked:
            self._count_change()
            return {"result": {"forgotten": self._stores.forget(asked["forget"])}}
        if "summary" in asked:
            return {"result": self._describe_uses()}
        if "progress_of" in asked:
            progress = self.flights.find_progress(asked["progress_of"])
            return {"result": {"progress": None if progress is None else progress.describe()}}
        if any(request in asked for request in ("operation", *_PERFORMED)):
            return None
        question = self._questions.get(asked["question"])
        if question is None:
            return AWAITED if self._explaining.claim(asked["question"]) else UNKNOWN
        return self._find_held(question, asked)

    def _find_held(self, question: CachedCall, asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the response from the cache; None if it would need a request to a backend, or a write to a file."""
        manager = question.manager
        if manager.cache is None or (manager.trail is not None and (manager.trail.strict or manager.trail.is_crowded)):
            return None
        try:
            with cache_only():
                return self._respond(question, asked)
        except (CacheMiss, NeedsVaultPassword):
            return None

    def identify(self, asked: Mapping[str, Any]) -> tuple[str, str | None]:
        """Return what a request that is not answered from memory has to wait for.

        Returns:
            The store, as a text: its requests wait for each other's threads alone. And what identifies the question: requests with the
            same one, at the same time, get one response. It is None for a request that no other may share. A question that is asked after
            a write of this run is another one: its response must show the write.
        """
        operation = asked.get("operation")
        if "question" in asked and operation is None:
            question = self._questions.get(asked["question"])
            return "" if question is None else question.store, None
        if operation is None or operation == CACHE:
            return operation or next(request for request in _PERFORMED if request in asked), None
        store = self._stores.fingerprint(asked["store"], asked["config"])
        if not traits_of(operation).shared:
            return store, None
        context = {name: value for name, value in asked["context"].items() if name not in AUDITED_ALONE}
        rest = [asked["parameters"], context, asked["check_mode"], asked.get("beside"), asked.get("vault_passwords"), self._changes]
        return store, self._stores.fingerprint(operation, {"store": store, "rest": rest})

    def _count_change(self) -> None:
        """Record that this run has changed something: what is asked from now on must see it."""
        with self._lock:
            self._changes += 1

    def perform_for_all(self, flight: Flight, seen: SeenEntries) -> Mapping[str, Any]:
        """Perform a request as its first caller, like `handle`, and collect in `seen` what the audit trail has to say of the others."""
        with reporting_to(flight.progress), collect_entries(seen):
            reply = self.handle(flight.callers[0].asked)
        flight.warnings = reply.get("warnings") or ()
        return reply

    def record_other(self, asked: Mapping[str, Any], seen: SeenEntries) -> Mapping[str, Any] | None:
        """Record in the audit trail that a further caller got a response. Return the response to send instead if that fails, else None."""
        try:
            seen.record_for(host=asked["context"].get("host"), task=asked["context"].get("task"))
        except Exception as error:  # noqa: BLE001  # the edge of a process
            return {"error": describe_error(as_credential_error(error)), "warnings": []}
        return None

    def handle(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """Perform an operation, or fetch what a question needs, and return the response. Raise nothing."""
        try:
            with self._stores.on_behalf(asked.get("vault_passwords") or {}):
                return self._handle(asked)
        except NeedsVaultPassword as needed:
            return {"needs_vault_password": needed.vault_id}
        except Exception as error:  # noqa: BLE001  # the edge of a process
            return {"error": describe_error(as_credential_error(error)), "warnings": []}
        finally:
            self._asked = time.monotonic()

    def _handle(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        if "operation" in asked:
            return self._perform(asked)
        if "ending_of" in asked:
            return {"result": {}, "warnings": self.flights.wait_for_end(asked["ending_of"])}
        if "deployments" in asked:
            return self._guard(self._write_deployments)
        if "configuration" in asked:
            return {"failure": "the session was started without it"} if self._configuration is None else self._configuration()
        question = self._questions.get(asked["question"])
        return UNKNOWN if question is None else self._respond(question, asked)

    def _respond(self, question: CachedCall, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        context, parameters = replace(question.context, host=asked.get("host"), task=asked.get("task")), question.of(asked["names"])

        def work() -> Outcome:
            return perform(question.manager, question.operation, parameters, context, False, stays=True)

        return self._guard(lambda: self._note_uses(question.manager.store, context, question.operation, work))

    def _note_uses(self, store: str, context: AccessContext, operation: str, work: Callable[[], Outcome]) -> Outcome:
        """Run an operation, and note what it has used if the run wants a summary."""
        if self._summary is None or not traits_of(operation).counts_as_use:
            return work()
        with collecting_uses() as uses:
            outcome = work()
        self._summary.add(store, context.host, uses)
        return outcome

    def _describe_uses(self) -> dict[str, Any]:
        """Return what the run has used, and how many requests to stores were spared; None for both if it wants no summary."""
        if self._summary is None:
            return {"used": None, "requests": None}
        from ansible_collections.nebula.credential.plugins.module_utils.operations.cache import statistics

        caches = [manager.cache for manager in self._stores.managers() if manager.cache is not None]
        return {"used": self._summary.describe(), "requests": statistics(caches)}

    def _perform(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        operation, parameters, context = asked["operation"], asked["parameters"], AccessContext(**asked["context"])
        traits = traits_of(operation)
        if operation == CACHE:
            self._count_change()
            return self._guard(lambda: self._clear_caches(asked))
        manager: CredentialManager | None = None

        def work() -> Outcome:
            nonlocal manager
            try:
                manager = self._stores.manager(asked["store"], asked["config"])
            except CredentialError as error:
                return answer_unopened(operation, asked["config"], asked["store"], error)
            beside = {role: self._stores.manager(other["store"], other["config"]) for role, other in (asked.get("beside") or {}).items()}
            stays = self._stores.was_asked(manager)
            return perform(manager, operation, parameters, context, asked["check_mode"], stays=stays, beside=beside)

        reply = self._guard(lambda: self._note_uses(asked["store"], context, operation, work))
        if not traits.read_only:
            self._count_change()
        if not traits.read_only and not asked["check_mode"] and reply.get("result", {}).get("changed") is not False:
            # The same backend may be open under other names and logins, too.
            self._stores.forget(list_changed_names(parameters, reply.get("result")))
        if asked.get("question"):
            if manager is not None:
                store = self._stores.fingerprint(asked["store"], asked["config"])
                self._remember(asked["question"], CachedCall(store, manager, operation, parameters, context))
            self._explaining.resolve(asked["question"])
        return reply

    def _write_deployments(self) -> Outcome:
        """Record what the run has deployed so far."""
        for manager in self._stores.managers():
            manager.write_deployments()
        return Outcome({})

    def _clear_caches(self, asked: Mapping[str, Any]) -> Outcome:
        """Clear the given store, or all open stores. Open none, unless others may have shared what is to be cleared."""
        from ansible_collections.nebula.credential.plugins.module_utils.operations.cache import clear_caches, needs_store

        parameters = asked["parameters"]
        if parameters.get("all_stores"):
            managers = self._stores.managers()
        elif needs_store(asked["config"], parameters):
            managers = [self._stores.manager(asked["store"], asked["config"])]
        else:
            managers = self._stores.find_managers(asked["store"], asked["config"])
        return clear_caches(managers, parameters, asked["check_mode"])

    def _guard(self, work: Callable[[], Outcome]) -> Mapping[str, Any]:
        with self._stores.hearing() as warned:
            try:
                return {**describe_outcome(work()), "warnings": warned}
            except BrokenOff:
                return {"error": describe_error(Unavailable("the task was broken off", remedy="Run it again.")), "warnings": warned}
            except Exception as error:  # noqa: BLE001  # the edge of a process
                return {"error": describe_error(as_credential_error(error)), "warnings": warned}

    def _remember(self, digest: str, question: CachedCall) -> None:
        self._questions[digest] = question
        while len(self._questions) > REMEMBERED:
            self._questions.pop(next(iter(self._questions)), None)

    def is_idle(self) -> bool:
        """Return True if there was no request for the idle time, and nothing is lost if the session ends."""
        is_needed = self._configuration is not None or self._stores.are_needed()
        return time.monotonic() - self._asked > self._idle and not is_needed

    def maintain(self) -> None:
        """Renew leases and write audit entries that wait. Called about once a second, and when `work_waits` is set."""
        self.work_waits.clear()
        self._stores.maintain(self._keep)

    def _keep(self, store: str, work: Callable[[], None]) -> None:
        """Do work for a store in a thread of that store: one that does not respond must not delay the others. Skip it if one is running."""
        if not self._keepers.is_busy(store):
            with suppress(RuntimeError):  # there is no thread left; the next call tries again
                self._keepers.submit(store, work)

    def end_run(self) -> StorePool | None:
        """Drop all that the run has read, and return its leases. Return the stores for the next run; None if there is none to keep.

        Then `close` has still to be called. No request may be under way.
        """
        self._background.stop()
        if self._configuration is not None or not self._background.join(BACKGROUND_TIMEOUT):
            return None
        self._stores.end_run(self._keepers.submit)
        self._keepers.join()
        return self._stores if self._stores.managers() else None

    def close(self) -> None:
        """Close every store: write audit entries, revoke leases and logins. A store that does not respond delays no other one."""
        self._background.stop()
        self._stores.close(self._keepers.submit)
        self._keepers.join()
