# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An account of a real SSH server, for the suite of targets. The target logs in through a proxy; the module writes on this machine."""

from __future__ import annotations

import contextlib
from typing import Any, Dict, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.types import openssh, private_keys
from tests.servers import once, proxy
from tests.target_suite.local_runner import LocalRunner
from tests.targets.harness import Plain, TargetService


class SshAccount(TargetService):
    """The account of the user who runs the tests, on one host."""

    kind = "ssh_key"
    plays_every_fault = False
    credential_type = "ssh_key"
    overlaps = True

    def start(self) -> None:
        self._server = once.sshd()
        self._clean_up = contextlib.ExitStack()
        self._between = self._clean_up.enter_context(proxy.running(self._server.host, self._server.port))
        self._host = LocalRunner(connection={"host": self._server.host, "port": self._between.port})
        self._first = _make_key()
        self._answers: Dict[Tuple[str, str], bool] = {}
        self.set_by_hand(self.fields())

    def stop(self) -> None:
        self._clean_up.close()
        self._server.authorized_keys.unlink(missing_ok=True)

    def options(self) -> Mapping[str, Any]:
        known = "UserKnownHostsFile={}".format(self._server.known_hosts)
        arguments = ["-F", "none", "-o", known, "-p", str(self._between.port)]
        own = {"user": self._server.user, "path": str(self._server.authorized_keys)}
        return {**own, "hosts": ["localhost"], "probe_arguments": arguments}

    def runner(self) -> LocalRunner:
        return LocalRunner({"localhost": self._host})

    def fields(self) -> Plain:
        return {"private_key": self._first}

    def opens(self, fields: Plain) -> bool:
        # The server reads the file at each login, so the same file and key have the same answer.
        seen = (self._server.authorized_keys.read_text(encoding="ascii"), str(fields["private_key"]))
        if seen not in self._answers:
            self._answers[seen] = self._log_in(seen[1])
        return self._answers[seen]

    def _log_in(self, private_key: str) -> bool:
        key = self.directory / "key"
        key.unlink(missing_ok=True)
        key.touch(mode=0o600)
        key.write_text(private_key, encoding="ascii")
        return self._server.accepts(key)

    def shut(self) -> None:
        self._host.is_down = True
        self._between.mode = proxy.REFUSE

    def reopen(self) -> None:
        self._host.is_down = False
        self._between.mode = proxy.PASS

    def change_elsewhere(self) -> None:
        self.set_by_hand({"private_key": _make_key()})

    def set_by_hand(self, fields: Plain) -> None:
        key = private_keys.read_private_key(str(fields["private_key"]).encode("ascii"), None, self.kind)
        self._server.authorized_keys.write_text(openssh.write_public_key(key.public_key()) + "\n", encoding="ascii")


def _make_key() -> str:
    return openssh.write_private_key(private_keys.make_key(private_keys.KeyKind(private_keys.ED25519)), None).decode("ascii")
