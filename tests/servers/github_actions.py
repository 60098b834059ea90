# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets and variables of GitHub Actions, in this process: the part of the REST interface that copies are written by.

Strict: an unknown path, method, part of the content or token is refused, names are checked as GitHub does, and a secret has to be a box
that the service's own key opens. It does not model permissions, rate limits, repositories that are to be selected, and limits of how many
secrets there can be. Source: docs.github.com, REST API, Actions: secrets and variables (2022-11-28).
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import secrets
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Iterator, List, Mapping, Optional
from urllib.parse import parse_qsl, unquote, urlsplit

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from tests.servers import scripted
from tests.servers.scripted import Answer, Request

_NAME = re.compile(r"(?!GITHUB_)[A-Z_][A-Z0-9_]*\Z", re.IGNORECASE)
_BASES = ("/repos/shop/web/actions", "/repos/shop/web/environments/prod", "/orgs/shop/actions")
_LARGEST_PAGE = {"secrets": 100, "variables": 30}


class GitHubActions:
    """The service, with one repository, its environment `prod`, and its organization."""

    def __init__(self, server: scripted.Server) -> None:
        """Start with nothing stored."""
        self.server, self.token = server, secrets.token_hex(20)
        self._key = PrivateKey.generate()
        self.secrets: Dict[str, Dict[str, Dict[str, Any]]] = {base: {} for base in _BASES}
        self.variables: Dict[str, Dict[str, Dict[str, Any]]] = {base: {} for base in _BASES}
        self.fails_at: Optional[str] = None
        """The beginning of a request, `PUT /repos/…`, that gets no response once it is carried out: the connection ends."""
        self.ignores_pages = False
        """Whether it gives the first page whatever page is asked for, as a proxy does that drops queries."""
        self._now = datetime(2026, 11, 30, tzinfo=timezone.utc)
        server.script = self._serve

    @property
    def options(self) -> Dict[str, Any]:
        """The options of a store for the repository."""
        return {"url": self.server.url, "token": self.token, "repository": "shop/web"}

    def open(self, name: str, base: str = _BASES[0]) -> str:
        """Return the value of a secret, as a job gets it."""
        return SealedBox(self._key).decrypt(base64.b64decode(self.secrets[base][name]["value"])).decode()

    def change(self, name: str, value: str) -> None:
        """Set a secret as a person does on the web page."""
        sealed = base64.b64encode(SealedBox(self._key.public_key).encrypt(value.encode())).decode()
        self._store(self.secrets[_BASES[0]], name, sealed)

    def _serve(self, request: Request) -> Answer:
        answer = self._answer(request)
        if self.fails_at is not None and "{0} {1}".format(request.method, request.path).startswith(self.fails_at):
            self.fails_at = None
            return Answer(hangs_up=True)
        return answer

    def _answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != "Bearer " + self.token:
            return Answer(401, {"message": "Bad credentials"})
        if request.headers.get("x-github-api-version") != "2022-11-28" or request.headers.get("accept") != "application/vnd.github+json":
            return Answer(400, {"message": "no version"})
        parts = urlsplit(request.path)
        base = next((each for each in _BASES if parts.path.startswith(each + "/")), None)
        if base is None:
            return Answer(404, {"message": "Not Found"})
        path = [unquote(part) for part in parts.path[len(base) + 1 :].split("/")]
        query = dict(parse_qsl(parts.query))
        if path == ["secrets", "public-key"] and request.method == "GET":
            return Answer(200, {"key_id": "1", "key": base64.b64encode(bytes(self._key.public_key)).decode()})
        kind, content = path[0], json.loads(request.content) if request.content else {}
        stored = {"secrets": self.secrets, "variables": self.variables}.get(kind, {}).get(base)
        if stored is None or len(path) > 2:
            return Answer(404, {"message": "Not Found"})
        if base.startswith("/orgs") and request.method in ("PUT", "POST") and content.get("visibility") not in ("all", "private"):
            return Answer(422, {"message": "Invalid request. No visibility."})
        if len(path) == 1:
            return self._list(kind, stored, query) if request.method == "GET" else self._create(kind, stored, request.method, content)
        return self._one(kind, stored, request.method, path[1], content)

    def _list(self, kind: str, stored: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
        size, page = int(query.get("per_page", 10)), 1 if self.ignores_pages else int(query.get("page", 1))
        size = min(size, _LARGEST_PAGE[kind])
        rows: List[Dict[str, Any]] = [_describe(kind, name, stored[name]) for name in sorted(stored)]
        return Answer(200, {"total_count": len(rows), kind: rows[(page - 1) * size : page * size]})

    def _create(self, kind: str, stored: Dict[str, Any], method: str, content: Mapping[str, Any]) -> Answer:
        if kind != "variables" or method != "POST" or not {"name", "value"} <= set(content) <= {"name", "value", "visibility"}:
            return Answer(422, {"message": "Invalid request."})
        if content["name"] in stored:
            return Answer(409, {"message": "Already exists"})
        if not _NAME.match(content["name"]):
            return Answer(422, {"message": "Invalid name"})
        self._store(stored, content["name"], content["value"])
        return Answer(201, {})

    def _one(self, kind: str, stored: Dict[str, Any], method: str, name: str, content: Mapping[str, Any]) -> Answer:
        if method == "PUT" and kind == "secrets":
            return self._put(stored, name, content)
        if name not in stored:
            return Answer(404, {"message": "Not Found"})
        if method == "GET":
            return Answer(200, _describe(kind, name, stored[name]))
        if method == "DELETE":
            del stored[name]
            return Answer(204)
        if method == "PATCH" and kind == "variables" and {"value"} <= set(content) <= {"name", "value", "visibility"}:
            self._store(stored, name, content["value"])
            return Answer(204)
        return Answer(405, {"message": "Method not allowed"})

    def _put(self, stored: Dict[str, Any], name: str, content: Mapping[str, Any]) -> Answer:
        if not _NAME.match(name) or not {"encrypted_value", "key_id"} <= set(content) <= {"encrypted_value", "key_id", "visibility"}:
            return Answer(422, {"message": "Invalid request."})
        try:
            opened = SealedBox(self._key).decrypt(base64.b64decode(content["encrypted_value"]))
        except (CryptoError, ValueError):
            return Answer(422, {"message": "Bad request - cannot decrypt"})
        if content["key_id"] != "1" or not opened or len(opened) > 48 * 1024:
            return Answer(422, {"message": "Invalid request."})
        is_new = name not in stored
        self._store(stored, name, content["encrypted_value"])
        return Answer(201, {}) if is_new else Answer(204)

    def _store(self, stored: Dict[str, Any], name: str, value: str) -> None:
        self._now += timedelta(seconds=1)
        created = stored[name]["created_at"] if name in stored else _write_time(self._now)
        stored[name] = {"value": value, "created_at": created, "updated_at": _write_time(self._now)}


def _describe(kind: str, name: str, row: Mapping[str, Any]) -> Dict[str, Any]:
    shown = {part: text for part, text in row.items() if part != "value" or kind == "variables"}
    return {"name": name, **shown}


def _write_time(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextlib.contextmanager
def running() -> Iterator[GitHubActions]:
    """Start one on the loopback address and a free port, and end it."""
    with scripted.running() as server:
        yield GitHubActions(server)
