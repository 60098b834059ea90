# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why values are made, kept and dropped in the order in which they are: small models of targets that take two values at once.

Each is tried in every order of steps, late landings and crashes: a crash changes nothing in a model, because the next run
goes on from what the journal says. Beside the engine's rules stand tempting ones, which the model shows to be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from tests.unit.rotation.state_search import dead_ends, reachable

OLD, NEW = "old", "new"


# A target that takes two values at once.


@dataclass(frozen=True)
class Pair:
    """What the target takes, what flies there ("add new", "drop old"), what is stored, which value is current."""

    takes: frozenset[str] = frozenset((OLD,))
    flying: frozenset[str] = frozenset()
    stored: frozenset[str] = frozenset((OLD,))
    current: str = OLD
    at: str = "begin"

    @property
    def is_safe(self) -> bool:
        """Current opens it, and nothing that opens it, or may come to, is forgotten."""
        adds = {flight.split()[1] for flight in self.flying if flight.startswith("add")}
        return self.current in self.takes and (self.takes | adds) <= self.stored

    def land(self, flight: str) -> Pair:
        act, value = flight.split()
        takes = self.takes | {value} if act == "add" else self.takes - {value}
        return replace(self, takes=takes, flying=self.flying - {flight})

    def is_quiet(self, act: str) -> bool:
        return not any(flight.startswith(act) for flight in self.flying)


def send(state: Pair, flight: str, answered: str, unanswered: str) -> Iterator[Pair]:
    """A request is answered, is done without an answer, flies, or is lost."""
    yield replace(state.land(flight), at=answered)
    yield replace(state.land(flight), at=unanswered)
    yield replace(state, flying=state.flying | {flight}, at=unanswered)
    yield replace(state, at=unanswered)


def landings(state: Pair) -> Iterator[Pair]:
    """What flies lands at last, or is lost; a request that is sent twice may land twice."""
    for flight in state.flying:
        yield state.land(flight)
        yield replace(state, flying=state.flying - {flight})


def pair_course(state: Pair) -> Iterator[Pair]:
    """The steps that all rules share: store, apply, verify, promote or give up."""
    if state.at == "begin":
        yield replace(state, at="apply", stored=state.stored | {NEW})
    elif state.at == "apply":
        yield from send(state, "add new", "verify", "verify")
    elif state.at == "verify":
        yield replace(state, at="promote" if NEW in state.takes else "confirm")
        yield replace(state, at="confirm")  # it answers, and not as it should
    elif state.at == "promote":
        yield replace(state, at="grace", current=NEW)
    elif state.at == "confirm":
        yield replace(state, at="withdraw")
    elif state.at == "withdraw":
        yield from send(state, "drop new", "discard", "discard")
    elif state.at == "forget new":
        yield replace(state, at="end", stored=state.stored - {NEW})
    elif state.at == "forget old":
        yield replace(state, at="end", stored=state.stored - {OLD})


def retire_before_dropping(state: Pair) -> Iterator[Pair]:
    """The engine's rule: all sends are quiet, the target has dropped the value and said so, then the slot goes."""
    if state.at == "discard" and state.is_quiet("add"):
        yield from send(state, "drop new", "forget new", "discard")
    elif state.at == "grace" and state.is_quiet("add"):
        yield from send(state, "drop old", "forget old", "grace")


def drop_the_slot_alone(state: Pair) -> Iterator[Pair]:
    """What suffices for a target of one value: the slot goes when its time is over."""
    if state.at in {"discard", "grace"} and state.is_quiet("add"):
        yield replace(state, at="forget new" if state.at == "discard" else "forget old")


def retire_at_once(state: Pair) -> Iterator[Pair]:
    """The target was told once, while the first request was still on its way."""
    if state.at == "discard":
        yield from send(state, "drop new", "forget new", "discard")
    elif state.at == "grace":
        yield from send(state, "drop old", "forget old", "grace")


def send_again_what_was_withdrawn(state: Pair) -> Iterator[Pair]:
    """A value that was rolled back is used for the next rotation."""
    yield from retire_before_dropping(state)
    if state.at == "discard":
        yield replace(state, at="apply")


def test_with_two_values_current_opens_and_nothing_that_opens_is_forgotten() -> None:
    rules = (pair_course, retire_before_dropping, landings)
    states = reachable(Pair(), *rules)
    assert [state for state in states if not state.is_safe] == []
    assert dead_ends(states, *rules) == set()
    assert {state.takes for state in states if state.at == "end" and not state.flying} == {frozenset((OLD,)), frozenset((NEW,))}


@pytest.mark.parametrize("rule", [drop_the_slot_alone, retire_at_once, send_again_what_was_withdrawn])
def test_with_two_values_less_forgets_one_or_loses_current(rule: Callable[[Pair], Iterator[Pair]]) -> None:
    assert any(not state.is_safe for state in reachable(Pair(), pair_course, rule, landings))


# A service that makes the value.


