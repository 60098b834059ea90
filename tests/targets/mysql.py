# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users of a real MariaDB, for the suite of targets. The target reaches the server through a proxy."""

from __future__ import annotations

import contextlib
import secrets
from typing import Any, Mapping, Tuple

from tests.servers import once, proxy
from tests.targets.harness import Plain, TargetService


class MariaDBUser(TargetService):
    """A user whose password an administrator changes, with a login from the store."""

    kind = "mysql"
    plays_every_fault = False

    def start(self) -> None:
        self._server = once.mariadb()
        self._clean_up = contextlib.ExitStack()
        self._between = self._clean_up.enter_context(proxy.running(self._server.host, self._server.port))
        suffix = secrets.token_hex(4)
        self._admin, self._user, self._other = ("{}_{}".format(name, suffix) for name in ("admin", "user", "other"))
        self._first, self._admin_password = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        for user, password in ((self._admin, self._admin_password), (self._user, self._first), (self._other, secrets.token_urlsafe(16))):
            self._server.run("CREATE USER '{}'@'%' IDENTIFIED BY '{}'".format(user, password))
            self._server.run("GRANT SELECT ON {}.* TO '{}'@'%'".format(self._server.database, user))
        self.reopen()

    def stop(self) -> None:
        self._clean_up.close()
        self._server.run("DROP USER {}".format(", ".join("'{}'@'%'".format(user) for user in (self._user, self._other, self._admin))))

    def options(self) -> Mapping[str, Any]:
        return {"host": self._between.host, "port": self._between.port, "database": "nebula", "admin_credential": "admin"}

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
        self._server.run("GRANT SELECT, UPDATE ON mysql.* TO '{}'@'%'".format(self._admin))

    def refuse_new(self) -> None:
        self._server.run("REVOKE UPDATE ON mysql.* FROM '{}'@'%'".format(self._admin))

    def change_elsewhere(self) -> None:
        for user in (self._user, self._other):
            self.set_by_hand({"username": user, "password": secrets.token_urlsafe(16)})

    def set_by_hand(self, fields: Plain) -> None:
        self._server.run("SET PASSWORD FOR '{}'@'%' = PASSWORD('{}')".format(fields["username"], fields["password"]))


class TwoMariaDBUsers(MariaDBUser):
    """Two users that take turns."""

    label = "mysql-two-users"
    overlaps = True

    def options(self) -> Mapping[str, Any]:
        return {**super().options(), "usernames": [self._user, self._other]}


class OwnMariaDBUser(MariaDBUser):
    """A user that changes its own password."""

    label = "mysql-own-login"
    refuse_new = None  # type: ignore[assignment]

    def options(self) -> Mapping[str, Any]:
        return {"host": self._between.host, "port": self._between.port, "own_login": True}

    def credentials(self) -> Mapping[str, Tuple[str, Plain]]:
        return {}
