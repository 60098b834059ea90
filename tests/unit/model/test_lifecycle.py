# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lifecycle table: every pair decided, as docs/how-to/rotation.md shows it."""

from __future__ import annotations

import itertools
import random
import re
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import IllegalTransition, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PENDING, PREVIOUS, Metadata
from tests.conftest import CHECKOUT

NOW = datetime(2026, 11, 22, tzinfo=timezone.utc)
AT, AF = "@", "active or failed"
OTHERS = [state for state in lifecycle.STATES if state != "revoked"]

# Written out a second time, arrow by arrow, so that a slip in the table shows.
ARROWS = {
    ("uninitialized", "begin_interactive"): "pending_interaction",
    ("expired", "begin_interactive"): "pending_interaction",
    ("failed", "begin_interactive"): "pending_interaction",
    ("uninitialized", "begin_direct"): "authenticating",
    ("expired", "begin_direct"): "authenticating",
    ("failed", "begin_direct"): "authenticating",
    ("pending_interaction", "input"): "authenticating",
    ("pending_interaction", "flow_timeout"): "failed",
    ("authenticating", "auth_ok"): "active",
    ("authenticating", "auth_error"): "failed",
    ("active", "put"): "active",
    ("rotation_scheduled", "put"): "rotation_scheduled",
    ("refreshing", "put"): "active",
    ("active", "expire"): "expired",
    ("refreshing", "expire"): "refreshing",
    ("rotation_scheduled", "expire"): "rotation_scheduled",
    ("rotating", "expire"): "rotating",
    ("grace_period", "expire"): "grace_period",
    ("active", "refresh"): "refreshing",
    ("expired", "refresh"): "refreshing",
    ("refreshing", "refresh_ok"): "active",
    ("refreshing", "refresh_transient"): AT,
    ("refreshing", "refresh_denied"): AF,
    ("refreshing", "refresh_lost"): AF,
    ("rotation_scheduled", "refresh"): "rotation_scheduled",
    ("grace_period", "refresh"): "grace_period",
    ("active", "refresh_ok"): "active",
    ("expired", "refresh_ok"): "active",
    ("failed", "refresh_ok"): "active",
    **{
        (state, event): state
        for state in ("rotation_scheduled", "rotating", "grace_period")
        for event in ("refresh_ok", "refresh_transient", "refresh_denied", "refresh_lost")
    },
    ("expired", "give_up"): "failed",
    ("active", "schedule"): "rotation_scheduled",
    ("expired", "schedule"): "rotation_scheduled",
    ("rotation_scheduled", "cancel"): AT,
    ("rotation_scheduled", "begin"): "rotating",
    ("rotating", "promoted"): "grace_period",
    ("rotating", "rolled_back"): AT,
    ("rotating", "parked"): "rotating",
    ("rotating", "lost"): "failed",
    ("grace_period", "grace_end"): AT,
    ("grace_period", "parked"): "grace_period",
    ("grace_period", "revert"): "rotating",
    **{(state, "revoke"): "revoked" for state in OTHERS},
}
PAIRS = list(itertools.product(lifecycle.STATES, lifecycle.EVENTS))


def metadata(state: str = "active", expires_at: datetime | None = None) -> Metadata:
    return Metadata(created_at=NOW, updated_at=NOW, lifecycle=state, expires_at=expires_at)


def test_there_are_11_states_and_24_events() -> None:
    assert (len(lifecycle.STATES), len(lifecycle.EVENTS), len(set(PAIRS))) == (11, 24, 264)


@pytest.mark.parametrize("expired", [False, True])
@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_pair_is_decided(state: str, event: str, expired: bool) -> None:
    known = metadata(state, NOW if expired else None)
    arrow = ARROWS.get((state, event))
    if arrow is None:
        with pytest.raises(IllegalTransition) as raised:
            lifecycle.advance(known, event, NOW)
        assert event in str(raised.value)
        return
    arrow = {AT: "expired" if expired else "active", AF: "failed" if expired else "active"}.get(arrow, arrow)
    after = lifecycle.advance(known, event, NOW)
    assert after.lifecycle == arrow
    assert after.history[-1].event == event
    assert (after.history[-1].origin, after.history[-1].target, after.history[-1].at) == (state, arrow, NOW)


