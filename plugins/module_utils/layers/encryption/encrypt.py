# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encryption as a layer: it seals what is written (E1). `decrypt` opens and checks what is read.

The configuration alone decides whether a store is encrypted: this layer is there or it is not. If it is, it refuses anything plain
(ENVELOPE rule 6).
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime
from typing import Any, Iterable, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import absent, check_swap
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import (
    EnvelopeRewriter,
    FitChecker,
    KeyAdmin,
    Recoverable,
    find_protocol,
    flush_backend,
    require_protocol,
)
from ansible_collections.nebula.credential.plugins.module_utils.crypto import key_status as key_report
from ansible_collections.nebula.credential.plugins.module_utils.crypto.envelope import new_place, seal, under_key, with_metadata
from ansible_collections.nebula.credential.plugins.module_utils.crypto.envelope_opener import Found
from ansible_collections.nebula.credential.plugins.module_utils.crypto.high_water_marks import HighWaterMarks, Mark
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.entry import VaultPassword
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.registry import build_sources, check_dropped
from ansible_collections.nebula.credential.plugins.module_utils.crypto.keyring import EphemeralKeyring, Keyring, OpenRing
from ansible_collections.nebula.credential.plugins.module_utils.crypto.master_key import MasterKey
from ansible_collections.nebula.credential.plugins.module_utils.crypto.rollback_check import mark_of
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import identity_of, read_envelope
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    Conflict,
    CredentialError,
    EncryptionError,
    InvalidInput,
    NotFound,
    Tampered,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import find_source, name_source
from ansible_collections.nebula.credential.plugins.module_utils.layers.encryption.decrypt import Decrypt, without_document
from ansible_collections.nebula.credential.plugins.module_utils.model.key_status import EnsuredKey, Rotated
from ansible_collections.nebula.credential.plugins.module_utils.model.record import ABSENT, CURRENT, Etag, LastSerial, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT

_ATTEMPTS = 100
"""Attempts of a write without an expected version, against other writers. In each round at least one of the writers succeeds."""
_LAST_SERIAL = 2**63


def wrap_in_encryption(backend: Backend, configuration: Mapping[str, Any], vault_password: Optional[VaultPassword] = None) -> Encrypt:
    """Wrap a backend as a store's configuration says.

    Args:
        backend: a backend that keeps envelopes.
        configuration: `tenant`, `key_sources` and `drop_sources` of the store; other options are not read.
        vault_password: returns the password of a vault id on the controller.

    Raises:
        InvalidConfiguration: `key_sources` or `drop_sources` are invalid.
    """
    tenant = configuration.get("tenant") or DEFAULT_TENANT
    if not backend.capabilities.persistent:
        return Encrypt(backend, EphemeralKeyring(backend), None, tenant)
    warn = backend.context.warn
    sources = build_sources(configuration.get("key_sources"), warn, vault_password)
    keyring = Keyring(backend, sources, configuration.get("drop_sources") or ())
    check_dropped(sorted(keyring.drop_sources), sources)
    return Encrypt(backend, keyring, HighWaterMarks(keyring, tenant, warn), tenant)


