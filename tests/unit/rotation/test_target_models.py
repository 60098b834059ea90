# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why values are made, kept and dropped in the order in which they are: small models of targets that take two values at once.

Each is tried in every order of steps, late landings and crashes: a crash changes nothing in a model, because the next run
goes on from what the journal says. Beside the engine's rules stand tempting ones, which the model shows to be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

OLD, NEW = "old", "new"


def reachable(start: Any, *rules: Callable[[Any], Iterable[Any]]) -> set[Any]:
    """Every state that any order of steps leads to."""
    seen: set[Any] = set()
    waiting = [start]
    while waiting:
        state = waiting.pop()
        if state not in seen:
            seen.add(state)
            waiting += [following for rule in rules for following in rule(state)]
    return seen


def dead_ends(states: set[Any], *rules: Callable[[Any], Iterable[Any]]) -> set[Any]:
    """The states from which no order of steps leads to the end."""
    before: dict[Any, set[Any]] = {state: set() for state in states}
    for state in states:
        for rule in rules:
            for following in rule(state):
                before[following].add(state)
    waiting = [state for state in states if state.at == "end"]
    ends = set(waiting)
    while waiting:
        new = before[waiting.pop()] - ends
        ends |= new
        waiting += new
    return states - ends


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


# Several hosts that take a value each.


@dataclass(frozen=True)
class Fleet:
    """By host: what it takes, whether it is up, what flies there. And what is stored, which value is current, who lacks it."""

    takes: tuple[frozenset[str], ...] = (frozenset((OLD,)),) * 2
    up: tuple[bool, ...] = (True, True)
    flying: frozenset[tuple[int, str]] = frozenset()
    tried: frozenset[int] = frozenset()
    behind: frozenset[int] = frozenset((0, 1))
    dropped: frozenset[int] = frozenset()
    gone: frozenset[int] = frozenset()
    stored: frozenset[str] = frozenset((OLD,))
    current: str = OLD
    at: str = "begin"

    @property
    def hosts(self) -> tuple[int, ...]:
        return tuple(host for host in range(len(self.takes)) if host not in self.gone)

    @property
    def is_safe(self) -> bool:
        """A stored value opens every host, and none takes, or may come to take, what is not stored."""
        adds = {flight.split()[1] for host, flight in self.flying if host in self.hosts and flight.startswith("add")}
        return adds <= self.stored and all(self.takes[host] and self.takes[host] <= self.stored for host in self.hosts)

    @property
    def is_open(self) -> bool:
        """Current opens every host that the journal does not name as behind."""
        lacking = self.behind if self.current == NEW else frozenset()
        return all(self.current in self.takes[host] for host in self.hosts if host not in lacking)

    def land(self, host: int, flight: str) -> Fleet:
        act, value = flight.split()
        taken = self.takes[host] | {value} if act == "add" else self.takes[host] - {value}
        takes = tuple(taken if other == host else now for other, now in enumerate(self.takes))
        return replace(self, takes=takes, flying=self.flying - {(host, flight)})

    def send(self, host: int, flight: str) -> Iterator[tuple[Fleet, bool]]:
        """What a request to a host leads to, and whether it was answered."""
        if self.up[host]:
            yield self.land(host, flight), True
            yield self.land(host, flight), False
            yield replace(self, flying=self.flying | {(host, flight)}), False
        yield self, False


def outages(state: Fleet) -> Iterator[Fleet]:
    """A host goes down or comes back, and what flies lands or is lost."""
    for host in state.hosts:
        if state.at != "end":
            yield replace(state, up=tuple(not now if other == host else now for other, now in enumerate(state.up)))
    for host, flight in state.flying:
        yield state.land(host, flight)
        yield replace(state, flying=state.flying - {(host, flight)})


