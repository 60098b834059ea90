# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operations on a store itself: its key, its tables, and what is recorded of the hosts that its credentials are on."""

from __future__ import annotations

import threading
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
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import Clock

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.layer import Cache
    from ansible_collections.nebula.credential.plugins.module_utils.model.key_status import EnsuredKey, Rotated
    from ansible_collections.nebula.credential.plugins.module_utils.model.schema_status import SchemaMigration
    from ansible_collections.nebula.credential.plugins.module_utils.store.deployments import Deployments


class StoreAdministration(ABC):
    """What `CredentialManager` does with the store as a whole."""

    backend: Backend

    store: str
    clock: Clock
    cache: Optional[Cache]
    recording: Optional[Deployments] = None
    """Records the files of hosts; None until one is to be recorded (`deployments`)."""
    _lock: threading.Lock

    def deployments(self) -> Deployments:
        """Return what records the files of hosts that hold credentials. It is imported when the first one is to be recorded.

        A session, which alone has a cache, outlives the tasks, and records what several of them have written in one write.
        """
        from ansible_collections.nebula.credential.plugins.module_utils.store.deployments import Deployments

        with self._lock:
            self.recording = self.recording or Deployments(self.backend, self.store, self.clock, waits=self.cache is not None)
            return self.recording

    def write_deployments(self) -> None:
        """Record the files of hosts that are only in memory yet. What fails is a warning."""
        if self.recording is not None:
            self.recording.write()

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
