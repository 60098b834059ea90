# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The 11 states of a credential's life and the 24 events that lead from one to another (D1).

`TABLE` is the complete list: any other event in a state raises `IllegalTransition`. docs/how-to/rotation.md explains how to read it
and what each state means.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Dict, Iterable, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import IllegalTransition, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PENDING, PREVIOUS, Metadata, Transition

UNINITIALIZED = "uninitialized"
PENDING_INTERACTION = "pending_interaction"
AUTHENTICATING = "authenticating"
ACTIVE = "active"
EXPIRED = "expired"
REFRESHING = "refreshing"
ROTATION_SCHEDULED = "rotation_scheduled"
ROTATING = "rotating"
GRACE_PERIOD = "grace_period"
REVOKED = "revoked"
FAILED = "failed"

STATES = (
    UNINITIALIZED,
    PENDING_INTERACTION,
    AUTHENTICATING,
    ACTIVE,
    EXPIRED,
    REFRESHING,
    ROTATION_SCHEDULED,
    ROTATING,
    GRACE_PERIOD,
    REVOKED,
    FAILED,
)
TERMINAL = frozenset((REVOKED, FAILED))
"""A credential in one of these states gets no further by itself. A failed one can be written again."""
USABLE = frozenset((ACTIVE, REFRESHING, ROTATION_SCHEDULED, ROTATING, GRACE_PERIOD))

BY_EXPIRY = "@"
"""The target is `active` while the current value is unexpired, else `expired`."""
UNLESS_EXPIRED = "active or failed"
"""The target is `active` while the current value is unexpired, else `failed`."""
SAME = "same"
"""The state stays; the event is written into the history."""

_DEAD = (UNINITIALIZED, EXPIRED, FAILED)
_ROTATION_IS_ON = dict.fromkeys((ROTATION_SCHEDULED, ROTATING, GRACE_PERIOD), SAME)
"""A refresh that was claimed before the rotation began, or between its steps, ends without changing the rotation's state."""

TABLE: Mapping[str, Mapping[str, str]] = {
    "begin_interactive": dict.fromkeys(_DEAD, PENDING_INTERACTION),
    "begin_direct": dict.fromkeys(_DEAD, AUTHENTICATING),
    "input": {PENDING_INTERACTION: AUTHENTICATING},
    "flow_timeout": {PENDING_INTERACTION: FAILED},
    "auth_ok": {AUTHENTICATING: ACTIVE},
    "auth_error": {AUTHENTICATING: FAILED},
    "put": {ACTIVE: SAME, ROTATION_SCHEDULED: SAME, REFRESHING: ACTIVE},
    "expire": {ACTIVE: EXPIRED, REFRESHING: SAME, ROTATION_SCHEDULED: SAME, ROTATING: SAME, GRACE_PERIOD: SAME},
    "refresh": {ACTIVE: REFRESHING, EXPIRED: REFRESHING, ROTATION_SCHEDULED: SAME, GRACE_PERIOD: SAME},
    # A late response is stored too: after another process took over the claim, and after the refresh counted as lost.
    "refresh_ok": {**dict.fromkeys((REFRESHING, ACTIVE, EXPIRED, FAILED), ACTIVE), **_ROTATION_IS_ON},
    "refresh_transient": {REFRESHING: BY_EXPIRY, **_ROTATION_IS_ON},
    "refresh_denied": {REFRESHING: UNLESS_EXPIRED, **_ROTATION_IS_ON},
    "refresh_lost": {REFRESHING: UNLESS_EXPIRED, **_ROTATION_IS_ON},
    "give_up": {EXPIRED: FAILED},
    "schedule": {ACTIVE: ROTATION_SCHEDULED, EXPIRED: ROTATION_SCHEDULED},
    "cancel": {ROTATION_SCHEDULED: BY_EXPIRY},
    "begin": {ROTATION_SCHEDULED: ROTATING},
    "promoted": {ROTATING: GRACE_PERIOD},
    "rolled_back": {ROTATING: BY_EXPIRY},
    "parked": {ROTATING: SAME, GRACE_PERIOD: SAME},
    "lost": {ROTATING: FAILED},
    "grace_end": {GRACE_PERIOD: BY_EXPIRY},
    "revert": {GRACE_PERIOD: ROTATING},
    "revoke": dict.fromkeys((state for state in STATES if state != REVOKED), REVOKED),
}
EVENTS = tuple(TABLE)