def test_what_is_unknown_is_no_transition() -> None:
    with pytest.raises(InvalidInput):
        lifecycle.target_of("active", "explode", False)
    with pytest.raises(InvalidInput):
        lifecycle.target_of("asleep", "put", False)


def test_revoked_is_the_only_end_and_active_can_be_reached_from_every_other_state() -> None:
    assert [state for state in lifecycle.STATES if not lifecycle.events_from(state)] == ["revoked"]
    for start in OTHERS:
        reached = {start}
        for _each in lifecycle.STATES:
            reached |= {
                lifecycle.target_of(state, event, expired)
                for state in reached
                for event in lifecycle.events_from(state)
                for expired in (False, True)
            }
        assert {"active", "revoked"} <= reached


def test_ten_thousand_random_lives_keep_a_usable_value_until_it_is_given_up() -> None:
    """Without an event that says that the value is dead, a value that worked stays usable; revoking ends it for good."""
    deadly = {"revoke", "expire", "lost"}
    chance = random.Random(20261122)
    for _each in range(10000):
        known, alive = metadata(), True
        for _each in range(chance.randrange(1, 25)):
            events = lifecycle.events_from(known.lifecycle)
            if not events:
                break
            event = chance.choice(events)
            alive = alive and event not in deadly
            known = lifecycle.advance(known, event, NOW)
            assert lifecycle.usable(known.lifecycle, False) or not alive
            alive = alive or known.lifecycle == "active"
        assert known.lifecycle != "revoked" or not lifecycle.usable(known.lifecycle, False)
        assert len(known.history) <= lifecycle.HISTORY_LIMIT


def test_an_expired_value_is_usable_in_no_state() -> None:
    assert not any(lifecycle.usable(state, True) for state in lifecycle.STATES)


def test_the_moment_of_expiry_is_expired() -> None:
    assert lifecycle.is_expired(metadata(expires_at=NOW), NOW)
    assert not lifecycle.is_expired(metadata(expires_at=NOW + timedelta(microseconds=1)), NOW)


def test_the_history_keeps_the_newest_transitions() -> None:
    known = metadata()
    for number in range(lifecycle.HISTORY_LIMIT + 5):
        known = lifecycle.advance(known, "put", NOW + timedelta(seconds=number))
    assert len(known.history) == lifecycle.HISTORY_LIMIT
    assert known.history[-1].at == NOW + timedelta(seconds=lifecycle.HISTORY_LIMIT + 4)
    assert known.updated_at == known.history[-1].at


@pytest.mark.parametrize(
    ("stage", "known", "of_credential", "word"),
    [
        (PENDING, metadata(), "rotating", "draft"),
        (CURRENT, metadata("rotating"), None, "active"),
        (PREVIOUS, metadata(), "grace_period", "deprecated"),
        (CURRENT, metadata(expires_at=NOW), None, "expired"),
        (PREVIOUS, metadata(expires_at=NOW), "grace_period", "expired"),
        (CURRENT, metadata("revoked", NOW), None, "revoked"),
        (PREVIOUS, metadata(), "revoked", "revoked"),
    ],
)
def test_a_version_has_one_of_five_words(stage: str, known: Metadata, of_credential: str | None, word: str) -> None:
    assert lifecycle.version_word(stage, known, NOW, of_credential) == word


def test_the_documentation_shows_the_same_table() -> None:
    """docs/how-to/rotation.md, section States, row by row."""
    text = (CHECKOUT / "docs" / "how-to" / "rotation.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `(\w+)` \| ([\w, ]+) \| ([\w *]+) \|$", text.partition("## States")[2].partition("## Policies")[0], re.MULTILINE
    )
    words = {"active*": AT, "active or failed": AF}
    shown = {}
    for event, origins, target in rows:
        for origin in OTHERS if origins.startswith("every state") else origins.split(", "):
            shown[origin, event] = origin if target == "same" else words.get(target, target)
    assert shown == ARROWS
