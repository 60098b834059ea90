# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks around the writes of a backend that cannot compare and swap (D4).

Such a backend reads, compares and then writes, and two writers could do so at once. So each write holds the lock of its credential, from
before the comparison until the response, with all repeats. Without a lock no write is sent.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Capabilities
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import (
    PathRequests,
    WriteGate,
    check_takes_writes,
    require_protocol,
)
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, Conflict, CredentialError, InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import Answer, BackendCall, InterceptingLayer
from ansible_collections.nebula.credential.plugins.module_utils.locks.configuration import StoreLock, Validate, build_lock
from ansible_collections.nebula.credential.plugins.module_utils.locks.options import OPTION
from ansible_collections.nebula.credential.plugins.module_utils.locks.waiting import HeldLock, wait_for_lock

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.model.path_request import PathRequest


class WriteLock(InterceptingLayer, WriteGate):
    """Hold the lock of a credential while it is written.

    It is outside the time limits: waiting for a lock is bounded by its own option, and the write by what is left of the lock. It is outside
    the circuit breaker, which counts requests to the backend only.
    """

    def __init__(self, inner: Backend, lock: Optional[StoreLock]) -> None:
        """Wrap `inner`. With a lock of None, no write is made."""
        super().__init__(inner)
        self._lock = lock
        self.packages = () if lock is None else lock.service.packages

    @property
    def capabilities(self) -> Capabilities:  # type: ignore[override]  # as in the base class
        """Those of the backend. With a lock that every writer respects, `put` compares and swaps in one step."""
        able = self.inner.capabilities
        return replace(able, native_cas=True) if self._lock is not None and self._lock.excludes_all else able

    def check_takes_writes(self) -> None:
        """Raise what a write without a lock is refused with."""
        if self._lock is None:
            raise _build_refusal().within(store=self.context.store)
        check_takes_writes(self.inner)

    def intercept(self, call: BackendCall, work: Callable[[], Answer]) -> Answer:
        """Run `work`, under the lock of its credential if it writes, and return its result.

        Raises:
            InvalidConfiguration: no lock is configured. Nothing was sent.
            Timeout: another process held the lock for too long. Nothing was sent.
            AccessDenied: the lock cannot be acquired, and nothing was sent; or not be freed after the write, and `outcome_unknown` is set.
            Conflict: the lock was lost while the write ran, so another writer may have come between. `outcome_unknown` is set.
        """
        if not call.writing:
            return work()
        held = self._acquire(call)
        try:
            with deadline.within(held.remaining, call.operation):
                answer = work()
        except BaseException as problem:
            if isinstance(problem, CredentialError) and not problem.outcome_unknown:
                held.give_up()
            else:
                held.keep_until_end()
            raise
        self._release(held, call)
        return answer

    def request_path(self, request: PathRequest) -> Mapping[str, Any]:
        """Pass a request on without a lock: it reaches no credential of the store."""
        return require_protocol(self.inner, PathRequests).request_path(request)

    def _release(self, held: HeldLock, call: BackendCall) -> None:
        try:
            is_held = held.release()
        except AccessDenied as problem:
            problem.what = "{0}; the value was written, and its lock stays until the lease ends".format(problem.what.rstrip("."))
            problem.option, problem.outcome_unknown = OPTION, True
            raise problem.within(name=call.name, store=self.context.store) from None
        if not is_held:
            raise _build_lost_error().within(name=call.name, store=self.context.store)

    def _acquire(self, call: BackendCall) -> HeldLock:
        lock = self._lock
        if lock is None:
            raise _build_refusal().within(name=call.name, store=self.context.store)
        try:
            return wait_for_lock(lock.service, lock.prefix, call.name or "", lock.wait)
        except CredentialError as problem:
            problem.option = "{0}.{1}".format(OPTION, problem.option) if problem.option else OPTION
            problem.what = "{0}; nothing was written".format(problem.what.rstrip("."))
            problem.outcome_unknown = False
            raise problem.within(name=call.name, store=self.context.store) from None

    def close(self) -> None:
        """Close the backend, and the connections to the lock's server."""
        try:
            self.inner.close()
        finally:
            if self._lock is not None:
                self._lock.service.close()


def lock_writes(backend: Backend, options: Mapping[str, Any], validate: Validate) -> WriteLock:
    """Wrap a backend as a store's `lock` or `single_writer` says.

    Raises:
        InvalidConfiguration: an option of the lock is wrong.
    """
    return WriteLock(backend, build_lock(options, backend.context.store, backend.context.warn, validate))


def _build_refusal() -> InvalidConfiguration:
    return InvalidConfiguration(
        "the backend cannot compare and swap, so two writers could overwrite each other unnoticed",
        option=OPTION,
        remedy="Configure 'lock' (docs/how-to/locks.md). Or write 'single_writer: true' if only this user on this machine writes there.",
    )


def _build_lost_error() -> Conflict:
    problem = Conflict(
        "the lock was lost while the value was written, so another writer may have come between",
        option=OPTION,
        remedy="Read the credential to see which value is there. If this happens again, increase 'lease', or check the lock's server.",
    )
    problem.annotate(outcome_unknown=True)
    return problem
