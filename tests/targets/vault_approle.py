# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secret ids of roles of a real OpenBao, for the suite of targets. The target reaches the server through a proxy."""

from __future__ import annotations

import contextlib
import secrets
from typing import Any, Mapping, Tuple

import requests

from tests.servers import once, proxy
from tests.targets.harness import Plain, TargetService

MOUNT = "approle"
RIGHTS = {"": "read", "/secret-id": "list", "/secret-id/destroy": "update"}
RIGHTS.update({"/secret-id-accessor/{}".format(act): "update" for act in ("lookup", "destroy")})


class RoleOfOpenBao(TargetService):
    """A role whose secret ids an administrator has made. Another party has one of its own, which stays."""

    kind = "vault_approle"
    overlaps = True
    makes = True

    def start(self) -> None:
        self.server = once.openbao()
        self.server.enable("approle", MOUNT, auth=True)
        self._clean_up = contextlib.ExitStack()
        self._between = self._clean_up.enter_context(proxy.running(self.server.host, self.server.port))
        self.role = "app-" + secrets.token_hex(4)
        self.path = "auth/{}/role/{}".format(MOUNT, self.role)
        self.server.call("POST", self.path, {"token_ttl": "1m"})
        self._role_id = self.server.call("GET", self.path + "/role-id")["data"]["role_id"]
        self._first, self._other = self.make(), self.make()
        self._allow("update")
        self._token = self.server.token("policy-" + self.role)

    def make(self) -> str:
        """Make a secret id, as a person does."""
        return str(self.server.call("POST", self.path + "/secret-id")["data"]["secret_id"])

    def accessors(self) -> list[str]:
        """Return the accessors of all secret ids."""
        return list(self.server.call("LIST", self.path + "/secret-id")["data"]["keys"])

    def _allow(self, making: str) -> None:
        paths = {self.path + end: [right, *([making] if end == "/secret-id" else [])] for end, right in RIGHTS.items()}
        rules = ['path "{}" {{ capabilities = [{}] }}'.format(path, ", ".join(map('"{}"'.format, each))) for path, each in paths.items()]
        self.server.policy("policy-" + self.role, "\n".join(rules))

    def stop(self) -> None:
        assert self.opens({"username": self._role_id, "password": self._other})
        self._clean_up.close()
        self.server.call("DELETE", self.path)

    def options(self) -> Mapping[str, Any]:
        url = "http://{}:{}".format(self._between.host, self._between.port)
        return {"url": url, "role": self.role, "mount": MOUNT, "admin_credential": "admin"}

    def credentials(self) -> Mapping[str, Tuple[str, Plain]]:
        return {"admin": ("api_key", {"api_key": self._token})}

    def fields(self) -> Plain:
        return {"username": self._role_id, "password": self._first}

    def opens(self, fields: Plain) -> bool:
        login = {"role_id": fields["username"], "secret_id": fields["password"]}
        return requests.post("{}/v1/auth/{}/login".format(self.server.url, MOUNT), json=login, timeout=60, proxies={"http": ""}).ok

    def shut(self) -> None:
        self._between.mode = proxy.REFUSE

    def reopen(self) -> None:
        self._between.mode = proxy.PASS
        self._allow("update")

    def refuse_new(self) -> None:
        self._allow("read")

    def change_elsewhere(self) -> None:
        for accessor in self.accessors():
            self.server.call("POST", self.path + "/secret-id-accessor/destroy", {"secret_id_accessor": accessor})
        self._other = self.make()

    def set_by_hand(self, fields: Plain) -> None:
        if not self.opens(fields):
            self.server.call("POST", self.path + "/custom-secret-id", {"secret_id": fields["password"]})
