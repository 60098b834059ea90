# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users of RabbitMQ, for the suite of targets: of a real one in the long profile, else of an API of our own. A proxy is in between."""

from __future__ import annotations

import contextlib
import secrets
from typing import Any, List, Mapping, Tuple

from tests.conftest import PROFILE
from tests.servers import once, proxy, rabbitmq_api
from tests.targets.harness import Plain, TargetService


class RabbitMQUser(TargetService):
    """A user without a tag, whose password an administrator changes, with a login from the store."""

    kind = "rabbitmq"
    plays_every_fault = False

    def start(self) -> None:
        self._clean_up = contextlib.ExitStack()
        self._server = once.rabbitmq() if PROFILE == "long" else self._clean_up.enter_context(rabbitmq_api.running())
        self._between = self._clean_up.enter_context(proxy.running(self._server.host, self._server.port))
        suffix = secrets.token_hex(4)
        self._admin, self._user, self._other = ("{}_{}".format(name, suffix) for name in ("admin", "user", "other"))
        self._first, self._admin_password = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        self._put(self._user, self._first, self.tags())
        self._put(self._other, secrets.token_urlsafe(16), self.tags())
        self.reopen()

    def tags(self) -> List[str]:
        """Return the tags of the user."""
        return []

    def stop(self) -> None:
        for user in (self._user, self._other, self._admin):
            self._server.ask("DELETE", "/api/users/" + user)
        self._clean_up.close()

    def _put(self, user: str, password: str, tags: List[str]) -> None:
        status, _content = self._server.ask("PUT", "/api/users/" + user, {"password": password, "tags": tags})
        assert status in (201, 204)

    def options(self) -> Mapping[str, Any]:
        return {"url": "http://{}:{}".format(self._between.host, self._between.port), "admin_credential": "admin"}

    def credentials(self) -> Mapping[str, Tuple[str, Plain]]:
        return {"admin": ("basic", {"username": self._admin, "password": self._admin_password})}

    def fields(self) -> Plain:
        return {"username": self._user, "password": self._first}

    def opens(self, fields: Plain) -> bool:
        return bool(self._server.accepts(str(fields["username"]), str(fields["password"])))

    def shut(self) -> None:
        self._between.mode = proxy.REFUSE

    def reopen(self) -> None:
        self._between.mode = proxy.PASS
        self._put(self._admin, self._admin_password, ["administrator"])

    def refuse_new(self) -> None:
        self._put(self._admin, self._admin_password, ["monitoring"])

    def change_elsewhere(self) -> None:
        for user in (self._user, self._other):
            self._put(user, secrets.token_urlsafe(16), self.tags())

    def set_by_hand(self, fields: Plain) -> None:
        self._put(str(fields["username"]), str(fields["password"]), self.tags())


class TwoRabbitMQUsers(RabbitMQUser):
    """Two users that take turns."""

    label = "rabbitmq-two-users"
    overlaps = True

    def options(self) -> Mapping[str, Any]:
        return {**super().options(), "usernames": [self._user, self._other]}


class OwnRabbitMQUser(RabbitMQUser):
    """An administrator that changes its own password."""

    label = "rabbitmq-own-login"
    refuse_new = None  # type: ignore[assignment]

    def tags(self) -> List[str]:
        return ["administrator"]

    def options(self) -> Mapping[str, Any]:
        return {"url": "http://{}:{}".format(self._between.host, self._between.port), "own_login": True}
