# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts of a Linux host with an /etc of its own, for the suite of targets. A login by its sshd says which password opens one."""

from __future__ import annotations

import secrets
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from tests.servers import linux_host, once
from tests.target_suite.local_runner import LocalRunner
from tests.targets.harness import Plain, TargetService


class LinuxHostRunner(LocalRunner):
    """Runs programs on that host."""

    def __init__(self, server: linux_host.Server) -> None:
        super().__init__()
        self._server = server

    def run_program(self, argv: Sequence[str], stdin: bytes, limit: float) -> Optional[int]:
        """Return the exit status of a program."""
        return super().run_program([*self._server.enter(), *argv], stdin, limit)


class LinuxAccount(TargetService):
    """An account without anything but its password."""

    kind = "linux_user"
    plays_every_fault = False

    def start(self) -> None:
        self._server = once.linux_host()
        self._host = LinuxHostRunner(self._server)
        self._user, self._first = "u" + secrets.token_hex(4), secrets.token_urlsafe(16)
        self._server.add(self._user, self._first)
        self._answers: Dict[Tuple[str, str], bool] = {}

    def options(self) -> Mapping[str, Any]:
        return {"host": "localhost"}

    def runner(self) -> LocalRunner:
        return LocalRunner({"localhost": self._host})

    def place(self) -> List[str]:
        return self._server.enter()

    def fields(self) -> Plain:
        return {"username": self._user, "password": self._first}

    def opens(self, fields: Plain) -> bool:
        # The same hash and password have the same answer.
        shadow = (self._server.directory / "etc" / "shadow").read_text(encoding="ascii")
        line = next(line for line in shadow.splitlines() if line.startswith(self._user + ":"))
        seen = (line, str(fields["password"]))
        if seen not in self._answers:
            self._answers[seen] = self._server.accepts(self._user, seen[1])
        return self._answers[seen]

    def shut(self) -> None:
        self._host.is_down = True

    def reopen(self) -> None:
        self._host.is_down = False

    def change_elsewhere(self) -> None:
        self._server.set_password(self._user, secrets.token_urlsafe(16))

    def set_by_hand(self, fields: Plain) -> None:
        self._server.set_password(self._user, str(fields["password"]))
