# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong at a call of a target, as a table: which calls it applies to, and what then happens in their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, FrozenSet, Mapping, Protocol, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Made

from .faulty_store import Crash

APPLY, MAKE, RETIRE, PROBE, LIST, PRECHECK = "apply", "make", "retire", "probe", "list_held", "precheck"
SENDS = frozenset((APPLY, MAKE, RETIRE))
READS = frozenset((PROBE, LIST, PRECHECK))
EVERY = SENDS | READS


def answer_with(outcome: str, act: str) -> Any:
    """Return what the target returns for such an outcome; a read without one says that nothing is certain.

    Raises:
        Unavailable: `act` is the precheck.
    """
    if act == PRECHECK:
        raise Unavailable("the target does not answer", option="target", remedy="This is a test.")
    if act == LIST:
        return None
    if act == MAKE:
        return Made(outcome)
    return outcome if act in SENDS or outcome == steps.REFUSED else steps.UNAVAILABLE


class World(Protocol):
    """The part of a rotated credential that faults change."""

    def land_later(self, act: Callable[[], Any], seconds: float) -> None:
        """Let a request take effect after that time."""

    def elapse(self, seconds: float) -> None:
        """Let time pass, in the store and for the driver."""

    def shut(self) -> None:
        """Make the service unreachable until the end of the run."""

    def reopen(self) -> None:
        """Make the service reachable."""

    def refuse_new(self) -> None:
        """Make the service refuse new values until the end of the run."""

    def change_elsewhere(self) -> None:
        """Replace the value at the service."""

    def settle_elsewhere(self) -> None:
        """Let another controller finish what is open."""

    def read_life(self) -> int:
        """Return how long a request may be under way, in seconds."""

    def read_limit(self) -> int:
        """Return how long a call may take, in seconds."""


@dataclass(frozen=True)
class Call:
    """A call of the target that goes wrong: its name, and the function that does it, also later."""

    name: str
    act: Callable[[], Any]


def _crash_before(world: World, call: Call) -> Any:
    raise Crash


def _crash_after(world: World, call: Call) -> Any:
    call.act()
    raise Crash


def _crash_and_land(world: World, call: Call) -> Any:
    world.land_later(call.act, world.read_life() - 1)
    raise Crash


def _lose(world: World, call: Call) -> Any:
    return answer_with(steps.UNKNOWN, call.name)


def _lose_answer(world: World, call: Call) -> Any:
    call.act()
    return answer_with(steps.UNKNOWN, call.name)


def _land_soon(world: World, call: Call) -> Any:
    world.land_later(call.act, 1)
    return answer_with(steps.UNKNOWN, call.name)


def _land_last(world: World, call: Call) -> Any:
    world.land_later(call.act, world.read_life() - 1)
    return answer_with(steps.UNKNOWN, call.name)


def _say_done(world: World, call: Call) -> Any:
    return steps.APPLIED


def _be_unavailable(world: World, call: Call) -> Any:
    return answer_with(steps.UNAVAILABLE, call.name)


def _refuse(world: World, call: Call) -> Any:
    return answer_with(steps.REFUSED, call.name)


def _answer_late(world: World, call: Call) -> Any:
    answer = call.act()
    world.elapse(world.read_limit() - 1)
    return answer


def _sleep_after(world: World, call: Call) -> Any:
    """The controller sleeps past its lease; another one finishes the rotation before it wakes up."""
    answer = call.act()
    world.settle_elsewhere()
    return answer


def _shut(world: World, call: Call) -> Any:
    world.shut()
    return call.act()


def _shut_once(world: World, call: Call) -> Any:
    world.shut()
    try:
        return call.act()
    finally:
        world.reopen()


def _refuse_really(world: World, call: Call) -> Any:
    world.refuse_new()
    return call.act()


def _change(world: World, call: Call) -> Any:
    world.change_elsewhere()
    return call.act()


@dataclass(frozen=True)
class Fault:
    """What happens in place of a call, and the calls that it applies to."""

    play: Callable[[World, Call], Any]
    calls: FrozenSet[str]


FAULTS: Mapping[str, Fault] = {
    "crash_before": Fault(_crash_before, EVERY),
    "crash_after": Fault(_crash_after, EVERY),
    "crash_and_land": Fault(_crash_and_land, SENDS),
    "lost": Fault(_lose, SENDS),
    "answer_lost": Fault(_lose_answer, EVERY),
    "lands_soon": Fault(_land_soon, SENDS),
    "lands_last": Fault(_land_last, SENDS),
    "says_done": Fault(_say_done, frozenset((APPLY,))),
    "unavailable": Fault(_be_unavailable, EVERY),
    "refused": Fault(_refuse, SENDS | {PROBE}),
    "answers_late": Fault(_answer_late, EVERY),
    "sleeps_after": Fault(_sleep_after, EVERY),
    "down": Fault(_shut, EVERY),
    "down_once": Fault(_shut_once, EVERY),
    "refuses_new": Fault(_refuse_really, frozenset((APPLY, MAKE))),
    "changed_elsewhere": Fault(_change, EVERY),
}
"""By name. `changed_elsewhere` is the one after which no stored value opens the service."""

IN_STORE: Tuple[str, ...] = ("store_dies_before", "store_dies_after", "store_down")
"""Faults of the store: the controller dies before or after a write, or the store is down from a call on until the end of the run."""
