# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secret ids of roles of a real OpenBao (AppRole), whose API the target `http` is given, for the suite of targets."""

from __future__ import annotations

import contextlib
import secrets
from typing import Any, Mapping, Tuple

import requests

from tests.servers import once, proxy
from tests.targets.harness import Plain, TargetService

MOUNT = "approle"


class RoleOfOpenBao(TargetService):
    """A role that accepts several secret ids of ours."""

    kind = "http"
    overlaps = True

    def start(self) -> None:
        self._server = once.openbao()
        self._server.enable("approle", MOUNT, auth=True)
        self._clean_up = contextlib.ExitStack()
        self._between = self._clean_up.enter_context(proxy.running(self._server.host, self._server.port))
        self._path, self._first = "auth/{}/role/app-{}".format(MOUNT, secrets.token_hex(4)), secrets.token_urlsafe(16)
        self._server.call("POST", self._path, {"token_ttl": "1m"})
        self._role_id = self._server.call("GET", self._path + "/role-id")["data"]["role_id"]
        self._policy = self._server.policy("policy-" + self._path.rpartition("/")[2], self._rights("update"))
        self._token = self._server.token(self._policy)
        self.set_by_hand(self.fields())

    def _rights(self, capability: str) -> str:
        paths = {self._path + "/custom-secret-id": capability, self._path + "/secret-id/destroy": "update"}
        return "\n".join('path "{}" {{ capabilities = ["{}"] }}'.format(path, each) for path, each in paths.items())

    def stop(self) -> None:
        self._clean_up.close()
        self._server.call("DELETE", self._path)

    def options(self) -> Mapping[str, Any]:
        role, value = self._path.partition("/")[2].partition("/")[2], {"secret_id": "$(value)"}
        return {
            "url": "http://{}:{}/v1/auth/{}".format(self._between.host, self._between.port, MOUNT),
            "admin_credential": "admin",
            "headers": {"X-Vault-Token": "$(admin.password)"},
            "overlap": "dual",
            "apply": {"method": "POST", "path": "/{}/custom-secret-id".format(role), "json": value},
            "retire": {"method": "POST", "path": "/{}/secret-id/destroy".format(role), "json": value},
            "probe": {"method": "POST", "path": "/login", "json": {**value, "role_id": "$(field.username)"}, "refused": [400]},
        }

    def credentials(self) -> Mapping[str, Tuple[str, Plain]]:
        return {"admin": ("basic", {"username": "admin", "password": self._token})}

    def fields(self) -> Plain:
        return {"username": self._role_id, "password": self._first}

    def opens(self, fields: Plain) -> bool:
        login = {"role_id": fields["username"], "secret_id": fields["password"]}
        return requests.post("{}/v1/auth/{}/login".format(self._server.url, MOUNT), json=login, timeout=60, proxies={"http": ""}).ok

    def shut(self) -> None:
        self._between.mode = proxy.REFUSE

    def reopen(self) -> None:
        self._between.mode = proxy.PASS
        self._server.policy(self._policy, self._rights("update"))

    def refuse_new(self) -> None:
        self._server.policy(self._policy, self._rights("read"))

    def change_elsewhere(self) -> None:
        for accessor in self._server.call("LIST", self._path + "/secret-id")["data"]["keys"]:
            self._server.call("POST", self._path + "/secret-id-accessor/destroy", {"secret_id_accessor": accessor})
        self.set_by_hand({"password": secrets.token_urlsafe(16)})

    def set_by_hand(self, fields: Plain) -> None:
        self._server.call("POST", self._path + "/custom-secret-id", {"secret_id": fields["password"]})
