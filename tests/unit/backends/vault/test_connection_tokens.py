# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import token_renewal as token_life
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

HOUR = 3600.0
lives = st.floats(min_value=1, max_value=768 * HOUR)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """A clock that stands still until a test moves it."""
    hands = [1000.0]
    monkeypatch.setattr(token_life, "now", lambda: hands[0])
    return hands


def granted(seconds, **more):
    return token_life.token_from_login(dict({"client_token": "s.one", "lease_duration": seconds, "renewable": True}, **more))


@pytest.mark.parametrize(("lifetime", "left"), [(32 * 24 * HOUR, HOUR), (3 * HOUR, HOUR), (2 * HOUR, 2400), (600, 200), (1, 1 / 3)])
def test_an_hour_or_a_third_of_the_life_is_left_when_a_token_is_renewed(lifetime, left):
    assert token_life.margin(lifetime) == pytest.approx(left)


@given(lifetime=lives)
def test_a_new_token_is_not_due_and_becomes_due_before_it_ends(lifetime):
    token = granted(lifetime)
    assert not token.is_due()
    assert token_life.now() < token.due_at < token.ends_at


@given(lifetime=lives)
def test_a_token_that_is_renewed_for_its_whole_life_is_not_due_at_once_again(lifetime):
    token = token_life.token_from_renewal(granted(lifetime), {"lease_duration": lifetime, "renewable": True})
    assert not token.is_due()


@given(lifetime=lives, share=st.floats(min_value=0.01, max_value=0.3))
def test_a_renewal_that_leaves_a_token_due_says_that_its_longest_life_is_near(lifetime, share):
    token = token_life.token_from_renewal(granted(lifetime), {"lease_duration": token_life.margin(lifetime) * share, "renewable": True})
    assert token.is_due()


def test_a_token_without_an_end_is_never_due(clock):
    token = granted(0, renewable=False)
    clock[0] += 1e9
    assert not token.is_due()
    assert token.ends_at == math.inf


def test_a_given_token_is_looked_up_after_half_a_minute_and_not_before(clock):
    token = token_life.token_from_options(Secret("s.two"))
    clock[0] += token_life.LOOK_AFTER - 1
    assert not token.is_due()
    clock[0] += 1
    assert token.is_due()
    assert not token.known


@pytest.mark.parametrize(
    ("data", "due_in"),
    [
        ({"ttl": 0, "creation_ttl": 0, "renewable": False}, math.inf),
        ({"ttl": 3000, "creation_ttl": 36000, "renewable": True}, -600),
        ({"ttl": 36000, "creation_ttl": 36000, "renewable": True}, 32400),
        ({"ttl": 550, "creation_ttl": 36000, "period": 600, "renewable": True}, 350),
        ({"ttl": 90, "renewable": False}, 60),
        ({}, math.inf),
    ],
)
def test_what_the_server_says_of_a_given_token_tells_when_it_is_due(data, due_in):
    token = token_life.token_from_lookup(token_life.token_from_options(Secret("s.two")), data)
    assert token.due_at - token_life.now() == pytest.approx(due_in)
    assert token.known
    assert not token.ours


@pytest.mark.parametrize(("left", "again_in"), [(math.inf, 30), (3000, 30), (40, 20), (2, 1), (-5, 1)])
def test_a_token_that_could_not_be_renewed_is_tried_again_before_it_ends_but_not_with_each_request(clock, left, again_in):
    token = token_life.Token(Secret("s.one"), ours=True, ends_at=clock[0] + left, due_at=clock[0])
    assert token.later().due_at - clock[0] == pytest.approx(again_in)


def test_a_token_is_shown_nowhere():
    assert "s.one" not in repr(granted(60))
