# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Export and import of one store, on behalf of one caller."""

from __future__ import annotations

from typing import Callable, ContextManager, Dict

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import current_caller
from ansible_collections.nebula.credential.plugins.module_utils.model.importing import EXPORT, IMPORT
from ansible_collections.nebula.credential.plugins.module_utils.store.exporter import read_portable
from ansible_collections.nebula.credential.plugins.module_utils.store.importer import Importer, Plan
from ansible_collections.nebula.credential.plugins.module_utils.store.portable import Portable


class Portability:
    """Reads and writes credentials unchanged."""

    def __init__(self, backend: Backend, store: str, tenant: str, acting: Callable[..., ContextManager[None]]) -> None:
        """Take the store's backend, name and tenant, and `CredentialManager.acting` of the caller."""
        self._backend = backend
        self._store = store
        self._tenant = tenant
        self._acting = acting

    def export(self, name: str) -> Portable:
        """Read a credential with all its versions; raises as `exporter.read_portable`."""
        with self._acting_as(EXPORT):
            return read_portable(self._backend, name, self._store, self._tenant)

    def plan_import(self, portable: Portable, key: bytes) -> Plan:
        """Compare `portable` with the stored credential; raises as `Importer.plan`. `key` is 32 random bytes, used in this run only."""
        with self._acting_as(IMPORT):
            return Importer(self._backend, self._store, self._tenant).plan(portable, key)

    def import_(self, portable: Portable, *, other_tenant: bool, lossy: bool) -> Dict[str, str]:
        """Write `portable`; returns and raises as `Importer.write`.

        Args:
            portable: from `export` of another store.
            other_tenant: import even if the source has another tenant.
            lossy: import even if this store cannot keep all of it.
        """
        with self._acting_as(IMPORT):
            return Importer(self._backend, self._store, self._tenant).write(portable, other_tenant=other_tenant, lossy=lossy)

    def _acting_as(self, operation: str) -> ContextManager[None]:
        """Act under the name of the running operation, or `operation` if the library is called directly. Reads do not use the cache."""
        return self._acting(current_caller().operation or operation, cacheable=False)