def send_around(state: Fleet) -> Iterator[Fleet]:
    """Send pending from host to host, then verify, then promote; or give it up, where a host that is up refuses it."""
    if state.at == "begin":
        yield replace(state, at="apply", stored=state.stored | {NEW})
    elif state.at == "apply":
        for host in state.behind - state.tried:
            for asked, _answered in state.send(host, "add new"):
                sent = replace(asked, tried=asked.tried | {host})
                yield sent
                if sent.up[host] and NEW in sent.takes[host]:
                    yield replace(sent, behind=sent.behind - {host})
                elif sent.up[host]:
                    yield replace(sent, at="withdraw", dropped=frozenset())
        if not state.behind - state.tried:
            yield replace(state, at="promote" if set(state.hosts) - state.behind else "withdraw", tried=frozenset())
    elif state.at == "promote":
        yield replace(state, at="grace", current=NEW)


def catch_up(state: Fleet) -> Iterator[Fleet]:
    """Each later run sends current to the hosts that lack it; one that is gone for good is forgotten by a person."""
    if state.at == "grace":
        for host in state.behind & set(state.hosts):
            for sent, _answered in state.send(host, "add new"):
                known = sent.up[host] and NEW in sent.takes[host]
                yield replace(sent, behind=sent.behind - {host}) if known else sent
            if len(state.hosts) > 1 and not state.up[host]:
                yield replace(state, gone=state.gone | {host}, behind=state.behind - {host})


def drop_around(state: Fleet, value: str, at: str) -> Iterator[Fleet]:
    """Have every host drop a value; when all have said so, its slot goes."""
    for host in set(state.hosts) - state.dropped:
        for sent, answered in state.send(host, "drop " + value):
            yield replace(sent, at=at, dropped=sent.dropped | {host}) if answered else replace(sent, at=at)
    if not set(state.hosts) - state.dropped:
        yield replace(state, at="end", stored=state.stored - {value})


def is_quiet(state: Fleet) -> bool:
    return not any(flight.startswith("add") for host, flight in state.flying if host in state.hosts)


def retire_when_nobody_lacks_it(state: Fleet) -> Iterator[Fleet]:
    """The engine's rule."""
    if state.at == "withdraw" and is_quiet(state):
        yield from drop_around(state, NEW, "withdraw")
    elif state.at == "grace" and not state.behind and is_quiet(state):
        yield replace(state, at="retire", dropped=frozenset())
    elif state.at == "retire":
        yield from drop_around(state, OLD, "retire")


def retire_by_time(state: Fleet) -> Iterator[Fleet]:
    """The grace period is over: the hosts that are up drop the old value, and its slot goes."""
    yield from retire_when_nobody_lacks_it(state)
    if state.at == "grace" and is_quiet(state):
        yield replace(state, at="retire", dropped=frozenset())


def drop_without_retiring(state: Fleet) -> Iterator[Fleet]:
    """The old value is forgotten here and left to the hosts."""
    if state.at == "grace" and not state.behind:
        yield replace(state, at="end", stored=state.stored - {OLD})


def drop_before_it_is_quiet(state: Fleet) -> Iterator[Fleet]:
    """What flies to a host is not waited for."""
    if state.at == "withdraw":
        yield from drop_around(state, NEW, "withdraw")
    yield from retire_when_nobody_lacks_it(state)


def test_a_stored_value_opens_every_host_whichever_is_down_and_whatever_lands_late() -> None:
    rules = (send_around, catch_up, retire_when_nobody_lacks_it, outages)
    states = reachable(Fleet(), *rules)
    assert [state for state in states if not state.is_safe or not state.is_open] == []
    assert dead_ends(states, *rules) == set()
    assert {state.at for state in states} == {"begin", "apply", "promote", "grace", "withdraw", "retire", "end"}


@pytest.mark.parametrize("rule", [retire_by_time, drop_without_retiring, drop_before_it_is_quiet])
def test_less_leaves_a_host_that_no_stored_value_opens_or_one_that_takes_what_is_not_stored(
    rule: Callable[[Fleet], Iterator[Fleet]],
) -> None:
    assert any(not state.is_safe for state in reachable(Fleet(), send_around, catch_up, rule, outages))
