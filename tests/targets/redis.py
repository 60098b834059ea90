# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ACL users of a real Valkey, for the suite of targets. The target reaches the server through a proxy."""

from __future__ import annotations

import contextlib
import secrets
from typing import Any, Mapping, Tuple

from tests.servers import once, proxy
from tests.targets.harness import Plain, TargetService


class ValkeyUser(TargetService):
    """A user whose password an administrator changes, with a login from the store."""

    kind = "redis"
    plays_every_fault = False
    overlaps = True

    def start(self) -> None:
        self._server = once.valkey()
        self._clean_up = contextlib.ExitStack()
        self._between = self._clean_up.enter_context(proxy.running(self._server.host, self._server.port))
        suffix = secrets.token_hex(4)
        self._admin, self._user = ("{}_{}".format(name, suffix) for name in ("admin", "user"))
        self._first, self._admin_password = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        self._run("SETUSER {} on >{} ~* +@all -acl".format(self._user, self._first))
        self._run("SETUSER {} on >{} +acl +config".format(self._admin, self._admin_password))

    def stop(self) -> None:
        self._clean_up.close()
        self._run("DELUSER {} {}".format(self._user, self._admin))

    def _run(self, command: str) -> None:
        answers = self._server.ask("AUTH default " + self._server.password, "ACL " + command)
        assert "-ERR" not in answers, command.split(maxsplit=1)[0]

    def options(self) -> Mapping[str, Any]:
        return {"urls": ["redis://{}:{}".format(self._between.host, self._between.port)], "save": "config", **self.login()}

    def login(self) -> Mapping[str, Any]:
        return {"admin_credential": "admin"}

    def credentials(self) -> Mapping[str, Tuple[str, Plain]]:
        return {"admin": ("basic", {"username": self._admin, "password": self._admin_password})}

    def fields(self) -> Plain:
        return {"username": self._user, "password": self._first}

    def opens(self, fields: Plain) -> bool:
        return "+PONG" in self._server.ask("AUTH {} {}".format(fields["username"], fields["password"]), "PING")

    def shut(self) -> None:
        self._between.mode = proxy.REFUSE

    def reopen(self) -> None:
        self._between.mode = proxy.PASS
        self._run("SETUSER {} +acl|setuser".format(self._admin))

    def refuse_new(self) -> None:
        self._run("SETUSER {} -acl|setuser".format(self._admin))

    def change_elsewhere(self) -> None:
        self.set_by_hand({"username": self._user, "password": secrets.token_urlsafe(16)})

    def set_by_hand(self, fields: Plain) -> None:
        self._run("SETUSER {} resetpass >{}".format(fields["username"], fields["password"]))


class OwnValkeyUser(ValkeyUser):
    """A user with the rights of an administrator that changes its own password."""

    label = "redis-own-login"

    def start(self) -> None:
        super().start()
        self._admin = self._user
        self._run("SETUSER {} +acl +config".format(self._user))

    def login(self) -> Mapping[str, Any]:
        return {"own_login": True}
