# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refreshing values when they are read: one caller refreshes, however many read, in this process and in all others (B3).

The claim is written to the store before the request is sent. As long as the value is unexpired, it is returned whatever happens:
no reader waits for another process, and a failure is at most a warning. Imported when the first refreshable value is read.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from copy import copy
from typing import Dict, Optional, Set, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.context.cache_only import require_fetch_allowed
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import REFRESH, acting_as, current_caller
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InteractionRequired,
    LoginFailed,
    NoRefreshToken,
    NotFound,
    RefreshFailed,
    Timeout,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.refresh_status import read_refresh_status
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential, format_time
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import Clock
from ansible_collections.nebula.credential.plugins.module_utils.store.refresh import problems
from ansible_collections.nebula.credential.plugins.module_utils.store.refresh.attempt import (
    CALL_TIMEOUT,
    WAIT_TIMEOUT,
    Attempt,
    check_may_refresh,
    is_due,
)
from ansible_collections.nebula.credential.plugins.module_utils.store.refresh.unwritten import UnwrittenOutcomes
from ansible_collections.nebula.credential.plugins.module_utils.store.refresh.writes import RefreshWrites
from ansible_collections.nebula.credential.plugins.module_utils.types.base import refresh_unsupported_error

PAUSE = 30.0
"""Seconds that this process waits after a failed attempt before it tries again to refresh an unexpired value."""
FLIGHT_TIMEOUT = WAIT_TIMEOUT + CALL_TIMEOUT
"""Seconds for which a thread waits for the thread that refreshes, which may have waited for another process first."""
_FOR_PEOPLE = (InteractionRequired, LoginFailed, NoRefreshToken, RefreshFailed)
"""Errors that last until a person acts: they are reported as a warning before the value expires."""


class Refresher:
    """Refreshes the values of one store. Threads share it, so that there is one request per credential."""

    def __init__(self, backend: Backend, clock: Clock) -> None:
        """Read and write `backend`, with the times that `clock` returns."""
        self._backend = backend
        self._clock = clock
        self._writes = RefreshWrites(backend, clock)
        self.unwritten = UnwrittenOutcomes(self._writes)
        self._lock = threading.Lock()
        self._flights: Dict[str, Future[Credential]] = {}
        self._pauses: Dict[str, Tuple[Optional[str], float]] = {}
        self._warned: Set[Tuple[str, Optional[str]]] = set()

    def refresh_if_due(self, credential: Credential) -> Credential:
        """Return the credential, refreshed if that is due and possible.

        Raises:
            InteractionRequired, RefreshFailed, NoRefreshToken: it has expired, and cannot be refreshed.
            AccessDenied: it has expired, and this login may not write.
            RotationInProgress: it has expired during a rotation.
            Timeout: it has expired, and another process did not end its refresh in time.
            CacheMiss: a request is needed, and this caller may not make one.
        """
        problem, state = read_refresh_status(credential.record).problem, credential.metadata.lifecycle
        if state == lifecycle.REVOKED:
            return credential
        if credential.is_expired and state == lifecycle.ROTATING:
            raise problems.rotating_error(credential.name)
        if problem is not None:
            # Checked before the expiry: a refresh cannot help, expired or not.
            if not credential.usable:
                raise problems.problem_error(credential, problem)
            return credential
        if not is_due(credential) or (credential.usable and self._is_paused(credential)):
            return credential
        require_fetch_allowed()
        return self._join(credential, force=False)

    def refresh(self, credential: Credential, check: bool = False) -> Credential:
        """Refresh a value now, whether or not it is due, and even if the last refresh was refused. Return the result of one under way.

        With `check`, send and write nothing: return the credential, or raise what a refresh would raise before it sends anything.

        Raises:
            RefreshUnsupported: its type, or what it holds, cannot be refreshed.
            IllegalTransition: its state does not allow it.
            CredentialError: as `refresh_if_due`, for an unexpired value too.
        """
        if not credential.kind.can_refresh(credential.fields):
            raise refresh_unsupported_error(credential.kind, credential.fields).within(name=credential.name)
        if check:
            check_may_refresh(credential, force=True)
            kind = credential.kind.with_recipes(self._backend.context.recipes)
            kind.refresh_token(credential.fields, credential.record.state)  # raises what is missing for it
            return credential
        return self._join(credential, force=True)

    def _join(self, credential: Credential, force: bool) -> Credential:
        """Refresh in the first thread. Other threads wait for its result, unless their value is still usable."""
        with self._lock:
            flight = self._flights.get(credential.name)
            is_mine = flight is None
            if flight is None:
                flight = self._flights[credential.name] = Future()
        if is_mine:
            return self._fly(flight, credential, force)
        return credential if credential.usable and not force else _wait_for(flight, credential.name)

    def _fly(self, flight: Future[Credential], credential: Credential, force: bool) -> Credential:
        try:
            refreshed = self._lead(credential, force)
        except BaseException as error:  # every waiting thread gets it
            self._land(credential.name)
            flight.set_exception(error)
            raise
        self._land(credential.name)
        flight.set_result(refreshed)
        return refreshed

    def _land(self, name: str) -> None:
        with self._lock:
            self._flights.pop(name, None)

    def _lead(self, credential: Credential, force: bool) -> Credential:
        with acting_as(current_caller().context, REFRESH, cacheable=False):
            self.unwritten.write(credential.name)
            kept = None if force else self.unwritten.find_answer(credential)
            if kept is not None:
                return kept
            try:
                # The credential may come from a cache; a claim needs the version that is stored now.
                found = Credential(self._backend.get(credential.name), self._clock())
            except (Unavailable, Timeout):
                if force or not self._is_still_usable(credential):
                    raise
                return self._pause(credential)
            return self._attempt(found, force)

    def _attempt(self, found: Credential, force: bool) -> Credential:
        try:
            fresh = Attempt(self._backend, self._clock, self._writes, self.unwritten, force).run(found)
        except CredentialError as error:
            if force or isinstance(error, NotFound) or not self._is_still_usable(found):
                raise
            self._warn(found, error)
            return self._pause(found)
        return self._pause(fresh) if is_due(fresh) else fresh

    def _is_still_usable(self, credential: Credential) -> bool:
        return Credential(credential.record, self._clock()).usable

    def _is_paused(self, credential: Credential) -> bool:
        version, until = self._pauses.get(credential.name, (None, 0.0))
        return version == credential.version and time.monotonic() < until

    def _pause(self, credential: Credential) -> Credential:
        self._pauses[credential.name] = (credential.version, time.monotonic() + PAUSE)
        return credential

    def _warn(self, found: Credential, error: CredentialError) -> None:
        """Warn once, while the value is still usable, what a person must do before it expires."""
        value = (found.name, found.version)
        if isinstance(error, _FOR_PEOPLE) and value not in self._warned:
            self._warned.add(value)
            context = self._backend.context
            what = "credential '{0}', store '{1}': {2}. Its value can be used until {3}. {4}"
            context.warn(what.format(found.name, context.store, error.what, format_time(found.metadata.expires_at), error.remedy))


def _wait_for(flight: Future[Credential], name: str) -> Credential:
    seconds = min(FLIGHT_TIMEOUT, deadline.remaining())
    try:
        return flight.result(seconds)
    except FutureTimeout:
        raise problems.wait_timeout_error(name, seconds) from None
    except CredentialError as error:
        raise copy(error) from None  # a copy each: every waiting thread adds its own context to it
