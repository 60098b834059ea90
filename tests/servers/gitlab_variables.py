# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables of GitLab CI, in this process: the part of the REST interface that copies are written by.

Strict: an unknown path, method, part of the content or token is refused, and values that GitLab cannot mask are. What its version or its
license does not have (`ignored`) is left out without a word, as GitLab does. It does not model roles, protected branches, groups of groups,
and the limits of how many there can be.
Source: docs.gitlab.com, API: project-level and group-level CI/CD variables, and the published code of GitLab.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
from typing import Any, Dict, Iterator, Mapping, Set, Tuple
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.servers import scripted
from tests.servers.scripted import Answer, Request

_BASES = ("/api/v4/projects/shop%2Fweb/variables", "/api/v4/groups/shop/variables")
_PARTS = {"key", "value", "masked", "protected", "raw", "variable_type", "environment_scope", "description"}
_MASKABLE, _MASKABLE_EXPANDED = re.compile(r"[^\s]{8,}\Z", re.ASCII), re.compile(r"[a-zA-Z0-9_+=/@:.~-]{8,}\Z")
_USUAL = {"variable_type": "env_var", "masked": False, "protected": False, "hidden": False, "raw": False, "description": None}


class GitLabVariables:
    """The service, with one project and one group."""

    def __init__(self, server: scripted.Server) -> None:
        """Start with nothing stored."""
        self.server, self.token = server, secrets.token_hex(20)
        self.variables: Dict[str, Dict[Tuple[str, str], Dict[str, Any]]] = {base: {} for base in _BASES}
        self.ignored: Set[str] = set()
        """The parts that its version or its license does not have."""
        self.ignores_pages = False
        """Whether it gives the first page whatever page is asked for, as a proxy does that drops queries."""
        server.script = self._serve

    @property
    def options(self) -> Dict[str, Any]:
        """The options of a store for the project."""
        return {"url": self.server.url, "token": self.token, "project": "shop/web"}

    @property
    def of_group(self) -> Dict[Tuple[str, str], Dict[str, Any]]:
        """The variables of the group, by key and environments."""
        return self.variables[_BASES[1]]

    @property
    def of_project(self) -> Dict[Tuple[str, str], Dict[str, Any]]:
        """The variables of the project, by key and environments."""
        return self.variables[_BASES[0]]

    def _serve(self, request: Request) -> Answer:
        if request.headers.get("private-token") != self.token:
            return Answer(401, {"message": "401 Unauthorized"})
        parts = urlsplit(request.path)
        base = next((each for each in _BASES if parts.path == each or parts.path.startswith(each + "/")), None)
        if base is None:
            return Answer(404, {"message": "404 Project Not Found"})
        stored, query = self.variables[base], dict(parse_qsl(parts.query))
        key = unquote(parts.path[len(base) + 1 :])
        content = json.loads(request.content) if request.content else {}
        if not set(content) <= _PARTS:
            return Answer(400, {"error": "unknown part"})
        content = {part: text for part, text in content.items() if part not in self.ignored}
        if not key:
            return self._list(stored, query) if request.method == "GET" else self._create(stored, request.method, content)
        found = [place for place in stored if place[0] == key and query.get("filter[environment_scope]", place[1]) == place[1]]
        if len(found) > 1:
            return Answer(409, {"message": "There are multiple variables with provided parameters. Please use 'filter[environment_scope]'"})
        if not found:
            return Answer(404, {"message": "404 Variable Not Found"})
        return self._one(stored, found[0], request.method, content)

    def _one(self, stored: Dict[Any, Dict[str, Any]], place: Tuple[str, str], method: str, content: Mapping[str, Any]) -> Answer:
        if method == "GET":
            return Answer(200, self._show(stored[place]))
        if method == "DELETE":
            del stored[place]
            return Answer(204)
        return self._write(stored, place, content, 200) if method == "PUT" else Answer(405)

    def _show(self, row: Mapping[str, Any]) -> Dict[str, Any]:
        shown = {part: text for part, text in {**_USUAL, **row}.items() if part not in self.ignored - {"environment_scope"}}
        return {**shown, "value": None} if row.get("hidden") else shown

    def _list(self, stored: Mapping[Any, Dict[str, Any]], query: Mapping[str, str]) -> Answer:
        size, page = min(int(query.get("per_page", 20)), 100), 1 if self.ignores_pages else int(query.get("page", 1))
        rows = [self._show(stored[place]) for place in sorted(stored)]
        return Answer(200, json.dumps(rows[(page - 1) * size : page * size]).encode())

    def _create(self, stored: Dict[Any, Dict[str, Any]], method: str, content: Mapping[str, Any]) -> Answer:
        if method != "POST" or not {"key", "value"} <= set(content):
            return Answer(400, {"error": "key is missing"})
        place = (content["key"], content.get("environment_scope", "*"))
        if place in stored:
            return Answer(400, {"message": {"key": ["{0} has already been taken".format(content["key"])]}})
        return self._write(stored, place, content, 201)

    def _write(self, stored: Dict[Any, Dict[str, Any]], place: Tuple[str, str], content: Mapping[str, Any], status: int) -> Answer:
        before = {**_USUAL, **stored.get(place, {})}
        whole = {**before, **content}
        if not re.fullmatch(r"[A-Za-z0-9_]{1,255}", place[0]) or len(whole["value"]) > 10000 or len(whole["description"] or "") > 255:
            return Answer(400, {"message": "is invalid"})
        if whole["masked"] and not (_MASKABLE if whole["raw"] else _MASKABLE_EXPANDED).match(whole["value"]):
            return Answer(400, {"message": {"value": ["is invalid"]}})
        if before["hidden"] and whole["masked"] != before["masked"]:
            return Answer(400, {"message": {"base": ["Updating masked attribute is not allowed on updates for hidden variables."]}})
        stored[place] = {**whole, "key": place[0], "environment_scope": place[1]}
        return Answer(status, self._show(stored[place]))


@contextlib.contextmanager
def running() -> Iterator[GitLabVariables]:
    """Start one on the loopback address and a free port, and end it."""
    with scripted.running() as server:
        yield GitLabVariables(server)
