# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Principals of a real KDC, for the suite of targets. The target reaches the KDC and its kadmind through a proxy each."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
from typing import Any, Mapping, Tuple

from tests.servers import krb5, once, proxy
from tests.targets.harness import Plain, TargetService


class Keytab(TargetService):
    """A principal of a service, whose keytab an administrator with a password rotates."""

    kind = "kerberos"
    credential_type = "kerberos"
    plays_every_fault = False
    makes = True

    def start(self) -> None:
        self.server = once.krb5()
        self._clean_up = contextlib.ExitStack()
        ports = (self.server.port, self.server.admin_port)
        self._between = [self._clean_up.enter_context(proxy.running(self.server.host, port)) for port in ports]
        self.name = "HTTP/web-{}.example.test".format(secrets.token_hex(4))
        self.principal = self.server.add_principal(self.name)
        self._first = self.server.write_keytab(self.name)

    def stop(self) -> None:
        self._clean_up.close()
        self.server.run_local("delprinc -force {}".format(self.name))

    def options(self) -> Mapping[str, Any]:
        return {"admin_credential": "admin", "admin_server": self._address(1)}

    def _address(self, number: int) -> str:
        return "{}:{}".format(self._between[number].host, self._between[number].port)

    def parameters(self) -> Mapping[str, Any]:
        return {"grace": "10m"}

    def credentials(self) -> Mapping[str, Tuple[str, Plain]]:
        # It also has a ticket of its own, which it gets from the KDC itself.
        return {"admin": ("kerberos", {"principal": self.server.user, "password": self.server.password, "kdc": self.server.kdc})}

    def fields(self) -> Plain:
        return {"principal": self.principal, "kdc": self._address(0), "keytab": self._first}

    def opens(self, fields: Plain) -> bool:
        path = self.directory / "tried-{}".format(secrets.token_hex(4))
        path.write_bytes(fields["keytab"])  # type: ignore[arg-type]  # it is binary
        command = [str(krb5.find_program("kinit")), "-c", "MEMORY:", "-k", "-t", str(path), self.principal]
        done = subprocess.run(command, check=False, capture_output=True, env={**os.environ, **self.server.environment()})
        path.unlink()
        return done.returncode == 0

    def show(self) -> Plain:
        return {**self.fields(), "keytab": self.server.write_keytab(self.name)}

    def versions(self) -> set[int]:
        """Return the versions of the keys that the KDC has."""
        lines = self.server.run_local("getprinc {}".format(self.name)).splitlines()
        return {int(line.split()[2].rstrip(",")) for line in lines if line.startswith("Key: vno ")}

    def shut(self) -> None:
        for each in self._between:
            each.mode = proxy.REFUSE

    def reopen(self) -> None:
        for each in self._between:
            each.mode = proxy.PASS
        self.server.run_local("modprinc -lockdown_keys {}".format(self.name))

    def refuse_new(self) -> None:
        self.server.run_local("modprinc +lockdown_keys {}".format(self.name))

    def change_elsewhere(self) -> None:
        self.server.run_local("cpw -randkey {}".format(self.name))
