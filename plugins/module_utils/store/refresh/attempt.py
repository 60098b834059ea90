# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One process's attempt at a refresh: wait for another process's claim, or claim it, send the request, write the outcome."""

from __future__ import annotations

import os
import secrets
import time
from typing import Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    Conflict,
    CredentialError,
    ReadOnly,
    Timeout,
    Unavailable,
    as_credential_error,
)
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.dates import version_created_at
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.refresh_status import (
    LOST,
    SINGLE_USE,
    RefreshStatus,
    read_refresh_status,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import SKEW
from ansible_collections.nebula.credential.plugins.module_utils.rotation.lease_holder import holder_of
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import Clock
from ansible_collections.nebula.credential.plugins.module_utils.store.refresh import problems
from ansible_collections.nebula.credential.plugins.module_utils.store.refresh.unwritten import UnwrittenOutcomes, with_answer
from ansible_collections.nebula.credential.plugins.module_utils.store.refresh.writes import RefreshOutcome, RefreshWrites
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, RefreshAnswer

CALL_TIMEOUT = 30.0
"""Seconds for the request to the service."""
WAIT_TIMEOUT = 45.0
"""Seconds for which the reader of an expired value waits for another process: longer than that process's request may take."""
FIRST_POLL, LONGEST_POLL = 0.05, 0.5
SHARE_OF_LIFE = 5
"""A value is refreshed in the last fifth of its life, if that is shorter than its type's margin."""


def is_due(credential: Credential) -> bool:
    """Whether a value of a refreshable type has expired, or is within its margin, in a state in which it may be refreshed.

    So is one that was refreshed by a clock that was ahead: its end was reckoned by that clock, and is too late.
    """
    known = credential.metadata
    if known.expires_at is None or not _is_refreshable(known.lifecycle) or not credential.kind.can_refresh(credential.fields):
        return False
    refreshed_at, now = read_refresh_status(credential.record).refreshed_at, credential.at.timestamp()
    if refreshed_at is not None and refreshed_at > now + SKEW.total_seconds():
        return True
    begun = refreshed_at or version_created_at(known).timestamp()
    life = max(0.0, known.expires_at.timestamp() - begun)
    margin = min(credential.kind.refresh_margin.total_seconds(), life / SHARE_OF_LIFE)
    return now >= known.expires_at.timestamp() - margin


def check_may_refresh(found: Credential, force: bool) -> None:
    """Check the stored state before anything is sent.

    Raises:
        InteractionRequired, RefreshFailed: the last refresh was refused, and `force` is not given; or its response was lost.
        RotationInProgress: it is being rotated.
    """
    problem = read_refresh_status(found.record).problem
    # What was refused may be sent again on demand. A token whose response was lost may not: it may be used up.
    if problem is not None and not (force and problem != LOST):
        raise problems.problem_error(found, problem)
    if found.metadata.lifecycle == lifecycle.ROTATING:
        raise problems.rotating_error(found.name)


def _is_refreshable(state: str) -> bool:
    return state == lifecycle.REFRESHING or "refresh" in lifecycle.events_from(state)


class Attempt:
    """One attempt to refresh one credential. Used once, by one thread."""

    def __init__(self, backend: Backend, clock: Clock, writes: RefreshWrites, unwritten: UnwrittenOutcomes, force: bool) -> None:
        """With `force`, refresh a value even if it is not due, or if the service refused the last refresh."""
        self._backend = backend
        self._clock = clock
        self._writes = writes
        self._unwritten = unwritten
        self._force = force
        self._holder = holder_of(os.getpid(), secrets.token_hex(8))
        self._wait_until = time.monotonic() + min(WAIT_TIMEOUT, deadline.remaining())
        self._poll = FIRST_POLL

    def run(self, found: Credential) -> Credential:
        """Start from `found`, and return the refreshed credential, or `found` if another process refreshes it and it is still usable.

        Raises:
            InteractionRequired, RefreshFailed, NoRefreshToken, AccessDenied: it cannot be refreshed.
            RotationInProgress: it is being rotated.
            Timeout: it has expired, and another process did not end its refresh in time.
            NotFound: it was deleted meanwhile.
        """
        started = found.version
        while True:
            status = read_refresh_status(found.record)
            check_may_refresh(found, self._force)
            if found.version != started if self._force else not is_due(found):
                return found
            if self._is_another(status) and self._writes.is_held(status):
                if found.usable and not self._force:
                    return found
                self._wait(found.name)
            elif self._is_another(status) and status.sent:
                self._writes.settle(RefreshOutcome(found.name, found.version, status.holder, problem=LOST))
            else:
                claimed = self._claim(found)
                if claimed is not None:
                    return self._call(claimed)
            found = Credential(self._backend.get(found.name), self._clock())

    def _is_another(self, status: RefreshStatus) -> bool:
        return status.holder not in (None, self._holder)

    def _wait(self, name: str) -> None:
        if time.monotonic() >= self._wait_until:
            raise problems.wait_timeout_error(name, WAIT_TIMEOUT)
        time.sleep(self._poll)
        self._poll = min(LONGEST_POLL, self._poll * 2)

    def _claim(self, found: Credential) -> Optional[Record]:
        """Return the claimed record; None if another writer came first.

        Raises:
            NoRefreshToken: there is nothing to refresh with. Nothing was written.
        """
        is_single_use = _is_single_use(self._kind_of(found), found)
        if not self._backend.capabilities.native_cas:
            raise problems.no_swap_error(found.name)
        try:
            claimed = self._writes.claim(found.record, self._holder)
            return self._writes.announce(claimed) if is_single_use else claimed
        except Conflict:
            return None
        except (AccessDenied, ReadOnly) as denied:
            raise problems.no_write_right_error(found.name, denied) from None
        except (Unavailable, Timeout):
            # The claim may have been written. Nothing was sent, so the claim is withdrawn when the store is available again.
            self._unwritten.keep(RefreshOutcome(found.name, found.version, self._holder))
            raise

    def _call(self, claimed: Record) -> Credential:
        credential = Credential(claimed, self._clock())
        kind = self._kind_of(credential)
        try:
            with deadline.within(CALL_TIMEOUT, "the refresh"):
                answer = kind.refresh(claimed.fields, claimed.state)
        except Exception as error:  # noqa: BLE001  # a type's own mistake must leave no claim behind
            return self._settle_failure(credential, as_credential_error(error))
        has_new_token = _has_new_token(kind, claimed, answer)
        outcome = RefreshOutcome(claimed.name, claimed.version, self._holder, answer, is_single_use=has_new_token)
        stored, refusal = self._unwritten.finish(outcome)
        if refusal is not None:
            self._warn_of_unwritten(claimed.name, refusal)
        return Credential(with_answer(claimed, answer) if stored is None else stored, self._clock())

    def _settle_failure(self, credential: Credential, error: CredentialError) -> Credential:
        """Write the outcome of a failed request. Return the newer value if another process has stored one meanwhile.

        Raises:
            CredentialError: there is no newer value.
        """
        problem = problems.problem_of(error, _is_single_use(self._kind_of(credential), credential))
        outcome = RefreshOutcome(credential.name, credential.version, self._holder, problem=problem)
        stored, _refusal = self._unwritten.finish(outcome)
        if stored is not None and stored.version != credential.version:
            newer = Credential(stored, self._clock())
            if newer.usable:
                return newer
        raise _failure_error(credential, problem, error) from None

    def _kind_of(self, credential: Credential) -> CredentialType:
        return credential.kind.with_recipes(self._backend.context.recipes)

    def _warn_of_unwritten(self, name: str, refusal: CredentialError) -> None:
        what = (
            "credential '{0}', store '{1}': it was refreshed, and the store does not take the new value now: {2}. It is written when the "
            "store takes it again. If the run ends before that, the credential needs a new value from a person."
        )
        self._backend.context.warn(what.format(name, self._backend.context.store, refusal.what.rstrip(".")))


def _is_single_use(kind: CredentialType, credential: Credential) -> bool:
    """Whether a refresh uses up the token that it sends: as the type says, or because an earlier response contained a new token.

    Raises:
        NoRefreshToken: there is nothing to refresh with.
    """
    if kind.refresh_token(credential.fields, credential.record.state) is None:
        return False
    declared = kind.uses_up_token(credential.fields)
    return bool(credential.metadata.attributes.get(SINGLE_USE)) if declared is None else declared


def _failure_error(credential: Credential, problem: Optional[str], error: CredentialError) -> CredentialError:
    if problem == LOST:
        return problems.problem_error(credential, LOST)
    if isinstance(error, (Unavailable, Timeout)):
        return problems.no_answer_error(credential, error)
    return error.within(name=credential.name)


def _has_new_token(kind: CredentialType, sent: Record, answer: RefreshAnswer) -> bool:
    """Whether the response contained another token than the one that was sent."""
    try:
        before = kind.refresh_token(sent.fields, sent.state)
        return before is not None and kind.refresh_token(sent.fields, answer.state) != before
    except Exception:  # noqa: BLE001  # a response without a token is stored all the same: the token that was sent may be used up
        return False
