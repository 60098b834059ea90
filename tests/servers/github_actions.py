# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets and variables of GitHub Actions, in this process: the part of the REST interface that copies are written by.

Strict: an unknown path, method, part of the content or token is refused, names are checked as GitHub does and stored in capitals, and a
secret has to be a box that the service's own key opens. A secret of the organization loses the repositories that were selected for it when
it is written without them, as users of GitHub report. It does not model permissions, and limits of how many secrets there can be.
Source: docs.github.com, REST API, Actions: secrets and variables, and rate limits (2022-11-28).
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import secrets
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from types import MappingProxyType
from typing import Any, Dict, Iterator, List, Mapping, Optional
from urllib.parse import parse_qsl, unquote, urlsplit

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from tests.servers import scripted
from tests.servers.scripted import Answer, Request

_NAME = re.compile(r"(?!GITHUB_)[A-Z_][A-Z0-9_]*\Z", re.IGNORECASE)
_BASES = ("/repos/shop/web/actions", "/repos/shop/web/environments/prod", "/orgs/shop/actions")
_LARGEST_PAGE = {"secrets": 100, "variables": 30}
_USUAL_PAGE = {"secrets": 30, "variables": 10}
_LARGEST_VALUE = 48 * 1024
_VISIBLE = {"all", "private", "selected"}
_OF_ORGANIZATIONS = {"visibility", "selected_repository_ids"}


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
        self.refusal: Optional[Answer] = None
        """What every request gets, if it is set."""
        self.lags = False
        """Whether a secret is shown as it was before it was written the last time."""
        self.ignores_pages = False
        """Whether it gives the first page whatever page is asked for, as a proxy does that drops queries."""
        self.now = datetime(2026, 11, 30, tzinfo=timezone.utc)
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

    def select(self, name: str, *repositories: int) -> None:
        """Let only these repositories have a secret of the organization, as a person does on the web page."""
        self.secrets[_BASES[2]][name].update(visibility="selected", selected=list(repositories))

    def _serve(self, request: Request) -> Answer:
        answer = self.refusal or self._answer(request)
        answer = replace(answer, headers={"Date": format_datetime(self.now, usegmt=True), **answer.headers})
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
        if path == ["secrets", "public-key"] and request.method == "GET":
            return Answer(200, {"key_id": "1", "key": base64.b64encode(bytes(self._key.public_key)).decode()})
        content = json.loads(request.content) if request.content else {}
        is_shared = base.startswith("/orgs")
        if not is_shared and _OF_ORGANIZATIONS & set(content):
            return Answer(422, {"message": "Invalid request."})
        if is_shared and request.method in ("PUT", "POST") and content.get("visibility") not in _VISIBLE:
            return Answer(422, {"message": "Invalid request. No visibility."})
        return self._route(base, path, request.method, dict(parse_qsl(parts.query)), content)

    def _route(self, base: str, path: List[str], method: str, query: Mapping[str, str], content: Mapping[str, Any]) -> Answer:
        kind = path[0]
        stored = {"secrets": self.secrets, "variables": self.variables}.get(kind, {}).get(base)
        if stored is None:
            return Answer(404, {"message": "Not Found"})
        if len(path) == 3 and base.startswith("/orgs") and [kind, path[2], method] == ["secrets", "repositories", "GET"]:
            return _list_repositories(stored.get(path[1].upper()))
        if len(path) > 2:
            return Answer(404, {"message": "Not Found"})
        if len(path) == 1:
            return self._list(kind, stored, query) if method == "GET" else self._create(kind, stored, method, content)
        return self._one(kind, stored, method, path[1].upper(), content)

    def _list(self, kind: str, stored: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
        size, page = int(query.get("per_page", _USUAL_PAGE[kind])), 1 if self.ignores_pages else int(query.get("page", 1))
        size = min(size, _LARGEST_PAGE[kind])
        rows: List[Dict[str, Any]] = [_describe(kind, name, stored[name]) for name in sorted(stored)]
        return Answer(200, {"total_count": len(rows), kind: rows[(page - 1) * size : page * size]})

    def _create(self, kind: str, stored: Dict[str, Any], method: str, content: Mapping[str, Any]) -> Answer:
        if kind != "variables" or method != "POST" or not {"name", "value"} <= set(content) <= {"name", "value"} | _OF_ORGANIZATIONS:
            return Answer(422, {"message": "Invalid request."})
        name = content["name"].upper()
        if name in stored:
            return Answer(409, {"message": "Already exists - Variable already exists"})
        if not _NAME.match(name) or len(content["value"].encode()) > _LARGEST_VALUE:
            return Answer(422, {"message": "Invalid name, or value"})
        self._store(stored, name, content["value"], content)
        return Answer(201, {})

    def _one(self, kind: str, stored: Dict[str, Any], method: str, name: str, content: Mapping[str, Any]) -> Answer:
        if method == "PUT" and kind == "secrets":
            return self._put(stored, name, content)
        if name not in stored:
            return Answer(404, {"message": "Not Found"})
        if method == "GET":
            shown = _describe(kind, name, stored[name])
            return Answer(200, {**shown, "updated_at": stored[name]["before"]} if self.lags and kind == "secrets" else shown)
        if method == "DELETE":
            del stored[name]
            return Answer(204)
        if method == "PATCH" and kind == "variables" and {"value"} <= set(content) <= {"name", "value"} | _OF_ORGANIZATIONS:
            self._store(stored, name, content["value"], content)
            return Answer(204)
        return Answer(405, {"message": "Method not allowed"})

    def _put(self, stored: Dict[str, Any], name: str, content: Mapping[str, Any]) -> Answer:
        if not _NAME.match(name) or not {"encrypted_value", "key_id"} <= set(content) <= {"encrypted_value", "key_id"} | _OF_ORGANIZATIONS:
            return Answer(422, {"message": "Invalid request."})
        try:
            opened = SealedBox(self._key).decrypt(base64.b64decode(content["encrypted_value"]))
        except (CryptoError, ValueError):
            return Answer(422, {"message": "Bad request - cannot decrypt"})
        if content["key_id"] != "1" or not opened or len(opened) > _LARGEST_VALUE:
            return Answer(422, {"message": "Invalid request."})
        is_new = name not in stored
        self._store(stored, name, content["encrypted_value"], content)
        return Answer(201, {}) if is_new else Answer(204)

    def _store(self, stored: Dict[str, Any], name: str, value: str, content: Mapping[str, Any] = MappingProxyType({})) -> None:
        self.now += timedelta(seconds=1)
        now, before = _write_time(self.now), stored.get(name, {})
        shared = {"visibility": content["visibility"]} if "visibility" in content else {}
        stored[name] = {
            "value": value,
            "created_at": before.get("created_at", now),
            "updated_at": now,
            "before": before.get("updated_at", now),
            "selected": content.get("selected_repository_ids", []),
            **shared,
        }


def _describe(kind: str, name: str, row: Mapping[str, Any]) -> Dict[str, Any]:
    shown = {"created_at", "updated_at", "visibility"} | ({"value"} if kind == "variables" else set())
    return {"name": name, **{part: text for part, text in row.items() if part in shown}}


def _list_repositories(row: Optional[Mapping[str, Any]]) -> Answer:
    if row is None:
        return Answer(404, {"message": "Not Found"})
    rows = [{"id": number, "name": "r{0}".format(number)} for number in row["selected"]]
    return Answer(200, {"total_count": len(rows), "repositories": rows})


def _write_time(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextlib.contextmanager
def running() -> Iterator[GitHubActions]:
    """Start one on the loopback address and a free port, and end it."""
    with scripted.running() as server:
        yield GitHubActions(server)