class Encrypt(Decrypt, FitChecker, KeyAdmin, Recoverable):
    """A backend of records around a backend of envelopes. Build it with `encrypted`."""

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        """Seal and store a value, always by compare-and-swap. A lost race is repeated if no version was expected (rule 4).

        A serial of the record is kept if it is higher than every serial used so far; else the record gets the next serial.
        """
        if record.full_metadata.scope.tenant != self.tenant:
            raise AccessDenied(
                "the scope does not match in 'tenant'",
                name=record.name,
                store=self.context.store,
                remedy="The tenant comes from the store's configuration. Use the store that is configured for that tenant.",
            )
        return self._put(record, expected, create, restored=False)

    def _put(self, record: Record, expected: Optional[Etag], create: bool, *, restored: bool) -> Record:
        with self.naming(record.name):
            key, stored = self._store(record, expected, create, restored)
            self._acknowledge(key, stored, restored)
            known = replace(record, version=stored.version, serial=stored.serial, record_id=stored.record_id, revision=0, envelope=None)
            return replace(known, source=stored)

    def _store(self, record: Record, expected: Optional[Etag], create: bool, restored: bool) -> Tuple[MasterKey, Record]:
        """Seal and store the value; repeat if another writer came first. Return the key and what was stored."""
        base = find_source(record.name, record.stage, expected)
        for _each in range(_ATTEMPTS):
            ring = self.keyring.open() or self.keyring.create()
            mark = self._read_mark(ring, record)
            is_empty = create and expected == ABSENT
            found = None if is_empty else self.find(record.name, record.stage, None if restored else mark, base)
            if found is not None and found.key.key_id != ring.active.key_id:
                ring = self.keyring.create()  # The keys may have been rotated since they were opened.
            vacancy = self.inner.read_vacancy(record.name, record.stage) if found is None else None
            offered = self._seal(ring, record, found, mark, vacancy)
            replaced = vacancy.etag if vacancy is not None and expected in (None, ABSENT) else _name_replaced(expected, found)
            try:
                stored = self.inner.put(offered, replaced, create=create or replaced == ABSENT)
                flush_backend(self.inner)
                return ring.active, replace(offered, version=stored.version, source=stored.source)
            except Conflict:
                if create or (expected is not None and base is None):
                    raise
                base = None  # The state may be the expected one all the same: a rotation of the master key changes only the envelope.
        raise _too_busy()

    def _read_mark(self, ring: OpenRing, record: Record) -> Optional[Mark]:
        if self.marks is not None:
            self.marks.prepare(ring)
        return self.opener.mark(ring, identity_of(record.name, record.stage))

    def _seal(self, ring: OpenRing, record: Record, found: Optional[Found], mark: Optional[Mark], vacancy: Optional[LastSerial]) -> Record:
        last = found.envelope.header.serial if found else vacancy.serial if vacancy else 0
        serial = max(last + 1, mark.serial + 1 if mark else 0, record.serial or 0)
        if serial >= _LAST_SERIAL:
            raise _serial_error(last, mark, found is not None)
        record_id = found.envelope.header.record_id if found else os.urandom(16)
        place = new_place(identity_of(record.name, record.stage), record_id, serial, record.type, record.full_metadata.scope)
        envelope = seal(ring.active, place, record.fields, record.state, record.full_metadata)
        return replace(record, fields={}, state={}, envelope=envelope, version=None, serial=serial, record_id=record_id, revision=0)

    def _acknowledge(self, key: MasterKey, stored: Record, restored: bool = False) -> None:
        """Write the mark of a record that is durably stored, before the caller returns.

        In this order a crash never leaves a mark of a record that was lost (rule 8). The very first value needs no durable mark:
        there is nothing older that could replace it.
        """
        self._follow_rotation(key, stored)
        ring = self.keyring.open()
        if self.marks is not None and ring is not None:
            seen, identity = mark_of(read_envelope(stored.envelope or b"")), identity_of(stored.name, stored.stage)
            if restored:
                self.marks.restore(ring, identity, seen)
            else:
                self.marks.advance(ring, identity, seen, durable=(seen.serial, seen.revision) > (1, 0))

    def _follow_rotation(self, key: MasterKey, stored: Record) -> None:
        """Put the record under the new master key if its rotation began meanwhile: no write is acknowledged under the old key (rule 12)."""
        ring = self.keyring.reload()
        if ring is None or ring.active.key_id == key.key_id:
            return
        content = stored.envelope or b""
        moved = replace(stored, envelope=under_key(key, read_envelope(content), ring.active))
        for _each in range(_ATTEMPTS):
            try:
                require_protocol(self.inner, EnvelopeRewriter, moved.name).rewrite_envelope(moved, content)
            except (Conflict, NotFound):
                return  # another writer, most likely the rotation, has replaced it since
            try:
                flush_backend(self.inner)
                return
            except Conflict:
                continue
        raise _too_busy()

    def check_fits(self, record: Record) -> None:
        """Measure the envelope. Its size does not depend on the key, so it is sealed with a random one, which is dropped."""
        checker = find_protocol(self.inner, FitChecker)
        if checker is not None:
            place = new_place(identity_of(record.name, record.stage), bytes(16), 1, record.type, record.full_metadata.scope)
            envelope = seal(MasterKey.generate(), place, record.fields, record.state, record.full_metadata)
            checker.check_fits(replace(record, fields={}, state={}, envelope=envelope))

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        """Replace metadata without touching the ciphertext (rule 7).

        Raises:
            InvalidInput: the scope differs. Only a new version changes it.
            Conflict, NotFound: as the backend raises them.
        """
        base = find_source(record.name, record.stage, Etag(record.version, expected_revision, record.source))
        with self.naming(record.name):
            try:
                return self._patch_from(base, record, expected_revision)
            except Conflict:
                if base is None:
                    raise
                return self._patch_from(None, record, expected_revision)  # as in `_store`

    def _patch_from(self, base: Optional[Record], record: Record, expected_revision: int) -> Record:
        ring = self.keyring.open()
        mark = self.opener.mark(ring, identity_of(record.name, record.stage)) if ring else None
        found = self.find(record.name, record.stage, mark, base)
        if found is None:
            raise absent(record.name, stage=record.stage)
        _check_expected(record, found, expected_revision)
        return self._patch(record, found, expected_revision)

    def _patch(self, record: Record, found: Found, expected_revision: int) -> Record:
        header, revision = found.envelope.header, expected_revision + 1
        envelope = with_metadata(found.key, found.envelope, revision, record.full_metadata)
        known = replace(record, serial=header.serial, record_id=header.record_id, revision=revision, verified=True)
        offered = replace(known, fields={}, state={}, envelope=envelope, source=found.record.source)
        patched = self.inner.patch_metadata(offered, expected_revision)
        flush_backend(self.inner)
        self._acknowledge(found.key, offered)
        return replace(known, envelope=None, source=patched)

    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        """Remove a value, and record it as deleted. A value that cannot be opened any more can be deleted too."""
        try:
            ring = self.keyring.open()
        except EncryptionError:
            ring = None
        last = self._delete(ring, name, stage, expected, recoverable)
        if ring is not None and self.marks is not None and not recoverable:
            self.marks.bury(ring, identity_of(name, stage), last)

    def _delete(self, ring: Optional[OpenRing], name: str, stage: str, expected: Optional[Etag], recoverable: bool) -> Mark:
        """Delete exactly the state that was read, so that the mark covers that one and no newer one."""
        base = find_source(name, stage, expected)
        for _each in range(_ATTEMPTS):
            found = None if ring is None else self._find_or_broken(name, stage, base)
            deleted = _name_replaced(expected, found)
            try:
                self.inner.delete(name, stage=stage, expected=deleted, recoverable=recoverable)
                flush_backend(self.inner)
            except Conflict:
                if expected is not None and base is None:
                    raise
                base = None  # as in `_store`
                continue
            return mark_of(found.envelope) if found else Mark(bytes(16), self.inner.last_serial(name, stage), 0)
        raise _too_busy().within(name=name, store=self.context.store)

    def _find_or_broken(self, name: str, stage: str, base: Optional[Record]) -> Optional[Found]:
        """Return the record to delete, or None if it cannot be opened.

        Raises:
            NotFound: there is none.
        """
        try:
            found = self.find(name, stage, None, base)
        except EncryptionError:
            return None
        if found is None:
            raise absent(name, stage=stage)
        return found

    def restore(self, name: str, stage: str = CURRENT, *, version: Optional[str] = None, check: bool = False) -> Record:
        """Accept what is stored now although it is older than what was seen, or was deleted: only on explicit request (rule 8).

        The value is written again as a version above every version ever seen, and the mark enters a new epoch. So other
        controllers accept it too, and what was rolled back stays refused.

        Returns:
            The new version; with `check` the version that is stored.

        Raises:
            NotFound: nothing is stored.
            Conflict: it is not `version`.
            EncryptionError: what is stored is not genuine.
        """
        with self.naming(name):
            record = self.inner.get(name, stage=stage)
            ring = self.keyring.open()
            if ring is None:
                raise without_document()
            check_swap(name, record, None if version is None else Etag(version))
            opened = self.opener.open(ring, record, None)
            return opened if check else self._put(opened, opened.etag, False, restored=True)

    def subkey(self, label: str) -> Tuple[bytes, bytes]:
        """Return the id of the active key, and a key of 32 bytes derived from it for one purpose (labels: `crypto.primitives`)."""
        ring = self.keyring.create()
        return ring.active.key_id, ring.active.subkey(label)

    def ensure_key(self, *, check: bool = False) -> EnsuredKey:
        """Give every configured key source a slot; see `crypto.key_status`."""
        return key_report.ensure_key(self.keyring, check)

    def rotate_master_key(
        self,
        *,
        compromised: bool = False,
        drop_sources: Iterable[str] = (),
        keep_until: Optional[datetime] = None,
        check: bool = False,
    ) -> Rotated:
        """Put every envelope under a new master key; see `crypto.master_key_rotation`. Imported here: nothing else needs it."""
        from ansible_collections.nebula.credential.plugins.module_utils.crypto import master_key_rotation

        if check:
            return master_key_rotation.plan_rotation(
                self.keyring, compromised=compromised, drop_sources=drop_sources, keep_until=keep_until
            )
        return master_key_rotation.rotate_master_key(
            self.keyring, self.marks, self.tenant, compromised=compromised, drop_sources=drop_sources, keep_until=keep_until
        )


