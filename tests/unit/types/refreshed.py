# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store whose clock is moved, with one credential that a service refreshes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store


class World:
    """The store, and the credential `robot` of a type. `ahead` moves its clock; `warnings` are what it has warned of."""

    def __init__(self, kind, **fields):
        self.ahead = timedelta(0)
        self.warnings = []
        self.opened = open_store({"audit": "off", "backend": "memory"}, name="prod", warn=self.warnings.append)
        self.manager = CredentialManager(self.opened.backend, store="prod", clock=lambda: datetime.now(timezone.utc) + self.ahead)
        self._kind = kind
        self.write(**fields)

    def write(self, **fields):
        """Write the fields that are no None."""
        written = {name: Secret(value) for name, value in fields.items() if value is not None}
        self.manager.ensure(DesiredCredential("robot", type=self._kind, fields=written))

    def read(self, field=None):
        """What `get` returns."""
        return self.manager.get("robot").token(field).expose().decode()

    @property
    def expires_at(self):
        """When the value ends."""
        return self.manager.get("robot").expires_at
