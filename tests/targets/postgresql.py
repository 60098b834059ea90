# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roles of a real PostgreSQL, for the suite of targets. The target reaches the server through a proxy."""

from __future__ import annotations

import contextlib
import secrets
from typing import Any, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.encoding.scram import build_verifier
from tests.servers import once, proxy
from tests.targets.harness import Plain, TargetService


class PostgreSQLRole(TargetService):
    """A role whose password an administrator changes, with a login from the store."""

    kind = "postgresql"

    def start(self) -> None:
        self._server = once.postgresql()
        self._clean_up = contextlib.ExitStack()
        self._between = self._clean_up.enter_context(proxy.running(self._server.host, self._server.port))
        suffix = secrets.token_hex(4)
        self._admin, self._role, self._other = ("{}_{}".format(name, suffix) for name in ("admin", "role", "other"))
        self._first, self._admin_password = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        self._run("CREATE ROLE {} LOGIN SUPERUSER PASSWORD '{}'".format(self._admin, build_verifier(self._admin_password)))
        self._run("CREATE ROLE {} LOGIN".format(self._role))
        self._run("CREATE ROLE {} LOGIN".format(self._other))
        self.set_by_hand(self.fields())

    def stop(self) -> None:
        self._clean_up.close()
        for role in (self._role, self._other, self._admin):
            self._run("DROP ROLE {}".format(role))

    def _run(self, statement: str) -> None:
        self._server.run(statement)

    def options(self) -> Mapping[str, Any]:
        return {"host": self._between.host, "port": self._between.port, "admin_credential": "admin"}

    def credentials(self) -> Mapping[str, Tuple[str, Plain]]:
        return {"admin": ("basic", {"username": self._admin, "password": self._admin_password})}

    def fields(self) -> Plain:
        return {"username": self._role, "password": self._first}

    def opens(self, fields: Plain) -> bool:
        return bool(self._server.accepts(str(fields["username"]), str(fields["password"])))

    def shut(self) -> None:
        self._between.mode = proxy.REFUSE

    def reopen(self) -> None:
        self._between.mode = proxy.PASS
        self._run("ALTER ROLE {} RESET default_transaction_read_only".format(self._admin))

    def refuse_new(self) -> None:
        self._run("ALTER ROLE {} SET default_transaction_read_only = on".format(self._admin))

    def change_elsewhere(self) -> None:
        for role in (self._role, self._other):
            self._run("ALTER ROLE {} PASSWORD '{}'".format(role, build_verifier(secrets.token_urlsafe(16))))

    def set_by_hand(self, fields: Plain) -> None:
        self._run("ALTER ROLE {} PASSWORD '{}'".format(fields["username"], build_verifier(str(fields["password"]))))


class TwoPostgreSQLRoles(PostgreSQLRole):
    """Two roles that take turns."""

    label = "postgresql-two-users"
    overlaps = True

    def options(self) -> Mapping[str, Any]:
        return {**super().options(), "usernames": [self._role, self._other]}
