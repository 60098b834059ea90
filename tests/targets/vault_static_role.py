# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Static roles of the database engine of a real OpenBao, which changes passwords in a real PostgreSQL, for the suite of targets."""

from __future__ import annotations

import contextlib
import secrets
from typing import Any, Mapping, Tuple

from tests.servers import once, proxy
from tests.targets.harness import Plain, TargetService

MOUNT = "rotated-database"


class StaticRole(TargetService):
    """A role of PostgreSQL whose password OpenBao changes."""

    kind = "vault_static_role"
    makes = True

    def start(self) -> None:
        self.server, self._database = once.openbao(), once.postgresql()
        self._clean_up = contextlib.ExitStack()
        self._between = self._clean_up.enter_context(proxy.running(self.server.host, self.server.port))
        self._configure()
        self.role = "static_" + secrets.token_hex(4)
        self._database.run("CREATE ROLE {} LOGIN".format(self.role))
        described = {"db_name": "main", "username": self.role, "rotation_period": "24h"}
        self.server.call("POST", "{}/static-roles/{}".format(MOUNT, self.role), described)
        self._first = self.show()
        self.allow("update")
        self._token = self.server.token("policy-" + self.role)

    def _configure(self) -> None:
        self.server.enable("database", MOUNT)
        url = "postgresql://{{{{username}}}}:{{{{password}}}}@{}:{}/{}?sslmode=disable"
        described = {
            "plugin_name": "postgresql-database-plugin",
            "allowed_roles": "*",
            "connection_url": url.format(self._database.host, self._database.port, self._database.database),
            "username": self._database.user,
            "password": self._database.password,
        }
        self.server.call("POST", MOUNT + "/config/main", described)

    def allow(self, changing: str) -> None:
        """Allow reading, and this for changing, to the administrator."""
        rules = {"static-creds": "read", "rotate-role": changing}
        lines = ['path "{}/{}/{}" {{ capabilities = ["{}"] }}'.format(MOUNT, kind, self.role, each) for kind, each in rules.items()]
        self.server.policy("policy-" + self.role, "\n".join(lines))

    def stop(self) -> None:
        self._clean_up.close()
        self.server.call("DELETE", "{}/static-roles/{}".format(MOUNT, self.role))
        self._database.run("DROP ROLE {}".format(self.role))

    def options(self) -> Mapping[str, Any]:
        url = "http://{}:{}".format(self._between.host, self._between.port)
        return {"url": url, "role": self.role, "mount": MOUNT, "admin_credential": "admin"}

    def credentials(self) -> Mapping[str, Tuple[str, Plain]]:
        return {"admin": ("api_key", {"api_key": self._token})}

    def fields(self) -> Plain:
        return self._first

    def opens(self, fields: Plain) -> bool:
        return bool(self._database.accepts(str(fields["username"]), str(fields["password"])))

    def show(self) -> Plain:
        data = self.server.call("GET", "{}/static-creds/{}".format(MOUNT, self.role))["data"]
        return {"username": data["username"], "password": data["password"]}

    def shut(self) -> None:
        self._between.mode = proxy.REFUSE

    def reopen(self) -> None:
        self._between.mode = proxy.PASS
        self.allow("update")

    def refuse_new(self) -> None:
        self.allow("deny")

    def change_elsewhere(self) -> None:
        self.server.call("POST", "{}/rotate-role/{}".format(MOUNT, self.role))
