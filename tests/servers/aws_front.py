# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands between a client and a server that speaks AWS's API: it refuses requests, or loses responses, as a test says.

with aws_front.running(server, {"UpdateSecretVersionStage": [lose]}) as front: …
"""

from __future__ import annotations

import contextlib
import json
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional

import requests

from tests.servers import scripted
from tests.servers.scripted import Answer, Request

Disturbance = Callable[[Callable[[], Answer]], Answer]
"""Given what passes the request on: the answer."""
PATIENCE = 60.0


def lose(pass_on: Callable[[], Answer]) -> Answer:
    """Have the request carried out, and say nothing."""
    pass_on()
    return Answer(hangs_up=True)


def refuse(code: str, status: int = 400, headers: Optional[Mapping[str, str]] = None) -> Disturbance:
    """Refuse the request with an error as AWS writes it."""
    return lambda _pass_on: Answer(status, {"__type": code, "message": "the text of AWS with canary-text"}, headers or {})


def truncate(pass_on: Callable[[], Answer]) -> Answer:
    """Answer with the first half of the response, and with a length that says it is all."""
    content = json.dumps(pass_on().content).encode()
    return Answer(200, content[: len(content) // 2])


class Front:
    """The place of a server, with what is still to be disturbed. `asked` are the actions that came."""

    def __init__(self, server: Any, disturbed: Dict[str, List[Disturbance]]) -> None:
        """Take the server, and disturbances for the next requests of each action."""
        self.server = server
        self.disturbed = disturbed
        self.asked: List[str] = []
        self.url = ""

    @property
    def login(self) -> Dict[str, str]:
        """The options of a store here."""
        return {**self.server.login, "endpoint_url": self.url}

    def __call__(self, request: Request) -> Answer:
        """Answer a request, as `scripted` wants it."""
        action = request.headers.get("x-amz-target", "sts.").split(".")[1]
        self.asked.append(action)
        waiting = self.disturbed.get(action) or self.disturbed.get("*")
        return waiting.pop(0)(lambda: self._pass_on(request)) if waiting else self._pass_on(request)

    def _pass_on(self, request: Request) -> Answer:
        headers = {name: value for name, value in request.all_headers if name.lower() not in ("host", "connection", "accept-encoding")}
        with requests.Session() as session:
            session.trust_env = False
            url = self.server.url + request.path
            answer = session.request(request.method, url, data=request.content, headers=headers, timeout=PATIENCE)
        is_json = request.headers.get("x-amz-target") is not None
        return Answer(answer.status_code, answer.json() if is_json and answer.content else answer.content)


@contextlib.contextmanager
def running(server: Any, disturbed: Dict[str, List[Disturbance]]) -> Iterator[Front]:
    """A running one, which ends with the `with` block."""
    front = Front(server, disturbed)
    with scripted.running(front) as before:
        front.url = before.url
        yield front
