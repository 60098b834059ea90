# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A target's card: what is known about a kind of service before its value is rotated. Data, no code (ROTATION)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

OVERLAP_NONE = "none"
ALTERNATING = "alternating"
DUAL = "dual"
MULTI = "multi"

NATIVE = "native"
REAPPLY = "reapply"
NO_ROLLBACK = "none"


@dataclass(frozen=True)
class Requirement:
    """Something that has to be installed: what kind (`collection` or `python`), its name, and the exact install line.

    `where` is `controller` or `target`: the machine that needs it. `any_of` are importable names, one of which suffices.
    """

    kind: str
    name: str
    install: str
    where: str = "controller"
    any_of: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Card:
    """How a kind of target behaves when its value changes.

    Attributes:
        kind: the name that `target.kind` takes.
        overlap: none (one value at a time), alternating (two users take turns), dual (old and new both open), multi.
        slots: how many values a `multi` target takes at once; 2 for dual and alternating, 1 for none.
        rollback: native (the target undoes it), reapply (the old value is sent again), none (forward only).
        probe: how the target is asked, in words.
        max_request_life: seconds after which a request that was sent can no longer take effect.
        apply_limit: seconds that one apply may take; always shorter than the lease.
        ask_limit: seconds that one question may take, polling included.
        requires: what has to be installed.
    """

    kind: str
    overlap: str
    rollback: str
    probe: str
    max_request_life: int
    apply_limit: int = 60
    ask_limit: int = 30
    slots: int = 1
    requires: Tuple[Requirement, ...] = ()


NO_TARGET = Card("none", DUAL, NO_ROLLBACK, "none: nothing is told of the new value", 0, slots=2)
"""`target: none`: the value changes in the store alone. There is nothing to send, so nothing can land late."""

MANUAL_TARGET = Card("manual", OVERLAP_NONE, REAPPLY, "the person or play that drives the phases says what it saw", 3600)
"""The phases prepare, test, commit and rollback without a target of ours: what is sent, and when, is not known here."""
