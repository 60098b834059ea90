# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotations of three kinds of targets that take two values at once, with a crash around every write of the store.

Before and after each write, and before and after each step, `World.check` holds: current opens the target, no more than two
values are there, nobody else's is deleted and none is forgotten. At the end one value is left, and a new rotation works.
The profile `long` tries every write, `fast` a few of each rotation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    InvalidInput,
    RotationInProgress,
    RotationParked,
)
from tests.conftest import PROFILE
from tests.unit.rotation.services import DOWN, FATES, LATE, REFUSES, WORKS, Fate, fates, smooth
from tests.unit.rotation.target_worlds import LONG_AFTER, HostsWorld, KeysWorld, PasswordsWorld, World
from tests.unit.rotation.world import Crash

LONG = PROFILE == "long"
OPEN = (RotationInProgress, RotationParked)

Play = Callable[[World, Callable[[], Fate], int], bool]


def outcomes_of(*kinds: str) -> dict[str, Callable[[], Fate]]:
    """Each step of a rotation goes wrong in each way: the first of its kind, the second, and after a value was refused."""
    wrong = [fate for fate in FATES if fate != WORKS]
    given: dict[str, Any] = {"smooth": {}}
    for kind in kinds:
        for fate in wrong:
            given["{} {}".format(kind, fate)] = {kind: [fate]}
            given["second {} {}".format(kind, fate)] = {kind: [WORKS, fate]}
    for fate in wrong:
        given["refused, then retire {}".format(fate)] = {"ask": [REFUSES], "retire": [fate, fate]}
    return {name: (lambda wrongs=wrongs: fates(**wrongs)) for name, wrongs in given.items()}


def of_one_host() -> dict[str, Callable[[], Fate]]:
    """The same, at one of several hosts."""
    kinds, wrong = ("apply", "ask", "retire"), [fate for fate in FATES if fate != WORKS]
    given = {(kind, fate, host): {kind: [{host: fate}]} for kind in kinds for fate in wrong for host in ("h1", "h3")}
    return {" ".join(name): (lambda wrongs=wrongs: fates(**wrongs)) for name, wrongs in given.items()}


WORLDS: dict[str, tuple[type[World], dict[str, Callable[[], Fate]]]] = {
    "keys": (KeysWorld, outcomes_of("make", "list", "ask", "retire")),
    "passwords": (PasswordsWorld, outcomes_of("apply", "ask", "retire")),
    "hosts": (HostsWorld, {**outcomes_of("apply", "ask", "retire"), **of_one_host()}),
}


def crashes(run: Callable[[], Any]) -> bool:
    try:
        run()
    except Crash:
        return True
    except (*OPEN, InvalidInput):
        pass
    return False


def rotate(world: World, fate: Callable[[], Fate], point: int) -> bool:
    """A rotation that crashes."""
    world.store.countdown = point
    return crashes(lambda: world.rotate(fate()))


def rotate_again(world: World, fate: Callable[[], Fate], point: int) -> bool:
    """A smooth one; then the next, which first retires the previous value, crashes."""
    world.rotate()
    world.clock.forward(LONG_AFTER)
    return rotate(world, fate, point)


def go_back(world: World, fate: Callable[[], Fate], point: int) -> bool:
    """A smooth one; then going back to the previous value crashes."""
    world.rotate()
    world.store.countdown = point
    return crashes(lambda: world.revert(fate()))


def rotate_in_trouble(world: World, fate: Callable[[], Fate], point: int) -> bool:
    """A rotation that crashes; the next ones, at once and later, have trouble too."""
    crashed = rotate(world, fate, point)
    world.store.countdown = None
    world.dead.add("a")
    for number, seconds in enumerate((10, LONG_AFTER)):
        world.clock.forward(seconds)
        crashes(lambda number=number: world.rotate(fate(), "b{}".format(number)))
    return crashed


def rotate_in_vain(world: World, fate: Callable[[], Fate], point: int) -> bool:
    """A rotation whose new value the store refuses, and which crashes."""
    world.store.refusal = AccessDenied("no other value is taken")
    crashed = rotate(world, fate, point)
    world.store.refusal = None
    return crashed


def go_back_in_vain(world: World, fate: Callable[[], Fate], point: int) -> bool:
    """A smooth one; then the store refuses to go back to the previous value, and it crashes."""
    world.rotate()
    world.store.refusal = AccessDenied("no other value is taken")
    world.store.countdown = point
    crashed = crashes(lambda: world.revert(fate()))
    world.store.refusal = None
    return crashed


PLAYS: dict[str, tuple[Play, int]] = {
    "rotate": (rotate, 1 if LONG else 127),
    "rotate again": (rotate_again, 4 if LONG else 211),
    "go back": (go_back, 4 if LONG else 211),
    "in trouble": (rotate_in_trouble, 4 if LONG else 211),
    "in vain": (rotate_in_vain, 1 if LONG else 127),
    "go back in vain": (go_back_in_vain, 4 if LONG else 127),
}


def play_all(open_world: Callable[[], World], play: Play, fate: Callable[[], Fate], first: int, stride: int) -> int:
    """Play with a crash at each of the writes, and heal; how many times it was played."""
    for number, point in enumerate(range(first % stride, 1000, stride), 1):
        world = open_world()
        try:
            crashed = play(world, fate, point)
            world.store.countdown = None
            world.dead.add("a")
            world.heal()
        except AssertionError as error:
            raise AssertionError("with a crash at write {}: {}".format(point / 2, error)) from error
        if not crashed:
            return number
    raise AssertionError("the rotation never came to its end")


@pytest.mark.parametrize("kind", WORLDS)
@pytest.mark.parametrize("name", PLAYS)
def test_a_crash_around_every_write_loses_nothing_and_leaves_nothing(kind: str, name: str) -> None:
    world, given = WORLDS[kind]
    play, stride = PLAYS[name]
    chosen = list(enumerate(given.items()))
    for number, (wrong, fate) in chosen if LONG else chosen[list(PLAYS).index(name) % 4 :: 4]:
        try:
            play_all(world, play, fate, number * 7, stride)
        except AssertionError as error:
            raise AssertionError("{}: {}".format(wrong, error)) from error


@pytest.mark.parametrize("kind", WORLDS)
@pytest.mark.parametrize("store", ["encrypted", "local"])
def test_it_is_so_on_an_encrypted_store_and_on_files(kind: str, store: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    def open_world() -> World:
        files = {"backend": "local", "path": str(tmp_path_factory.mktemp("store")), "format": "json", "allow_plaintext": True}
        return WORLDS[kind][0](files if store == "local" else {"backend": "memory"})

    stride = 5 if LONG else 37
    play_all(open_world, rotate, lambda: smooth, 18, stride)
    play_all(open_world, rotate, lambda: fates(make=[LATE], apply=[LATE], ask=[REFUSES], retire=[DOWN]), 11, stride)
