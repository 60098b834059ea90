# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a sent value is kept: a small model, tried in every order of steps, late landings and crashes.

The model knows one target that takes one value, requests that may land at any time before their life is over, and a
controller that may stop between any two steps. It shows that letting go of *pending* when apply failed, or after the
target was asked once, loses the password; and that waiting out the request's life and verifying again does not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, FrozenSet, Iterator, Set

import pytest

OLD, NEW = "old", "new"


@dataclass(frozen=True)
class State:
    """Everything there is: what the target takes, what is on its way there, what is stored, and where the run stands."""

    takes: str = OLD
    flying: bool = False
    life_over: bool = True
    stored: FrozenSet[str] = frozenset((OLD,))
    at: str = "begin"

    @property
    def safe(self) -> bool:
        return self.takes in self.stored and (not self.flying or NEW in self.stored)


Rule = Callable[[State], Iterator[State]]


def world(state: State) -> Iterator[State]:
    """What happens by itself: a request lands, or its life ends and it is gone for good."""
    if state.flying:
        yield replace(state, takes=NEW, flying=False)
        yield replace(state, flying=False, life_over=True)
    elif not state.life_over:
        yield replace(state, life_over=True)


def engine(state: State) -> Iterator[State]:
    """The rule of ROTATION: the request's life first, the verification of the survivor after that, then the deletion."""
    if state.at == "settle":
        yield replace(state, at="promote" if state.takes == NEW else "wait")
    elif state.at == "wait" and state.life_over:
        yield replace(state, at="verify")
    elif state.at == "verify":
        yield replace(state, at="discard" if state.takes == OLD else "promote")


def drop_on_failed_apply(state: State) -> Iterator[State]:
    """The naive rule: no answer means that it was not taken."""
    if state.at == "settle":
        yield replace(state, at="discard")


def ask_once(state: State) -> Iterator[State]:
    """The less naive rule: what the target refuses now, it will refuse later."""
    if state.at == "settle":
        yield replace(state, at="discard" if state.takes == OLD else "promote")


def ask_before_waiting(state: State) -> Iterator[State]:
    """Caller, then waiting the life out, in the wrong order."""
    if state.at == "settle":
        yield replace(state, at="promote" if state.takes == NEW else "wait")
    elif state.at == "wait" and state.life_over:
        yield replace(state, at="discard")


def common(state: State) -> Iterator[State]:
    """The steps that all rules share. A crash changes nothing here: the next run finds the journal's `at` and goes on."""
    if state.at == "begin":
        yield replace(state, at="apply", stored=state.stored | {NEW})
    elif state.at == "apply":
        yield replace(state, at="settle", flying=True, life_over=False)  # no answer: it flies, and may land
        yield replace(state, at="settle", takes=NEW, life_over=False)  # it landed, and the answer was lost or the run crashed
        yield replace(state, at="settle", life_over=False)  # it got lost on its way
    elif state.at == "discard":
        yield replace(state, at="end", stored=state.stored - {NEW})
    elif state.at == "promote":
        yield replace(state, at="end")  # the new value becomes current; the old one is kept as previous


def reachable(rule: Rule) -> Set[State]:
    """Every state that any order of steps leads to."""
    seen: Set[State] = set()
    waiting = [State()]
    while waiting:
        state = waiting.pop()
        if state not in seen:
            seen.add(state)
            waiting += [*common(state), *rule(state), *world(state)]
    return seen


def test_the_value_the_target_takes_is_always_stored() -> None:
    states = reachable(engine)
    assert all(state.safe for state in states)
    assert {state.at for state in states} == {"begin", "apply", "settle", "wait", "verify", "discard", "promote", "end"}


def test_no_state_is_a_dead_end() -> None:
    """From everywhere the rotation can still come to its end."""
    for state in reachable(engine):
        seen: Set[State] = set()
        waiting = [state]
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                waiting += [*common(one), *engine(one), *world(one)]
        assert any(one.at == "end" for one in seen)


@pytest.mark.parametrize("rule", [drop_on_failed_apply, ask_once, ask_before_waiting])
def test_letting_go_earlier_loses_the_password(rule: Rule) -> None:
    lost = [state for state in reachable(rule) if not state.safe]
    assert any(state.takes == NEW and state.stored == {OLD} for state in lost)
