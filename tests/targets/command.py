# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service whose passwords are in a file, and the programs that change them, for the suite of targets."""

from __future__ import annotations

import secrets
from typing import Any, Mapping

from tests.targets.harness import Plain, TargetService
from tests.unit.rotation.targets.local_programs import FileService


class CommandService(TargetService):
    """A service that accepts one value."""

    kind = "command"

    def start(self) -> None:
        self._service = FileService(self.directory)
        self._first = secrets.token_urlsafe(16)
        self.set_by_hand(self.fields())

    def options(self) -> Mapping[str, Any]:
        return self._service.options()

    def fields(self) -> Plain:
        return {"username": "app", "password": self._first}

    def opens(self, fields: Plain) -> bool:
        return str(fields["password"]).encode() in self._service.held()

    def shut(self) -> None:
        self._service.shut()

    def reopen(self) -> None:
        self._service.reopen()

    def refuse_new(self) -> None:
        self._service.refuse()

    def change_elsewhere(self) -> None:
        self._service.take(secrets.token_bytes(8).hex().encode())

    def set_by_hand(self, fields: Plain) -> None:
        self._service.take(str(fields["password"]).encode())


class CommandServiceOfTwo(CommandService):
    """A service that accepts several values until one is dropped."""

    label = "command-dual"
    overlaps = True

    def options(self) -> Mapping[str, Any]:
        return self._service.dual()
