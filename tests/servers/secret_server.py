# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Secret Server with one folder and those below it, in this process: the part of its REST interface that logs in, reads and lists.

Strict: an unknown path, a parameter, a token that was not given out, or a password that is not the user's is refused. What is denied is in
lists (the permission "List"), and is refused by the words that it has for what there is not, as Secret Server does. It does not model
check-outs, approvals, files, and secrets of one name in one folder.
Source: the REST API of Secret Server (OAuth2, Secrets, Folders), docs.delinea.com, and what users of it report of refusals.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set
from urllib.parse import parse_qsl, urlsplit

from tests.servers import scripted
from tests.servers.reader_stand_in import StandIn
from tests.servers.scripted import Answer, Request

FOLDER, USER = "Operations", "ansible"
_TOP = 7
_PAGING = {"filter.folderId", "filter.includeSubFolders", "skip", "take"}


class SecretServer(StandIn):
    """The service, as `tests.conformance.reader_kind.ReaderService` has it."""

    def __init__(self, server: scripted.Server) -> None:
        """Have a folder without secrets."""
        super().__init__(server)
        self.login = secrets.token_urlsafe(24)
        self.secrets: Dict[str, Mapping[str, str]] = {}
        self.logins = 0
        self.largest_page = 1000
        self._folders: List[str] = []
        self._tokens: Set[str] = set()
        self._denied: Set[str] = set()

    @property
    def options(self) -> Mapping[str, Any]:
        return {"url": self.server.url + "/SecretServer", "username": USER, "password": self.login, "folder": FOLDER}

    def put(self, name: str, fields: Mapping[str, str], tags: Sequence[str] = ()) -> None:
        assert tags == (), "a secret has no tags"
        self.secrets[name] = dict(fields)
        place = name.rpartition("/")[0]
        while place and place not in self._folders:
            self._folders.append(place)
            place = place.rpartition("/")[0]

    def remove(self, name: str) -> None:
        del self.secrets[name]

    def copy(self, name: str) -> None:
        raise NotImplementedError("what it answers then is not published")

    def deny(self, name: str) -> None:
        self._denied.add(name)

    def renew_login(self) -> str:
        self.login = secrets.token_urlsafe(24)
        self.end_tokens()
        return self.login

    def end_tokens(self) -> None:
        """Accept none of the tokens that were given out."""
        self._tokens.clear()

    def _serve(self, request: Request) -> Answer:
        parts = urlsplit(request.path)
        if parts.path == "/SecretServer/oauth2/token":
            return self._authenticate(request)
        if request.headers.get("authorization") not in {"Bearer " + token for token in self._tokens}:
            return _refuse(401, "API_InvalidToken")
        query = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        return self._route(parts.path, query) if request.method == "GET" else Answer(405)

    def _authenticate(self, request: Request) -> Answer:
        given = dict(parse_qsl(request.content.decode(), strict_parsing=True))
        if request.method != "POST" or given != {"grant_type": "password", "username": USER, "password": self.login}:
            return Answer(400, json.dumps({"error": "Login failed."}).encode())
        self.logins += 1
        token = "AgL" + secrets.token_urlsafe(48)
        self._tokens.add(token)
        grant = {"access_token": token, "token_type": "bearer", "expires_in": 1199, "refresh_token": secrets.token_urlsafe(48)}
        return Answer(200, json.dumps(grant).encode())

    def _route(self, path: str, query: Mapping[str, str]) -> Answer:
        if path == "/SecretServer/api/v1/secrets/0" and set(query) == {"secretPath"}:
            return self._read(query["secretPath"])
        if path == "/SecretServer/api/v1/folders/0" and set(query) == {"folderPath", "getAllChildren"}:
            is_there = query["folderPath"] == "\\" + FOLDER
            return Answer(200, json.dumps(self._build_folder("")).encode()) if is_there else _refuse(400, "API_AccessDenied")
        if path == "/SecretServer/api/v1/secrets" and set(query) == _PAGING and query["filter.folderId"] == str(_TOP):
            return self._list(int(query["skip"]), int(query["take"]))
        return _refuse(404, "API_NotFound")

    def _read(self, path: str) -> Answer:
        start = "\\{0}\\".format(FOLDER)
        name = next((each for each in self.secrets if (start + each.replace("/", "\\")).lower() == path.lower()), None)
        if name is None or name in self._denied:
            return _refuse(400, "API_AccessDenied")
        items = [{"slug": key, "fieldName": key.title(), "itemValue": value, "isFile": False} for key, value in self.secrets[name].items()]
        items.append({"slug": "notes", "fieldName": "Notes", "itemValue": "", "isFile": False})
        items.append({"slug": "private-key", "fieldName": "Private Key", "itemValue": "*** Not Valid For Display ***", "isFile": True})
        return Answer(200, json.dumps({**self._build_summary(name), "items": items}).encode())

    def _list(self, skip: int, take: int) -> Answer:
        records = [self._build_summary(name) for name in sorted(self.secrets)][skip : skip + min(take, self.largest_page)]
        return Answer(200, json.dumps({"total": len(self.secrets), "skip": skip, "take": take, "records": records}).encode())

    def _build_summary(self, name: str) -> Dict[str, Any]:
        place, _slash, last = name.rpartition("/")
        return {"id": 100 + list(self.secrets).index(name), "name": last, "folderId": self._number(place), "active": True}

    def _number(self, place: str) -> int:
        return _TOP + 1 + self._folders.index(place) if place else _TOP

    def _build_folder(self, place: str) -> Dict[str, Any]:
        below = [each for each in self._folders if each.rpartition("/")[0] == place]
        return {
            "id": self._number(place),
            "folderName": place.rpartition("/")[2] or FOLDER,
            "folderPath": "\\".join(["", FOLDER, *place.split("/")] if place else ["", FOLDER]),
            "childFolders": [self._build_folder(each) for each in below],
        }


def _refuse(status: int, code: Optional[str]) -> Answer:
    return Answer(status, json.dumps({"errorCode": code, "message": "Access Denied"}).encode())


@contextlib.contextmanager
def running() -> Iterator[SecretServer]:
    """Start one on the loopback address and a free port, and end it."""
    with scripted.running() as server:
        yield SecretServer(server)