def _serial_error(last: int, mark: Optional[Mark], stored: bool) -> CredentialError:
    """Return the error for a serial that is too high. It says where that serial comes from."""
    if last + 1 >= _LAST_SERIAL and stored:
        what, remedy = "the stored version", "Delete the credential by force, or restore an older version of it."
    elif last + 1 >= _LAST_SERIAL:
        what, remedy = "the record of the deleted credential", "Remove that record (a local store's tombstone), or use another name."
    elif mark is not None and mark.serial + 1 >= _LAST_SERIAL:
        what, remedy = "the high-water mark of this user", "Remove the mark to rebuild it from what the store holds, or use another name."
    else:
        return InvalidInput("a serial of {0} or more cannot be stored".format(_LAST_SERIAL), remedy="Give a lower serial, or none.")
    return Tampered("{0} has a serial so high that none can follow; no release counts that far".format(what), remedy=remedy)


def _name_replaced(expected: Optional[Etag], found: Optional[Found]) -> Optional[Etag]:
    """Return the state that a write replaces in the store: the expected one, else what was found; None if there is none."""
    if expected is None:
        return found and found.etag
    return name_source(expected, found and found.record)


def _too_busy() -> Conflict:
    return Conflict("{0} other writes came first".format(_ATTEMPTS), remedy="Repeat when there is less traffic.")


def _check_expected(record: Record, found: Found, expected_revision: int) -> None:
    there = found.envelope
    if (record.version, expected_revision) != (found.record.version, there.revision):
        raise Conflict(
            "version {0}, revision {1} was expected, and version {2}, revision {3} is stored".format(
                record.version, expected_revision, found.record.version, there.revision
            ),
            remedy="Read it again and repeat.",
        )
    if record.full_metadata.scope != there.header.scope:
        raise InvalidInput("a scope changes by a new version only", option="scope", remedy="Write the value again with the new scope.")
