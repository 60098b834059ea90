# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a token lives, and when it is to be renewed or replaced. Times are seconds of the monotonic clock."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

AN_HOUR = 3600.0
LOOK_AFTER = 30.0
"""A token that was given to us is asked about when it has been used for so long: a worker that lives for one task never asks."""
now = time.monotonic


@dataclass(frozen=True)
class Token:
    """A token, and what is known of its life.

    Attributes:
        ours: it came from a login of this connection, which ends it and can get another. Else it was given to us.
        lifetime: the seconds for which it was made; 0 where it has no end, or none that is known.
        ends_at: when it ends.
        due_at: when it is to be looked after.
        known: whether `lifetime` and `renewable` are what the server says.
    """

    secret: Secret
    ours: bool
    renewable: bool = False
    lifetime: float = 0.0
    ends_at: float = math.inf
    due_at: float = math.inf
    known: bool = True

    def is_due(self) -> bool:
        """Whether it is to be looked after now."""
        return now() >= self.due_at

    def later(self) -> Token:
        """The same, looked after again in a while, and before it ends: the server could not be asked."""
        return replace(self, due_at=now() + min(LOOK_AFTER, max(1.0, (self.ends_at - now()) / 2)))

    def left_alone(self) -> Token:
        """The same, used until the server refuses it."""
        return replace(self, due_at=math.inf, known=True)

    def lives_for(self, seconds: float, renewable: bool, lifetime: float) -> Token:
        """The same, as the server says that it lives: `seconds` from now, of `lifetime` in all. 0 is without an end."""
        if seconds <= 0:
            return replace(self, renewable=False, lifetime=0.0, ends_at=math.inf, due_at=math.inf, known=True)
        ends_at = now() + seconds
        return replace(self, renewable=renewable, lifetime=lifetime, ends_at=ends_at, due_at=ends_at - margin(lifetime), known=True)


def margin(lifetime: float) -> float:
    """How much of a life of that length may be left when the token is renewed: a third, an hour at most."""
    return min(AN_HOUR, lifetime / 3)


def given(secret: Secret) -> Token:
    """A token that somebody else made and ends."""
    return Token(secret, ours=False, due_at=now() + LOOK_AFTER, known=False)


def granted(block: Mapping[str, Any]) -> Token:
    """The token of a login, out of the answer's `auth`."""
    seconds = float(block.get("lease_duration") or 0)
    token = Token(Secret(str(block["client_token"])), ours=True)
    return token.lives_for(seconds, bool(block.get("renewable")), seconds)


def looked_up(token: Token, found: Mapping[str, Any]) -> Token:
    """What the server says of a token that was given to us: `data` of lookup-self."""
    left = float(found.get("ttl") or 0)
    lifetime = float(found.get("period") or found.get("creation_ttl") or left)
    return token.lives_for(left, bool(found.get("renewable")), max(lifetime, left))


def renewed(token: Token, block: Mapping[str, Any]) -> Token:
    """What the server says of a token that it has just renewed. Where that left it due, its longest life is near."""
    return token.lives_for(float(block.get("lease_duration") or 0), bool(block.get("renewable")), token.lifetime)
