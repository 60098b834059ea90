# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users of a server of our own that speaks MongoDB's protocol, for the suite of targets. No MongoDB can be had. A proxy is in between."""

from __future__ import annotations

import contextlib
import secrets
from typing import Any, Mapping, Tuple
from unittest import mock

from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import mongodb_client
from tests.servers import mongodb_wire, proxy
from tests.targets.harness import Plain, TargetService


class MongoDBUser(TargetService):
    """A user whose password an administrator changes, with a login from the store."""

    kind = "mongodb"
    plays_every_fault = False

    def start(self) -> None:
        self._clean_up = contextlib.ExitStack()
        # A server that is down is waited for; here it does not come back.
        self._clean_up.enter_context(mock.patch.object(mongodb_client, "CONNECT", 2.0))
        self._server = self._clean_up.enter_context(mongodb_wire.running())
        self._between = self._clean_up.enter_context(proxy.running(self._server.host, self._server.port))
        self._first, self._admin_password = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        self._server.put("app", self._first, [{"resource": {"db": "admin", "collection": ""}, "actions": ["changeOwnPassword"]}])
        self._server.put("app_b", secrets.token_urlsafe(16), [])
        self.reopen()

    def stop(self) -> None:
        self._clean_up.close()

    def options(self) -> Mapping[str, Any]:
        return {"url": "mongodb://{}:{}".format(self._between.host, self._between.port), "admin_credential": "admin"}

    def credentials(self) -> Mapping[str, Tuple[str, Plain]]:
        return {"admin": ("basic", {"username": "admin", "password": self._admin_password})}

    def fields(self) -> Plain:
        return {"username": "app", "password": self._first}

    def opens(self, fields: Plain) -> bool:
        return self._server.accepts(str(fields["username"]), str(fields["password"]))

    def shut(self) -> None:
        self._between.mode = proxy.REFUSE

    def reopen(self) -> None:
        self._between.mode = proxy.PASS
        self._server.put("admin", self._admin_password, mongodb_wire.PASSWORDS)

    def refuse_new(self) -> None:
        self._server.put("admin", self._admin_password, [])

    def change_elsewhere(self) -> None:
        for user in ("app", "app_b"):
            self._server.put(user, secrets.token_urlsafe(16))

    def set_by_hand(self, fields: Plain) -> None:
        self._server.put(str(fields["username"]), str(fields["password"]))
