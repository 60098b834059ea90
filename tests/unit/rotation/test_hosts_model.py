# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why the old value of several hosts is kept until none lacks the new one: a small model, tried in every order of steps.

A host may go down at any time, a request to it may land late or be lost. The profile `long` tries three hosts, `fast` two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from tests.conftest import PROFILE
from tests.unit.rotation.state_search import dead_ends, reachable

OLD, NEW = "old", "new"
HOSTS = 3 if PROFILE == "long" else 2


@dataclass(frozen=True)
class Fleet:
    """By host: what it takes, whether it is up, what flies there. And what is stored, which value is current, who lacks it."""

    takes: tuple[frozenset[str], ...] = (frozenset((OLD,)),) * HOSTS
    up: tuple[bool, ...] = (True,) * HOSTS
    flying: frozenset[tuple[int, str]] = frozenset()
    tried: frozenset[int] = frozenset()
    behind: frozenset[int] = frozenset(range(HOSTS))
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
