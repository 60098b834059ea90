# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of a real slapd, for the suite of targets. The target reaches the server through a proxy."""

from __future__ import annotations

import contextlib
import secrets
from typing import Any, Mapping, Tuple

from tests.conftest import PROFILE
from tests.servers import once, proxy, slapd
from tests.targets.harness import Plain, TargetService

POLICY = "cn=policy," + slapd.SUFFIX


class Entry(TargetService):
    """An entry whose password an administrator of its own changes."""

    kind = "ldap"
    plays_every_fault = False
    credential_type = "ldap"

    def start(self) -> None:
        self._server = once.slapd()
        self._clean_up = contextlib.ExitStack()
        self._between = self._clean_up.enter_context(proxy.running(self._server.host, self._server.tls_port))
        self._first = secrets.token_urlsafe(16)
        self._dn = self._server.add_person("app " + secrets.token_hex(4), self._first)

    def stop(self) -> None:
        self._clean_up.close()
        self._server.remove(self._dn)

    def options(self) -> Mapping[str, Any]:
        return {"admin_credential": "admin"}

    def credentials(self) -> Mapping[str, Tuple[str, Plain]]:
        return {"admin": ("ldap", {**self._place(), "bind_dn": self._server.user, "password": self._server.password})}

    def _place(self) -> Plain:
        return {"url": "ldaps://{}:{}".format(self._between.host, self._between.port), "ca_cert": self._server.ca_cert}

    def fields(self) -> Plain:
        return {**self._place(), "bind_dn": self._dn, "password": self._first}

    def opens(self, fields: Plain) -> bool:
        return bool(self._server.accepts(str(fields["bind_dn"]), str(fields["password"])))

    def shut(self) -> None:
        self._between.mode = proxy.REFUSE

    def reopen(self) -> None:
        self._between.mode = proxy.PASS

    def change_elsewhere(self) -> None:
        self._server.set_password(self._dn, secrets.token_urlsafe(16))

    def set_by_hand(self, fields: Plain) -> None:
        self._server.set_password(self._dn, str(fields["password"]))


class OwnEntry(Entry):
    """An entry that changes its own password."""

    label = "ldap-self-service"

    def options(self) -> Mapping[str, Any]:
        return {"self_service": True}

    def credentials(self) -> Mapping[str, Tuple[str, Plain]]:
        return {}

    def reopen(self) -> None:
        super().reopen()
        self._server.set_attribute(POLICY, "pwdMinLength", "8")

    def refuse_new(self) -> None:
        self._server.set_attribute(POLICY, "pwdMinLength", "200")


if PROFILE != "long":
    del OwnEntry  # Each call is a process of its own, so this target's rows are dear.