@dataclass(frozen=True)
class Account:
    """The keys that a service holds: ours is stored, made was made for us, foreign was made by somebody else.

    `marked` are those that carry our mark, `held` what was listed before one was made, `flying` whether a request to make one
    may still land.
    """

    marks: bool
    sole_owner: bool
    slots: int = 2
    keys: frozenset[str] = frozenset(("ours",))
    held: frozenset[str] = frozenset()
    stored: frozenset[str] = frozenset(("ours",))
    flying: bool = False
    foreign_gone: bool = False
    at: str = "list"

    @property
    def is_safe(self) -> bool:
        """The current key opens, no slot is overrun, and nobody else's key was deleted."""
        return "ours" in self.keys and len(self.keys) <= self.slots and not self.foreign_gone

    @property
    def is_clean(self) -> bool:
        """What was made is stored, or a person is told of it."""
        return self.at == "orphaned" or (not self.flying and self.keys - {"foreign"} <= self.stored)

    def make(self) -> Account:
        return replace(self, keys=self.keys | {"made"}) if len(self.keys) < self.slots else self


def somebody_else(state: Account) -> Iterator[Account]:
    """Makes one key at any time, where there is a slot; never where only the rotation makes keys."""
    if not state.sole_owner and "foreign" not in state.keys and not state.foreign_gone and len(state.keys) < state.slots:
        yield replace(state, keys=state.keys | {"foreign"})


def late_making(state: Account) -> Iterator[Account]:
    if state.flying:
        yield replace(state.make(), flying=False)
        yield replace(state, flying=False)


def making(state: Account) -> Iterator[Account]:
    """The steps that all rules share."""
    if state.at == "list":
        yield replace(state, at="end" if len(state.keys) >= state.slots else "make", held=state.keys)
    elif state.at == "make":
        made = state.make()
        if "made" in made.keys:
            yield replace(made, at="verify", stored=made.stored | {"made"})  # the answer came, and its value is stored
        yield replace(made, at="sweep")  # it was made, and the answer was lost, or the run crashed before it was stored
        yield replace(state, at="sweep", flying=True)
        yield replace(state, at="sweep")
    elif state.at == "verify":
        yield replace(state, at="end")
    elif state.at == "delete":
        yield replace(state, at="end", keys=state.keys - {"made"})


def may_be_made(state: Account) -> frozenset[str]:
    """What was not held before and is not stored: by its mark, or else by the time at which it was made."""
    fresh = state.keys - state.held - state.stored
    return fresh & {"made"} if state.marks else fresh


def delete(state: Account, strays: frozenset[str]) -> Account:
    return replace(state, at="end", keys=state.keys - strays, foreign_gone=state.foreign_gone or "foreign" in strays)


def sweep_after_the_life(state: Account) -> Iterator[Account]:
    """The engine's rule: wait until nothing can land, list, delete what is certainly ours, else name it to a person."""
    if state.at == "sweep" and not state.flying:
        strays = may_be_made(state)
        if not strays:
            yield replace(state, at="end")
        elif state.marks or state.sole_owner:
            yield delete(state, strays)
        else:
            yield replace(state, at="orphaned")


def sweep_at_once(state: Account) -> Iterator[Account]:
    if state.at == "sweep":
        yield delete(state, may_be_made(state))


def sweep_without_a_mark(state: Account) -> Iterator[Account]:
    """Whatever was not there before is taken for ours."""
    if state.at == "sweep" and not state.flying:
        yield delete(state, state.keys - state.held - state.stored)


def make_again(state: Account) -> Iterator[Account]:
    """No answer means that nothing was made."""
    if state.at == "sweep":
        yield replace(state, at="list")


def store_nothing_until_verified(state: Account) -> Iterator[Account]:
    """The journal says made, the value is stored after that: a crash between the two forgets it."""
    yield from sweep_after_the_life(state)
    if state.at == "verify":
        yield replace(state, at="end", stored=state.stored - {"made"})


ACCOUNTS = [Account(marks, owner, slots) for marks in (True, False) for owner in (True, False) for slots in (2, 3)]


@pytest.mark.parametrize("start", ACCOUNTS)
def test_what_a_service_makes_is_stored_found_or_named_and_nobody_elses_key_is_deleted(start: Account) -> None:
    states = reachable(start, making, sweep_after_the_life, somebody_else, late_making)
    assert [state for state in states if not state.is_safe] == []
    assert [state for state in states if state.at in {"end", "orphaned"} and not state.is_clean] == []
    assert any(state.at == "orphaned" for state in states) is not (start.marks or start.sole_owner)


@pytest.mark.parametrize("rule", [sweep_at_once, sweep_without_a_mark, make_again, store_nothing_until_verified])
def test_less_leaves_a_key_that_nobody_knows_or_deletes_somebody_elses(rule: Callable[[Account], Iterator[Account]]) -> None:
    states = {state for start in ACCOUNTS for state in reachable(start, making, rule, somebody_else, late_making)}
    assert any(not state.is_safe or (state.at == "end" and not state.is_clean) for state in states)
