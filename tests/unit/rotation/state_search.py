# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exhaustive search through a small model: every state that any order of steps leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


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
