# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operations on a store itself: its key and its tables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from typing import TYPE_CHECKING, ContextManager, Iterable, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import KeyAdmin, SchemaAdmin, require_protocol
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.model.key_status import EnsuredKey, Rotated
    from ansible_collections.nebula.credential.plugins.module_utils.model.schema_status import EnsuredSchema

NOBODY = AccessContext()
"""A caller that asserts nothing: reads only what has no scope."""


class StoreAdministration(ABC):
    """What `CredentialManager` does with the store as a whole."""

    backend: Backend

    @abstractmethod
    def acting(self, context: AccessContext = NOBODY, operation: Optional[str] = None, *, cacheable: bool = True) -> ContextManager[None]:
        """See `CredentialManager.acting`."""

    def ensure_key(self, context: AccessContext = NOBODY, *, check: bool = False) -> EnsuredKey:
        """Give each configured source its slot of the store's key, and tell what there is; with `check`, tell alone.

        Raises:
            InvalidInput: the store is not encrypted by us.
        """
        with self.acting(context):
            return require_protocol(self.backend, KeyAdmin).ensure_key(check=check)

    def ensure_schema(self, context: AccessContext = NOBODY, *, check: bool = False) -> EnsuredSchema:
        """Bring the tables of a database store up to date; with `check`, tell what would be done.

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
        """Put everything under a new master key, or finish the rotation that was killed (`crypto.master_key_rotation`).

        Raises:
            InvalidInput: the store is not encrypted by us, or ends with its process.
            Conflict: another run rotates it, or changes its sources, at the same time.
        """
        with self.acting(context):
            admin = require_protocol(self.backend, KeyAdmin)
            return admin.rotate_master_key(compromised=compromised, drop_sources=drop_sources, keep_until=keep_until, check=check)
