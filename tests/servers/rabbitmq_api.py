# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The users of RabbitMQ's management API, in this process: a RabbitMQ takes ten seconds and more to start.

It models logins, tags, salted hashes, and what is refused in which words, as RabbitMQ 3.10 does; the tests of the target `rabbitmq` run
on it, and in the long profile on a real one, too. It has no queues, permissions, limits, nodes, other authentication backends and no TLS.
A path or a method that it does not model is answered with 501.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import secrets
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple
from urllib.parse import unquote, urlsplit

from tests.servers import rabbitmq, scripted
from tests.servers.scripted import Answer, Request

DEFAULT = "rabbit_password_hashing_sha256"
DIGESTS = {DEFAULT: hashlib.sha256, "rabbit_password_hashing_sha512": hashlib.sha512}
PAGES = ("administrator", "monitoring", "policymaker", "management")
"""The tags whose users may use the API."""


class Api:
    """A running one, with the attributes of `rabbitmq.Server` that tests use."""

    user = rabbitmq.SUPERUSER

    def __init__(self) -> None:
        """Begin with the superuser alone."""
        self.password = secrets.token_urlsafe(24)
        self._users: Dict[str, Dict[str, Any]] = {}
        self._put(self.user, {"password": self.password, "tags": ["administrator"]})
        self._server: Optional[scripted.Server] = None

    @property
    def url(self) -> str:
        """Its address."""
        assert self._server is not None
        return self._server.url

    @property
    def host(self) -> str:
        """The host of its address."""
        return str(urlsplit(self.url).hostname)

    @property
    def port(self) -> int:
        """The port of its address."""
        return int(urlsplit(self.url).port or 0)

    @property
    def asked(self) -> List[Request]:
        """What came so far."""
        assert self._server is not None
        return self._server.asked

    def ask(self, method: str, path: str, content: Any = None, login: Optional[Tuple[str, str]] = None) -> Tuple[int, Any]:
        """Send a request, as `rabbitmq.Server.ask` does."""
        return rabbitmq.ask(self.url, method, path, content, login or (self.user, self.password))

    def accepts(self, user: str, password: str) -> bool:
        """Whether a login is let in."""
        return self._opens(user, password)

    def serve(self, server: scripted.Server) -> None:
        """Answer the requests of a server."""
        server.script = self.answer
        self._server = server

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        kind, _space, encoded = request.headers.get("authorization", "").partition(" ")
        user, _colon, password = base64.b64decode(encoded).decode("utf-8").partition(":")
        if kind != "Basic" or not self._opens(user, password):
            return _refuse(401, "not_authorized", "Login failed")
        tags = self._users[user]["tags"]
        if not set(tags) & set(PAGES):
            return _refuse(401, "not_authorised", "Not management user")
        if (request.method, request.path) == ("GET", "/api/whoami"):
            return Answer(200, {"name": user, "tags": tags})
        start, _slash, name = request.path.rpartition("/")
        if start != "/api/users" or request.method not in ("GET", "PUT", "DELETE"):
            return Answer(501)
        if "administrator" not in tags:
            return _refuse(401, "not_authorised", "Not administrator user")
        return self._answer_administrator(request, unquote(name))

    def _answer_administrator(self, request: Request, name: str) -> Answer:
        if request.method == "PUT":
            return self._put(name, request.json)
        if name not in self._users:
            return _refuse(404, "Object Not Found", "Not Found")
        if request.method == "DELETE":
            del self._users[name]
            return Answer(204)
        return Answer(200, self._users[name])

    def _put(self, name: str, content: Mapping[str, Any]) -> Answer:
        if "tags" not in content:
            return _refuse(400, "bad_request", "tags_not_present")
        algorithm = content.get("hashing_algorithm", DEFAULT)
        hashed = content.get("password_hash")
        if content.get("password"):
            salt, algorithm = os.urandom(4), DEFAULT  # A password is hashed as the node is set up, whatever the request says.
            hashed = base64.b64encode(salt + DIGESTS[algorithm](salt + content["password"].encode("utf-8")).digest()).decode("ascii")
        if hashed is None or algorithm not in DIGESTS:
            return Answer(501)
        tags = [tag for tag in content["tags"].split(",") if tag] if isinstance(content["tags"], str) else list(content["tags"])
        known = name in self._users
        self._users[name] = {"name": name, "password_hash": hashed, "hashing_algorithm": algorithm, "tags": tags, "limits": {}}
        return Answer(204 if known else 201)

    def _opens(self, name: str, password: str) -> bool:
        found = self._users.get(name)
        if found is None or not found["password_hash"]:
            return False
        stored = base64.b64decode(found["password_hash"])
        digest = DIGESTS[found["hashing_algorithm"]](stored[:4] + password.encode("utf-8")).digest()
        return bool(password) and secrets.compare_digest(stored[4:], digest)


def _refuse(status: int, error: str, reason: str) -> Answer:
    return Answer(status, json.dumps({"error": error, "reason": reason}).encode("ascii"))


@contextlib.contextmanager
def running() -> Iterator[Api]:
    """Start one, and end it."""
    api = Api()
    with scripted.running(api.answer) as server:
        api.serve(server)
        yield api
