# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A reverse proxy in front of an HTTP server of the tests: it counts the requests that are in flight at once, holds them, refuses them.

with front.running(server.url) as before:
    before.hold(8, 100)                   # eight at a time, of a hundred: what is not sent together never gets an answer
    …
    assert (before.most, before.rounds) == (8, 13)
"""

from __future__ import annotations

import contextlib
import threading
from typing import Callable, Iterator, Optional

import requests

from tests.servers import scripted
from tests.servers.scripted import Answer, Request

PATIENCE = 60.0
"""Seconds that a request is held at most. It is answered 504 then, and the test fails."""
_OF_THE_CONNECTION = ("host", "connection", "content-length", "accept-encoding", "transfer-encoding")
"""Headers that are not passed on."""


class Front:
    """What stands between. `most` were in flight at once; `asked` came in all; `rounds` were let through together."""

    def __init__(self, upstream: str, verify: Optional[str]) -> None:
        """Pass on to this URL, whose certificate that authority signed."""
        self.url = ""
        self.refuses: Callable[[int, Request], Optional[Answer]] = lambda _number, _request: None
        """Given the number of a request, from 1, and the request: the answer instead of the server's, or None."""
        self._upstream = upstream
        self._verify = verify
        self._changed = threading.Condition()
        self._thread = threading.local()
        self.hold(1, 0)

    def hold(self, together: int, total: int) -> None:
        """Begin to count. Of the next `total` requests let `together` through at once (the last ones are fewer), and then all."""
        with self._changed:
            self.asked = self.most = self.rounds = self._in_flight = self._waiting = 0
            self._together, self._left = together, total

    def __call__(self, request: Request) -> Answer:
        """Answer a request, as `scripted` wants it."""
        with self._changed:
            self.asked += 1
            number = self.asked
            self._in_flight += 1
            self.most = max(self.most, self._in_flight)
            is_let_through = self._wait_for_round()
        try:
            if not is_let_through:
                return Answer(504, {"errors": ["held for too long"]})
            return self.refuses(number, request) or self.pass_on(request)
        finally:
            with self._changed:
                self._in_flight -= 1

    def _wait_for_round(self) -> bool:
        if self._left <= 0:
            return True
        self._waiting += 1
        mine = self.rounds
        if self._waiting == min(self._together, self._left):
            self._left -= self._waiting
            self._waiting = 0
            self.rounds += 1
            self._changed.notify_all()
        return self._changed.wait_for(lambda: self.rounds > mine, PATIENCE)

    def pass_on(self, request: Request) -> Answer:
        headers = {name: value for name, value in request.all_headers if name.lower() not in _OF_THE_CONNECTION}
        answer = self._session().request(
            request.method, self._upstream + request.path, data=request.content, headers=headers, verify=self._verify, timeout=PATIENCE
        )
        return Answer(answer.status_code, answer.json() if answer.content else b"")

    def _session(self) -> requests.Session:
        if not hasattr(self._thread, "session"):
            self._thread.session = requests.Session()
            self._thread.session.trust_env = False
        session: requests.Session = self._thread.session
        return session


@contextlib.contextmanager
def running(upstream: str, verify: Optional[str] = None) -> Iterator[Front]:
    """A running one, which ends with the `with` block."""
    front = Front(upstream, verify)
    with scripted.running(front) as server:
        front.url = server.url
        yield front
