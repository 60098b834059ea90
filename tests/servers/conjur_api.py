# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Conjur with one account, in this process: the part of its REST interface that logs in, reads and lists.

Strict: an unknown path, a parameter, a token that was not given out, or a key that is not the login's is refused, as Conjur does. It does
not model policies (a variable is denied or not), and hides nothing that is denied from lists.
Source: docs.cyberark.com, the REST APIs of Conjur (Authenticate, Retrieve a Secret, Batch Retrieval, List Resources).
"""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import time
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.servers import scripted
from tests.servers.reader_stand_in import StandIn
from tests.servers.scripted import Answer, Request

ACCOUNT, HOST = "shop", "host/ci/ansible"


class Conjur(StandIn):
    """The service, as `tests.conformance.reader_kind.ReaderService` has it."""

    def __init__(self, server: scripted.Server) -> None:
        """Have an account without variables."""
        super().__init__(server)
        self.login = secrets.token_hex(26)
        self.values: Dict[str, str] = {}
        self.logins = 0
        self._tokens: Set[str] = set()
        self._denied: Set[str] = set()

    @property
    def options(self) -> Mapping[str, Any]:
        return {"url": self.server.url, "account": ACCOUNT, "login": HOST, "api_key": self.login}

    def put(self, name: str, fields: Mapping[str, str], tags: Sequence[str] = ()) -> None:
        assert (set(fields), tags) == ({"value"}, ()), "a variable has one value, and no tags"
        self.values[name] = fields["value"]

    def remove(self, name: str) -> None:
        del self.values[name]

    def copy(self, name: str) -> None:
        raise NotImplementedError("an id has one variable")

    def deny(self, name: str) -> None:
        self._denied.add(name)

    def renew_login(self) -> str:
        self.login = secrets.token_hex(26)
        self._tokens.clear()
        return self.login

    def _serve(self, request: Request) -> Answer:
        parts = urlsplit(request.path)
        path = [unquote(part) for part in parts.path.strip("/").split("/")]
        if path == ["authn", ACCOUNT, HOST, "authenticate"]:
            return self._authenticate(request)
        if request.headers.get("authorization") not in {'Token token="{0}"'.format(token) for token in self._tokens}:
            return Answer(401)
        query = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        return self._route(path, query) if request.method == "GET" else Answer(405)

    def _authenticate(self, request: Request) -> Answer:
        if request.method != "POST" or request.content.decode() != self.login:
            return Answer(401)
        self.logins += 1
        now = int(time.time())
        payload = {"sub": HOST, "iat": now, "exp": now + 480}
        parts = {"protected": {"alg": "conjur.org/slosilo/v2"}, "payload": payload}
        token = {key: base64.b64encode(json.dumps(part).encode()).decode() for key, part in parts.items()}
        text = json.dumps({**token, "signature": secrets.token_urlsafe(16)})
        self._tokens.add(base64.b64encode(text.encode()).decode())
        return Answer(200, text.encode())

    def _route(self, path: List[str], query: Mapping[str, str]) -> Answer:
        if path == ["secrets"] and set(query) == {"variable_ids"}:
            return self._batch(query["variable_ids"].split(","))
        if path == ["resources", ACCOUNT] and set(query) <= {"account", "kind", "limit", "offset"} and query.get("kind") == "variable":
            start = int(query.get("offset", 0))
            page = sorted(self.values)[start : start + int(query.get("limit", 1000))]
            return Answer(200, json.dumps([{"id": "{0}:variable:{1}".format(ACCOUNT, name)} for name in page]).encode())
        return _fail(404, "route_not_found")

    def _batch(self, ids: Sequence[str]) -> Answer:
        names = [each.split(":", 2)[2] for each in ids]
        for name in names:
            refusal = self._refuse(name)
            if refusal is not None:
                return refusal
        return Answer(200, json.dumps({each: self.values[name] for each, name in zip(ids, names)}).encode())

    def _refuse(self, name: str) -> Optional[Answer]:
        if name not in self.values:
            return _fail(404, "not_found")
        return Answer(403) if name in self._denied else None


def _fail(status: int, code: str) -> Answer:
    return Answer(status, json.dumps({"error": {"code": code, "message": "CONJ00076E Variable is empty or not found."}}).encode())


@contextlib.contextmanager
def running() -> Iterator[Conjur]:
    """Start one on the loopback address and a free port, and end it."""
    with scripted.running() as server:
        yield Conjur(server)
