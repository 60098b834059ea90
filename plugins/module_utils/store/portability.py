# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Export and import of one store, on behalf of one caller."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Callable, ContextManager, Dict, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import swap_conflict
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import check_takes_writes
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import current_caller
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.importing import EXPORT, IMPORT, mark_moving, without_marks
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, Record
from ansible_collections.nebula.credential.plugins.module_utils.store.exporter import find_stage, read_place, read_portable, refuse_leased
from ansible_collections.nebula.credential.plugins.module_utils.store.importer import Importer, Plan, same_place_error
from ansible_collections.nebula.credential.plugins.module_utils.store.portable import Place, Portable
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import Clock, Reader
from ansible_collections.nebula.credential.plugins.module_utils.store.stages import read_deletable
from ansible_collections.nebula.credential.plugins.module_utils.store.writer import Writer


class Portability:
    """Reads and writes credentials unchanged. Threads may share it. The store's place is read once.

    Attributes:
        store: the store's name.
    """

    def __init__(self, backend: Backend, store: str, tenant: str, clock: Clock, acting: Callable[..., ContextManager[None]]) -> None:
        """Take the store's backend, name, tenant and clock, and `CredentialManager.acting` of the caller."""
        self.store = store
        self._backend = backend
        self._tenant = tenant
        self._clock = clock
        self._acting = acting

    @cached_property
    def place(self) -> Place:
        """Where the store keeps its records."""
        with self._acting_as(EXPORT):
            return read_place(self._backend)

    def check_apart(self, other: Portability) -> None:
        """Check that credentials can be moved to another store.

        Raises:
            InvalidInput: one of both keeps no credentials, or both are one place under two names.
        """
        for store in (self, other):
            refuse_leased(store._backend)
        if self.place.is_same(other.place):
            raise same_place_error(self.store, other.store)

    def export(self, name: str) -> Portable:
        """Read a credential with all its versions; raises as `exporter.read_portable`."""
        with self._acting_as(EXPORT):
            return read_portable(self._backend, name, self.store, self._tenant, self.place)

    def plan_import(self, portable: Portable, key: bytes) -> Plan:
        """Compare `portable` with the stored credential; raises as `Importer.plan`. `key` is 32 random bytes, used in this run only."""
        with self._acting_as(IMPORT):
            return self._importer.plan(portable, key)

    def import_(self, portable: Portable, *, other_tenant: bool, lossy: bool) -> Dict[str, str]:
        """Write `portable`; returns and raises as `Importer.write`.

        Args:
            portable: from `export` of another store.
            other_tenant: import even if the source has another tenant.
            lossy: import even if this store cannot keep all of it.
        """
        with self._acting_as(IMPORT):
            return self._importer.write(portable, other_tenant=other_tenant, lossy=lossy)

    def bring(
        self, portable: Portable, key: bytes, ours: Optional[Etag], *, other_tenant: bool, lossy: bool
    ) -> Tuple[Plan, Dict[str, str], Etag]:
        """Write `portable`, and read it again. Return what was done, the new versions, and the state that was read.

        The arguments are those of `Importer.bring`.

        Raises:
            Conflict: the store holds something else than what was written.
            CredentialError: as `Importer.bring`.
        """
        with self._acting_as(IMPORT):
            plan, versions, since = self._importer.bring(portable, key, ours, other_tenant=other_tenant, lossy=lossy)
            return plan, versions, self._importer.verify(portable, key, since)

    def check_takes_writes(self, name: str) -> None:
        """Raise what a write of a credential would fail with, if the store takes none."""
        check_takes_writes(self._backend, name)

    def has(self, name: str) -> bool:
        """Whether there is a credential of that name, in any state."""
        with self._acting_as(EXPORT):
            return find_stage(self._backend, check_name(name), CURRENT) is not None

    def check_unchanged(self, name: str, expected: Etag) -> None:
        """Check that the current value is in the expected state.

        Raises:
            NotFound: there is none any more.
            Conflict: its version or its revision differs.
        """
        with self._acting_as(EXPORT):
            self._read_unchanged(name, expected)

    def _read_unchanged(self, name: str, expected: Etag) -> Record:
        found = self._backend.get(check_name(name))
        if not expected.matches(found):
            raise swap_conflict(name, expected, found)
        return found

    def hold(self, name: str, expected: Etag, source: str) -> Etag:
        """Mark a copy in the expected state, so that no other run deletes it in that state. Return its new state.

        `source` is the id of the record that it is a copy of; empty if it has none. Raises as `check_unchanged`.
        """
        with self._acting_as(IMPORT):
            found = self._read_unchanged(name, expected)
            return replace(self._backend.patch_metadata(mark_moving(found, source), found.revision).etag, source=None)

    def release(self, name: str, held: Etag) -> None:
        """Remove the mark of `hold`, if the copy has not changed since."""
        with self._acting_as(IMPORT):
            try:
                found = self._read_unchanged(name, held)
                self._backend.patch_metadata(without_marks(found), found.revision)
            except (Conflict, NotFound):
                pass  # Another run has changed it, or moved it on.

    def delete(self, name: str, expected: Etag) -> None:
        """Delete a credential that is in the expected state, which names version and revision.

        Raises:
            NotFound: there is none any more.
            Conflict: its version or its revision differs.
            RotationInProgress: it is rotating.
        """
        with self._acting_as(EXPORT):
            reader = Reader(self._backend, self._clock)
            found = read_deletable(reader, name, expected.version)
            if not expected.matches(found.record):
                raise swap_conflict(name, expected, found.record)
            Writer(self._backend, self._tenant, self._clock).delete(name, expected.version, seen=found)

    @property
    def _importer(self) -> Importer:
        return Importer(self._backend, self.store, self._tenant, self.place)

    def _acting_as(self, operation: str) -> ContextManager[None]:
        """Act under the name of the running operation, or `operation` if the library is called directly. Reads do not use the cache."""
        return self._acting(current_caller().operation or operation, cacheable=False)
