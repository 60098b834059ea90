# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service that gives out tokens, over HTTP on the loopback address: its refresh tokens work once, and one that comes again ends all.

with tokens.running() as service: service.mode = tokens.DOWN; …
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator
from typing import Any

from tests.servers import scripted
from tests.servers.scripted import Answer, Request

OK, DENY, INTERACTION, DOWN, LOSE = "ok", "deny", "interaction", "down", "lose"
FIRST = "r-0"
"""The refresh token that works at first."""


class Service:
    """What answers.

    Attributes:
        mode: what becomes of the next requests. `LOSE` carries a request out, and its answer never comes.
        rotates: whether each answer brings another refresh token, and the one before it works no more.
        expires_in: seconds that an access token lives.
        calls: the refresh tokens that came, in their order.
        is_revoked: whether a used token has come again. Then no token works any more.
        gate: where it is set, requests wait for it before they are carried out.
    """

    def __init__(self, rotates: bool = True) -> None:
        """Begin with `FIRST` as the refresh token that works."""
        self.mode = OK
        self.rotates = rotates
        self.expires_in = 3600
        self.calls: list[str] = []
        self.is_revoked = False
        self.gate: threading.Event | None = None
        self.arrived = threading.Event()
        self._numbers = itertools.count(1)
        self._current = FIRST
        self._lock = threading.Lock()
        self.url = ""

    def answer(self, request: Request) -> Answer:
        """Carry a request out."""
        self.arrived.set()
        if self.gate is not None:
            self.gate.wait(60)
        with self._lock:
            return self._answer(request.json["refresh_token"])

    def _answer(self, token: str) -> Answer:
        self.calls.append(token)
        if self.mode == DOWN:
            return Answer(503, {"error": "temporarily_unavailable"}, {"Retry-After": "1"})
        if self.mode in (DENY, INTERACTION):
            return Answer(400, {"error": "invalid_grant" if self.mode == DENY else "interaction_required"})
        if token != self._current:
            self.is_revoked = True
        if self.is_revoked:
            return Answer(400, {"error": "invalid_grant"})
        number = next(self._numbers)
        body: dict[str, Any] = {"access_token": "a-{0}".format(number), "expires_in": self.expires_in}
        if self.rotates:
            self._current = body["refresh_token"] = "r-{0}".format(number)
        return Answer(200, body, hangs_up=self.mode == LOSE)


@contextlib.contextmanager
def running(rotates: bool = True) -> Iterator[Service]:
    """A running one."""
    service = Service(rotates)
    with scripted.running(service.answer) as server:
        service.url = server.url + "/token"
        yield service
