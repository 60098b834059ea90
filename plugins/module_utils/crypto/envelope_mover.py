# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moving every envelope of a store to the active master key (ENVELOPE rule 12).

Writers that took the old key before the new one was durable may still store with it, so passes repeat until one finds nothing left.
Each pass reads every value of every stage. A kept version never changes, so it is read until it has the new key, and then no more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Iterable, Iterator, List, Optional, Set, Sized, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import EnvelopeRewriter, require_protocol
from ansible_collections.nebula.credential.plugins.module_utils.context.progress import count_each
from ansible_collections.nebula.credential.plugins.module_utils.crypto.envelope import check_place, under_key
from ansible_collections.nebula.credential.plugins.module_utils.crypto.keyring import Keyring, OpenRing
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import identity_of, read_envelope
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    CredentialError,
    EncryptionError,
    NotEncrypted,
    NotFound,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, STAGES, Record

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.context.parallel import Parallelism

_ATTEMPTS = 100
_FILES_AT_ONCE = 8


class EnvelopeMover:
    """One rotation's move of the envelopes of a store."""

    def __init__(self, keyring: Keyring, ring: OpenRing, tenant: str) -> None:
        """Take the store's keys, the ring with the active key, and the store's tenant."""
        self._keyring = keyring
        self._backend = keyring.backend
        self._ring = ring
        self._tenant = tenant
        self._settled: Set[Tuple[str, str]] = set()
        self._moved: List[str] = []
        self._problems: List[CredentialError] = []

    def move_all(self) -> int:
        """Move everything. Return how many envelopes were under another key. Each credential counts as progress.

        Raises:
            CredentialError: one cannot be moved. The others were.
        """
        total = 0
        while True:
            self._moved, self._problems = [], []
            self._make_pass()
            total += len(self._moved)
            if not self._moved:
                if self._problems:
                    raise self._problems[0] from None
                return total

    def _make_pass(self) -> None:
        for stage in STAGES:
            rows = self._list_rows(stage)
            total = len(rows) if isinstance(rows, Sized) else None
            ended = self._move_rows(rows)
            for _row in count_each(ended, total) if stage == CURRENT else ended:
                pass

    def _move_rows(self, rows: Iterable[Record]) -> Iterator[None]:
        """Move what is listed, several rows in flight. Yield once for each row that is done."""
        parallelism = self._find_parallelism()
        return map(self._move_row, rows) if parallelism is None else parallelism.map(rows, self._move_row)

    def _find_parallelism(self) -> Optional[Parallelism]:
        """Return how many rows are moved at once. In files several are, too: a disk syncs many of them in about the time of one."""
        capabilities = self._backend.capabilities
        if self._backend.context.parallelism is None and capabilities.persistent and not capabilities.remote:
            # Imported here: it loads slowly, and only a rotation needs it.
            from ansible_collections.nebula.credential.plugins.module_utils.context.parallel import Parallelism

            return Parallelism(_FILES_AT_ONCE)
        return self._backend.context.parallelism

    def _move_row(self, row: Record) -> None:
        """Move the envelopes of one row. Several threads do this."""
        for wanted, read in self._list_envelopes(row):
            try:
                if self._move(wanted, read):
                    self._moved.append(wanted.name)
            except CredentialError as problem:
                self._problems.append(problem.within(name=row.name, store=self._backend.context.store))

    def _list_rows(self, stage: str) -> Iterable[Record]:
        """Return what has a value in a stage. A server lists envelopes, many in one request; elsewhere names alone are listed faster."""
        if self._backend.capabilities.remote:
            return self._backend.list(Filter(stage=stage))
        return list(self._backend.list(Filter(stage=stage, names_only=True)))

    def _list_envelopes(self, row: Record) -> List[Tuple[Record, Optional[Record]]]:
        """Return what is to be moved of a stage, each with the value that was read: its own, and with the current one its kept versions."""
        name, stage = row.name, row.stage
        try:
            read: Optional[Record] = self._backend.get(name, None, stage) if row.envelope is None else row
        except NotFound:
            return []
        except CredentialError:
            read = None  # moving it reports the error; its kept versions are moved all the same
        # Nothing came before a first value.
        has_kept = stage == CURRENT and (read is None or read.serial != 1)
        kept = list_kept_versions(self._backend, name) if has_kept else []
        left = [Record(name, version=version) for version in kept if (name, version) not in self._settled]
        return [(Record(name, stage=stage), read), *((version, None) for version in left)]

    def _move(self, wanted: Record, found: Optional[Record]) -> bool:
        """Move one envelope to the active key, unless it has it. Byte for byte compare-and-swap, so a newer value is never lost.

        Args:
            wanted: name, stage and version; a version of None means the stage's own value.
            found: the value, if it was read. After a lost race it is read again.
        """
        for _each in range(_ATTEMPTS):
            try:
                found = found or self._backend.get(wanted.name, wanted.version, wanted.stage)
                moved = put_under_active_key(self._keyring, self._ring, self._tenant, found)
                if moved is not None:
                    require_protocol(self._backend, EnvelopeRewriter, wanted.name).rewrite_envelope(*moved)
            except NotFound:
                return False
            except Conflict:
                found = None
                continue
            if wanted.version is not None:
                self._settled.add((wanted.name, wanted.version))
            return moved is not None
        raise Conflict("{0} other writes came first".format(_ATTEMPTS), remedy="Repeat when there is less traffic.")


def list_names(backend: Backend, stage: str) -> List[str]:
    """Return the names that have a value in a stage."""
    return [row.name for row in backend.list(Filter(stage=stage, names_only=True))]


def list_kept_versions(backend: Backend, name: str) -> List[str]:
    """Return the older versions of a credential that the backend keeps."""
    try:
        return [info.version for info in backend.versions(name) if not info.current] if backend.capabilities.versions else []
    except (NotFound, EncryptionError):  # moving the value itself reports the error
        return []


def put_under_active_key(keyring: Keyring, ring: OpenRing, tenant: str, found: Record) -> Optional[Tuple[Record, bytes]]:
    """Return the record with its envelope under the active key, and the envelope that it replaces; None if it is under that key."""
    if found.envelope is None:
        raise NotEncrypted("a plain value where the store is configured as encrypted", remedy="Remove it.")
    envelope = read_envelope(found.envelope)
    if envelope.header.key_id == ring.active.key_id:
        return None
    key = keyring.key(envelope.header.key_id)
    check_place(envelope, tenant, identity_of(found.name, found.stage))
    return replace(found, envelope=under_key(key, envelope, ring.active)), found.envelope
