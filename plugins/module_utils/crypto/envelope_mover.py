# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moving every envelope of a store to the active master key (ENVELOPE rule 12).

Writers that took the old key before the new one was durable may still store with it, so passes repeat until one finds nothing left.
Each pass reads every value of every stage. A kept version never changes, so it is read until it has the new key, and then no more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Dict, Iterable, Iterator, List, Optional, Sized, Tuple

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
        self._settled: Dict[str, Optional[str]] = {}
        """By name: the version of the current value whose kept versions all have the active key."""
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
        current = self._read_row(row)
        if current is None:
            return
        own = self._move_and_note(Record(row.name, stage=row.stage), None if current.problem else current)
        if row.stage != CURRENT:
            return
        kept = [
            self._move_and_note(Record(each.name, version=each.version), None if each.problem else each)
            for each in self._list_kept(current)
        ]
        if own and all(kept):
            self._settled[row.name] = current.version

    def _move_and_note(self, wanted: Record, found: Optional[Record]) -> bool:
        """Move one envelope. Return False if it cannot be moved; the reason is noted."""
        try:
            if self._move(wanted, found):
                self._moved.append(wanted.name)
            return True
        except CredentialError as problem:
            self._problems.append(problem.within(name=wanted.name, store=self._backend.context.store))
            return False

    def _list_rows(self, stage: str) -> Iterable[Record]:
        """Return what has a value in a stage. A server lists envelopes, many in one request; elsewhere names alone are listed faster."""
        if self._backend.capabilities.remote:
            return self._backend.list(Filter(stage=stage))
        return list(self._backend.list(Filter(stage=stage, names_only=True)))

    def _read_row(self, row: Record) -> Optional[Record]:
        """Return the value of a listed row, with a `problem` if it cannot be read; None if there is none any more."""
        if row.envelope is not None:
            return row
        try:
            return self._backend.get(row.name, None, row.stage)
        except NotFound:
            return None
        except CredentialError as problem:
            # Moving it reports the error; its kept versions are moved all the same.
            return Record(row.name, stage=row.stage, problem=problem)

    def _list_kept(self, current: Record) -> List[Record]:
        """Return the kept versions to be moved. Nothing came before a first value, and only a new value adds to what was moved already."""
        is_settled = current.version is not None and self._settled.get(current.name) == current.version
        if current.serial == 1 or is_settled or not self._backend.capabilities.versions:
            return []
        try:
            return require_protocol(self._backend, EnvelopeRewriter, current.name).read_kept(current)
        except EncryptionError:  # moving the value itself reports the error
            return []

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
