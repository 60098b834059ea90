# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a token, and when to renew or replace it. Times are seconds of the monotonic clock."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

AN_HOUR = 3600.0
LOOK_AFTER = 30.0
"""Seconds of use after which a configured token is looked up: a worker that lives for one task never does so."""
now = time.monotonic


@dataclass(frozen=True)
class Token:
    """A token, and the facts about its life.

    Attributes:
        ours: it came from a login of this connection, which ends it and can get another one. Otherwise it was configured.
        lifetime: the seconds it was issued for; 0 if it has no end, or an unknown one.
        ends_at: when it ends.
        due_at: when to renew it, or to look it up.
        known: whether `lifetime` and `renewable` come from the server.
    """

    secret: Secret
    ours: bool
    renewable: bool = False
    lifetime: float = 0.0
    ends_at: float = math.inf
    due_at: float = math.inf
    known: bool = True

    def is_due(self) -> bool:
        """Return True if it is due now."""
        return now() >= self.due_at

    def later(self) -> Token:
        """Return the same token, due again in a while and before it ends: the server could not be reached."""
        return replace(self, due_at=now() + min(LOOK_AFTER, max(1.0, (self.ends_at - now()) / 2)))

    def without_renewal(self) -> Token:
        """Return the same token, to be used until the server refuses it."""
        return replace(self, due_at=math.inf, known=True)

    def lives_for(self, seconds: float, renewable: bool, lifetime: float) -> Token:
        """Return the same token with the life that the server reports: `seconds` from now, of `lifetime` in all. 0 means no end."""
        if seconds <= 0:
            return replace(self, renewable=False, lifetime=0.0, ends_at=math.inf, due_at=math.inf, known=True)
        ends_at = now() + seconds
        return replace(self, renewable=renewable, lifetime=lifetime, ends_at=ends_at, due_at=ends_at - margin(lifetime), known=True)


def margin(lifetime: float) -> float:
    """Return how much of such a life may be left when the token is renewed: a third, at most an hour."""
    return min(AN_HOUR, lifetime / 3)


def token_from_options(secret: Secret) -> Token:
    """Return a token that was configured, and that its owner ends."""
    return Token(secret, ours=False, due_at=now() + LOOK_AFTER, known=False)


def token_from_login(block: Mapping[str, Any]) -> Token:
    """Return the token of a login, from the response's `auth`."""
    seconds = float(block.get("lease_duration") or 0)
    token = Token(Secret(str(block["client_token"])), ours=True)
    return token.lives_for(seconds, bool(block.get("renewable")), seconds)


def token_from_lookup(token: Token, found: Mapping[str, Any]) -> Token:
    """Return a configured token with the life that the server reports: `data` of lookup-self."""
    left = float(found.get("ttl") or 0)
    lifetime = float(found.get("period") or found.get("creation_ttl") or left)
    return token.lives_for(left, bool(found.get("renewable")), max(lifetime, left))


def token_from_renewal(token: Token, block: Mapping[str, Any]) -> Token:
    """Return a token with the life that the server reports after a renewal. If it is still due, its longest life is near."""
    return token.lives_for(float(block.get("lease_duration") or 0), bool(block.get("renewable")), token.lifetime)