HISTORY_LIMIT = 50
"""How many transitions a credential keeps; the oldest are dropped first. The audit trail keeps all of them."""

_WHEN_EXPIRED: Dict[str, Tuple[str, str]] = {BY_EXPIRY: (ACTIVE, EXPIRED), UNLESS_EXPIRED: (ACTIVE, FAILED)}


def is_expired(metadata: Metadata, now: datetime) -> bool:
    """Return True if the value has expired. At `expires_at` itself it has."""
    return metadata.expires_at is not None and metadata.expires_at <= now


def target_of(state: str, event: str, expired: bool) -> str:
    """Return the state that `event` leads to from `state`.

    Raises:
        InvalidInput: there is no such state or event.
        IllegalTransition: the table has no such transition.
    """
    if state not in STATES or event not in TABLE:
        raise InvalidInput(f"{event!a} in {state!a} is not a known event and state")
    target = TABLE[event].get(state)
    if target is None:
        raise IllegalTransition(
            f"'{event}' cannot happen to a credential that is {state}",
            remedy="From {0} it can: {1}.".format(state, ", ".join(events_from(state)) or "nothing, it is the end"),
        )
    if target == SAME:
        return state
    return _WHEN_EXPIRED[target][expired] if target in _WHEN_EXPIRED else target


def events_from(state: str) -> Tuple[str, ...]:
    """Return the events that can happen in `state`, in the table's order."""
    return tuple(event for event, arrows in TABLE.items() if state in arrows)


def advance(metadata: Metadata, event: str, now: datetime) -> Metadata:
    """Return the metadata after `event`: the transition is in its history (the newest `HISTORY_LIMIT`) and `updated_at` is set.

    Raises:
        IllegalTransition: the event cannot happen in that state.
    """
    target = target_of(metadata.lifecycle, event, is_expired(metadata, now))
    step = Transition(event, metadata.lifecycle, target, now)
    return replace(metadata, lifecycle=target, history=(*metadata.history, step)[-HISTORY_LIMIT:], updated_at=now)


def advance_all(metadata: Metadata, events: Iterable[str], now: datetime) -> Metadata:
    """Return the metadata after several events at one moment (a manual rotation is `schedule` and `begin`)."""
    for event in events:
        metadata = advance(metadata, event, now)
    return metadata


def current_state(metadata: Metadata, now: datetime) -> str:
    """Return the state at `now`: a value past its expiry is expired, also before a write has recorded that."""
    if is_expired(metadata, now) and "expire" in events_from(metadata.lifecycle):
        return target_of(metadata.lifecycle, "expire", True)
    return metadata.lifecycle


def usable(state: str, expired: bool) -> bool:
    """Return True if a current value in that state may be returned to a caller. The rotation engine may read an expired one."""
    return state in USABLE and not expired


def version_word(stage: str, metadata: Metadata, now: datetime, lifecycle: Optional[str] = None) -> str:
    """Return S4's word for one version: draft, active, deprecated, expired or revoked.

    Args:
        stage: the version's stage: pending is a draft, previous is deprecated.
        metadata: the version's own metadata.
        now: the time that `expires_at` is compared with.
        lifecycle: the credential's state, if `metadata` is that of a pending or previous version.
    """
    if REVOKED in (lifecycle, metadata.lifecycle):
        return "revoked"
    if is_expired(metadata, now):
        return "expired"
    return {PENDING: "draft", CURRENT: "active", PREVIOUS: "deprecated"}[stage]
