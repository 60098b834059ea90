# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The writes of a refresh: the claim before the request, and the outcome after it. Each is one compare-and-swap.

A claim is a change of metadata, so it names the version and the revision that it was made from. A claim whose request may have
been sent is never taken over: the token in it may be used up. It ends as `refresh_lost`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.dates import date_version
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.refresh_status import (
    DENIED,
    INTERACTION,
    LOST,
    SINGLE_USE,
    RefreshStatus,
    input_version,
    read_refresh_status,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import SKEW
from ansible_collections.nebula.credential.plugins.module_utils.rotation.lease_holder import may_live
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import Clock
from ansible_collections.nebula.credential.plugins.module_utils.store.writer import retry_conflicts
from ansible_collections.nebula.credential.plugins.module_utils.types.base import RefreshAnswer
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named

LEASE = timedelta(seconds=60)
"""How long a claim is valid, without the 120 s added for clock skew. Longer than a request may take."""

OK, TRANSIENT = "refresh_ok", "refresh_transient"
EVENTS = {DENIED: "refresh_denied", INTERACTION: "refresh_denied", LOST: "refresh_lost"}
"""The event of each problem."""


@dataclass(frozen=True)
class RefreshOutcome:
    """The outcome of one claimed refresh.

    Attributes:
        name, version: the value that was refreshed.
        holder: the holder of the claim.
        answer: the service's response, or None.
        problem: why a person must act, or None.
        is_single_use: the response contained another token than the one that was sent.
    """

    name: str
    version: Optional[str]
    holder: Optional[str]
    answer: Optional[RefreshAnswer] = field(default=None, repr=False)
    problem: Optional[str] = None
    is_single_use: bool = False

    @property
    def event(self) -> str:
        """The lifecycle event of this outcome."""
        return OK if self.answer is not None else EVENTS.get(self.problem or "", TRANSIENT)


class RefreshWrites:
    """Writes claims and outcomes to one store."""

    def __init__(self, backend: Backend, clock: Clock) -> None:
        """Write to `backend`, with the times that `clock` returns."""
        self._backend = backend
        self._clock = clock

    def claim(self, found: Record, holder: str) -> Record:
        """Claim the refresh of exactly the version and revision that were read.

        Raises:
            Conflict: another writer came first.
            AccessDenied, ReadOnly: this login may not write.
        """
        now, known, status = self._clock(), found.full_metadata, read_refresh_status(found)
        if known.lifecycle == lifecycle.FAILED and status.problem is not None:
            known = lifecycle.advance_all(known, ("begin_direct", "auth_ok"), now)  # a person tries again what the service refused
        if known.lifecycle != lifecycle.REFRESHING:  # otherwise this takes over a claim, whose holder has written the event
            known = lifecycle.advance(known, "refresh", now)
        return self._patch(found, known, status.with_claim(holder, int((now + LEASE).timestamp())))

    def announce(self, claimed: Record) -> Record:
        """Write, before the request is sent, that it is sent. If the claim was taken over, this fails and nothing was sent.

        Raises:
            Conflict: another writer came in between.
        """
        return self._patch(claimed, claimed.full_metadata, replace(read_refresh_status(claimed), sent=True))

    def is_held(self, status: RefreshStatus) -> bool:
        """Whether the claim's holder may still be working: it is not proved dead, and its lease has not expired.

        A lease that ends later than one that began now, by a clock that is ahead, is not one that any holder wrote.
        """
        skew, now = SKEW.total_seconds(), self._clock().timestamp()
        lasts = now - skew < (status.until or 0) <= now + LEASE.total_seconds() + skew
        return status.holder is not None and lasts and may_live(status.holder)

    def settle(self, outcome: RefreshOutcome) -> Record:
        """Write an outcome, and return the current record. May be repeated: an outcome that is written already changes nothing.

        A response is stored as long as the version is the one that was refreshed, even after the claim was declared lost.
        Any other outcome is written only while the claim is still the same.

        Raises:
            Conflict: other writers keep changing the credential.
            NotFound: it was deleted meanwhile.
        """
        return retry_conflicts(lambda: self._settle(outcome))

    def _settle(self, outcome: RefreshOutcome) -> Record:
        found = self._backend.get(outcome.name)
        status = read_refresh_status(found)
        is_claimed = outcome.holder is not None and status.holder == outcome.holder
        # A store that has to take back a lost race may store the claimed value again, as another version.
        is_same = found.version == outcome.version or is_claimed
        if (
            not is_same
            or not (outcome.answer is not None or is_claimed)
            or outcome.event not in lifecycle.events_from(found.full_metadata.lifecycle)
        ):
            return found
        known = lifecycle.advance(found.full_metadata, outcome.event, self._clock())
        if outcome.answer is None:
            return self._patch(found, known, status.without_claim(outcome.problem))
        return self._backend.put(self._build_refreshed(found, known, outcome, outcome.answer), found.etag)

    def _build_refreshed(self, found: Record, known: Metadata, outcome: RefreshOutcome, answer: RefreshAnswer) -> Record:
        status = RefreshStatus(input_version(found), int(known.updated_at.timestamp()))
        attributes = status.write(date_version(known, known.updated_at, is_rotated=False).attributes)
        if outcome.is_single_use:
            attributes[SINGLE_USE] = True
        metadata = replace(known, expires_at=answer.expires_at, attributes=attributes)
        internal = type_named(found.type, known.attributes).internal  # a login may have been started while the request was under way
        state = {**answer.state, **{name: found.state[name] for name in internal if name in found.state}}
        # Only versions of the input are kept: many refreshes must not displace them.
        return replace(found, state=state, metadata=metadata, serial=None, record_id=None, keep_replaced=False)

    def _patch(self, found: Record, known: Metadata, status: RefreshStatus) -> Record:
        changed = replace(known, attributes=status.write(known.attributes), updated_at=self._clock())
        patched = self._backend.patch_metadata(replace(found, metadata=changed), found.revision)
        return replace(patched, fields=found.fields, state=found.state)
