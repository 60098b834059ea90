# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Connect server of 1Password with one vault, in this process: the part of its REST interface that reads.

Strict: an unknown path, a method, a filter of another form, or a request without a token is refused, as the service does. It does not
model files, the encryption between Connect and 1Password, and rights within a vault (a token opens a whole vault).
Source: the OpenAPI document of 1Password Connect 1.7 (github.com/1Password/connect).
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import secrets
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence
from urllib.parse import parse_qsl, urlsplit

from tests.servers import scripted
from tests.servers.reader_stand_in import StandIn
from tests.servers.scripted import Answer, Request

VAULT, VAULT_NAME = "ftz4pm2xxwmwrsd7rjqn7grzfz", "Operations"
_PURPOSES = {"username": "USERNAME", "password": "PASSWORD", "notes": "NOTES"}
_TITLE = re.compile(r'title eq "([^"\\]*)"\Z')


class Connect(StandIn):
    """The service, as `tests.conformance.reader_kind.ReaderService` has it."""

    def __init__(self, server: scripted.Server) -> None:
        """Have a vault without items."""
        super().__init__(server)
        self.items: List[Dict[str, Any]] = []
        self._numbers = itertools.count()
        self.renew_login()

    @property
    def options(self) -> Mapping[str, Any]:
        return {"url": self.server.url, "token": self.login, "vault": VAULT_NAME}

    def put(self, name: str, fields: Mapping[str, str], tags: Sequence[str] = ()) -> None:
        found = next((item for item in self.items if item["title"] == name), None)
        item = found or self._make(name)
        now = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
        item.update(version=item["version"] + (found is not None), updatedAt=now, tags=list(tags))
        item["fields"] = [_build_field(key, value) for key, value in fields.items()]

    def _make(self, name: str) -> Dict[str, Any]:
        item_id = "item{0:022d}".format(next(self._numbers))
        made = {
            "id": item_id,
            "title": name,
            "vault": {"id": VAULT},
            "category": "LOGIN",
            "version": 1,
            "createdAt": "2026-01-02T03:04:05Z",
        }
        self.items.append(made)
        return made

    def remove(self, name: str) -> None:
        self.items[:] = [item for item in self.items if item["title"] != name]

    def copy(self, name: str) -> None:
        found = next(item for item in self.items if item["title"] == name)
        self.items.append({**found, "id": "copy" + found["id"][4:]})

    def deny(self, name: str) -> None:
        raise NotImplementedError("a token opens a whole vault")

    def renew_login(self) -> str:
        self.login = "eyJ." + secrets.token_urlsafe(32)
        return self.login

    def _serve(self, request: Request) -> Answer:
        if request.headers.get("authorization") != "Bearer " + self.login:
            return _refuse(401, "Invalid token signature")
        parts = urlsplit(request.path)
        query = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        if request.method != "GET" or set(query) - {"filter"}:
            return _refuse(400, "Invalid request")
        return self._route(parts.path, query.get("filter"))

    def _route(self, path: str, wanted: Optional[str]) -> Answer:
        if path == "/v1/vaults":
            return _say([{"id": VAULT, "name": VAULT_NAME, "items": len(self.items), "type": "USER_CREATED"}])
        if path == "/v1/vaults/{0}/items".format(VAULT):
            return self._list(wanted)
        found = [item for item in self.items if path == "/v1/vaults/{0}/items/{1}".format(VAULT, item["id"])]
        return _say(found[0]) if found else _refuse(404, "item not found")

    def _list(self, wanted: Optional[str]) -> Answer:
        title = None if wanted is None else _TITLE.match(wanted)
        if wanted is not None and title is None:
            return _refuse(400, "Invalid filter")
        chosen = [item for item in self.items if title is None or item["title"] == title.group(1)]
        return _say([{key: value for key, value in item.items() if key != "fields"} for item in chosen])


def _build_field(key: str, value: str) -> Dict[str, Any]:
    made = {"id": key, "label": key, "type": "CONCEALED" if key == "password" else "STRING", "value": value}
    return {**made, "purpose": _PURPOSES[key]} if key in _PURPOSES else made


def _say(content: Any) -> Answer:
    return Answer(200, json.dumps(content).encode(), {})


def _refuse(status: int, message: str) -> Answer:
    return Answer(status, json.dumps({"status": status, "message": message}).encode())


@contextlib.contextmanager
def running() -> Iterator[Connect]:
    """Start one on the loopback address and a free port, and end it."""
    with scripted.running() as server:
        yield Connect(server)
