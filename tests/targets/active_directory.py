# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts of a real domain controller (Samba), for the suite of targets. It needs root and ports of its own: in the long profile alone.

Kerberos says what opens: it knows the newest password alone.
"""

from __future__ import annotations

import contextlib
import secrets
from typing import Any, Mapping, Tuple

from tests.conftest import PROFILE
from tests.servers import once, proxy, samba
from tests.targets.harness import Plain, TargetService


class Account(TargetService):
    """A user whose password the administrator of the domain sets."""

    kind = "active_directory"
    plays_every_fault = False
    credential_type = "ldap"

    def start(self) -> None:
        self._server = once.server("samba")
        self._clean_up = contextlib.ExitStack()
        self._between = self._clean_up.enter_context(proxy.running(self._server.host, self._server.port))
        self._name, self._first = "app" + secrets.token_hex(4), _make_password()
        self._dn = self._server.add_user(self._name, self._first)

    def stop(self) -> None:
        self._clean_up.close()
        self._server.run("user", "delete", self._name)

    def options(self) -> Mapping[str, Any]:
        return {"admin_credential": "admin"}

    def credentials(self) -> Mapping[str, Tuple[str, Plain]]:
        return {"admin": ("ldap", {**self._place(), "username": self._server.user, "password": self._server.password})}

    def _place(self) -> Plain:
        url = "ldaps://{}:{}".format(self._between.host, self._between.port)
        return {"url": url, "ca_cert": self._server.ca_cert, "directory": "active_directory"}

    def fields(self) -> Plain:
        return {**self._place(), "username": "{}\\{}".format(samba.DOMAIN, self._name), "password": self._first}

    def opens(self, fields: Plain) -> bool:
        return bool(self._server.accepts(self._name, str(fields["password"])))

    def shut(self) -> None:
        self._between.mode = proxy.REFUSE

    def reopen(self) -> None:
        self._between.mode = proxy.PASS

    def change_elsewhere(self) -> None:
        self._server.set_password(self._name, _make_password())

    def set_by_hand(self, fields: Plain) -> None:
        self._server.set_password(self._name, str(fields["password"]))


class OwnAccount(Account):
    """A user who changes the own password, with an entry whose name is known."""

    label = "active-directory-self-service"

    def options(self) -> Mapping[str, Any]:
        return {"self_service": True, "min_interval": 0}

    def credentials(self) -> Mapping[str, Tuple[str, Plain]]:
        return {}

    def fields(self) -> Plain:
        return {**self._place(), "bind_dn": self._dn, "password": self._first}


def _make_password() -> str:
    return "aA1" + secrets.token_urlsafe(16)


if PROFILE != "long":
    del Account, OwnAccount
