# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store in memory whose credential `db_pass` is rotated by the operation, as a driver or a person does it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from tests.unit.crypto.sealed_stores import a_memory_store

SERVER = {"host": "db", "admin_user": "admin", "admin_password": "admin-word"}
PG = {"target": "postgresql", "postgresql": SERVER}
DUAL = {"target": "command", "command": {"apply": ["x"], "verify": ["x"], "retire": ["x"], "overlap": "dual"}}


class Store:
    """A manager whose clock stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, tzinfo=timezone.utc)
        backend = a_memory_store()
        backend.connect()
        self.manager = CredentialManager(backend, clock=lambda: self.now)

    def create(self, name: str = "db_pass", username: str = "app", **wanted: Any) -> None:
        fields = {"username": Secret(username)}
        self.manager.create(DesiredCredential(name, type="basic", value=Secret("old-word"), fields=fields, **wanted))

    def rotate(self, check_mode: bool = False, **parameters: Any) -> dict[str, Any]:
        return perform(self.manager, "credential_rotate", dict({"name": "db_pass"}, **parameters), AccessContext(), check_mode).result

    def begin(self, **parameters: Any) -> dict[str, Any]:
        """The first step after the check of the current value."""
        step = self.rotate(step={}, **parameters)["step"]
        assert step["kind"] == "check"
        return self.rotate(step={"ticket": step["ticket"], "outcome": "accepted"}, **parameters)["step"]

    def value(self, stage: str = "current", field: str = "password") -> str:
        return self.manager.inspect("db_pass", stage=stage).fields[field].expose().decode()
