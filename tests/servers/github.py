# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of GitHub's REST API that makes installation tokens, as its documentation describes it (version 2022-11-28).

It checks the JWT of an app and what a token is limited to, and refuses with GitHub's own bodies. Not modelled: everything else.

with github.running(public_key) as hub: …
"""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.servers import scripted
from tests.servers.scripted import Answer, Request

APP, CLIENT, INSTALLATION = "1234", "Iv23liExample", "5678"
DOCUMENTATION = "https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app"
LONGEST = 600


class GitHub:
    """One app with one installation.

    Attributes:
        granted: the permissions of the installation.
        repositories: those that it was installed on.
        is_suspended: whether it is suspended.
        ahead: by how much this server's clock differs.
        lifetime: of a token.
        limited: headers of the refusal of further requests, while it is set.
        bodies: the content of each request that was granted.
    """

    def __init__(self, public_key: Any) -> None:
        """Take the public half of the app's key."""
        self.granted = {"contents": "write", "issues": "read", "metadata": "read"}
        self.repositories = {"app", "web"}
        self.is_suspended = False
        self.ahead = timedelta(0)
        self.lifetime = timedelta(hours=1)
        self.limited: dict[str, str] = {}
        self.bodies: list[Any] = []
        self.calls = 0
        self.url = ""
        self._key = public_key

    def answer(self, request: Request) -> Answer:
        """Carry a request out."""
        self.calls += 1
        status, content = self._answer(request)
        headers = {"Date": format_datetime(self._now(), usegmt=True), **(self.limited if status == 403 else {})}
        return Answer(status, content, headers)

    def _now(self) -> datetime:
        return datetime.now(timezone.utc) + self.ahead

    def _answer(self, request: Request) -> tuple[int, dict[str, Any]]:
        if request.headers.get("x-github-api-version") != "2022-11-28" or not request.headers.get("user-agent"):
            return _refuse(400, "Invalid header")
        if request.method != "POST" or not request.path.startswith("/app/installations/"):
            return _refuse(404, "Not Found")
        problem = self._check_login(request.headers.get("authorization", ""))
        if problem:
            return _refuse(401, problem)
        if self.limited:
            return _refuse(403, "API rate limit exceeded for installation ID {0}.".format(INSTALLATION))
        if request.path != "/app/installations/{0}/access_tokens".format(INSTALLATION):
            return _refuse(404, "Not Found")
        if self.is_suspended:
            return _refuse(403, "This installation has been suspended")
        return self._grant(request.json)

    def _check_login(self, header: str) -> str:
        scheme, _blank, text = header.partition(" ")
        try:
            head, claims, signature = text.split(".")
            parts, said = json.loads(_decode(head)), json.loads(_decode(claims))
            self._key.verify(_decode(signature), "{0}.{1}".format(head, claims).encode(), padding.PKCS1v15(), hashes.SHA256())
        except (ValueError, InvalidSignature):
            return "A JSON web token could not be decoded"
        now = self._now().timestamp()
        if scheme != "Bearer" or parts.get("alg") != "RS256" or said.get("iss") not in (APP, CLIENT):
            return "A JSON web token could not be decoded"
        if not isinstance(said.get("iat"), int) or said["iat"] > now:
            return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
        if not isinstance(said.get("exp"), int) or said["exp"] <= now:
            return "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
        return "'Expiration time' claim ('exp') is too far in the future" if said["exp"] > now + LONGEST else ""

    def _grant(self, wanted: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        levels = ["read", "write", "admin"]
        if set(wanted) - {"repositories", "permissions"}:
            return _refuse(422, "Invalid request.")
        for name, level in wanted.get("permissions", {}).items():
            if name not in self.granted or levels.index(level) > levels.index(self.granted[name]):
                return _refuse(422, "The permissions requested are not granted to this installation.")
        if set(wanted.get("repositories", ())) - self.repositories:
            return _refuse(422, "There is at least one repository that does not exist or is not accessible to the parent installation.")
        self.bodies.append(wanted)
        ends_at = (self._now() + self.lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
        content = {"token": "ghs_" + secrets.token_hex(18), "expires_at": ends_at, "permissions": wanted.get("permissions", self.granted)}
        return 201, {**content, "repository_selection": "selected"}


def _refuse(status: int, message: str) -> tuple[int, dict[str, Any]]:
    return status, {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@contextlib.contextmanager
def running(public_key: Any) -> Iterator[GitHub]:
    """A running one."""
    hub = GitHub(public_key)
    with scripted.running(hub.answer) as server:
        hub.url = server.url
        yield hub
