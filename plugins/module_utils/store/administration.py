# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operations on a store itself: its key and its tables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from typing import TYPE_CHECKING, ContextManager, Iterable, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import (
    KeyAdmin,
    SchemaAdmin,
    check_takes_writes,
    require_protocol,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY, AccessContext

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.model.key_status import EnsuredKey, Rotated
    from ansible_collections.nebula.credential.plugins.module_utils.model.schema_status import SchemaMigration


class StoreAdministration(ABC):
    """What `CredentialManager` does with the store as a whole."""

    backend: Backend

    @abstractmethod
    def acting(self, context: AccessContext = NOBODY, operation: Optional[str] = None, *, cacheable: bool = True) -> ContextManager[None]:
        """See `CredentialManager.acting`."""

    def ensure_key(self, context: AccessContext = NOBODY, *, check: bool = False) -> EnsuredKey:
        """Give every configured key source a slot and return the key's status. With `check`, change nothing.

        Raises:
            InvalidInput: this collection does not encrypt the store.
        """
        with self.acting(context):
            return require_protocol(self.backend, KeyAdmin).ensure_key(check=check)

    def ensure_schema(self, context: AccessContext = NOBODY, *, check: bool = False) -> SchemaMigration:
        """Bring the tables of a database store up to date. With `check`, change nothing and return what would be done.

        Raises:
            InvalidInput: the store has no tables.
        """
        with self.acting(context):
            return require_protocol(self.backend, SchemaAdmin).ensure_schema(check=check)

    def rotate_key(
        self,
        context: AccessContext = NOBODY,
        *,
        compromised: bool = False,
        drop_sources: Iterable[str] = (),
        keep_until: Optional[datetime] = None,
        check: bool = False,
    ) -> Rotated:
        """Re-encrypt everything under a new master key, or finish a rotation that was interrupted (`crypto.master_key_rotation`).

        Raises:
            InvalidInput: this collection does not encrypt the store, or the store is not persistent.
            Conflict: another run rotates the key, or changes its sources, at the same time.
            ReadOnly: the store is read only by its configuration. No source got a new key.
        """
        with self.acting(context):
            if self.backend.settings.get("read_only"):
                check_takes_writes(self.backend)
            admin = require_protocol(self.backend, KeyAdmin)
            return admin.rotate_master_key(compromised=compromised, drop_sources=drop_sources, keep_until=keep_until, check=check)
