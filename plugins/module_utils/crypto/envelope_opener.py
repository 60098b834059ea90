# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Envelopes that a store hands out, opened and checked in the order of ENVELOPE rule 5."""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.crypto.envelope import (
    authentic,
    check_metadata,
    check_place,
    open_value,
)
from ansible_collections.nebula.credential.plugins.module_utils.crypto.high_water_marks import Mark, Marks
from ansible_collections.nebula.credential.plugins.module_utils.crypto.keyring import Keyring, OpenRing
from ansible_collections.nebula.credential.plugins.module_utils.crypto.master_key import MasterKey
from ansible_collections.nebula.credential.plugins.module_utils.crypto.rollback_check import check_newest, check_older, seen_in
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import (
    Envelope,
    envelope_metadata,
    identity_of,
    read_envelope,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import Misplaced, NotEncrypted, StorageError, WrongKey
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record


class Found(NamedTuple):
    """An envelope whose metadata is authentic, the key it is under, and the backend's version of it."""

    version: Optional[str]
    key: MasterKey
    envelope: Envelope


class Opener:
    """Opens what one store holds, for one tenant."""

    def __init__(self, keyring: Keyring, marks: Optional[Marks], tenant: str, warn: Callable[[str], object]) -> None:
        """Take the keys, the high-water marks (None for a store that ends with its process), the tenant and where warnings go."""
        self._keyring = keyring
        self._marks = marks
        self._tenant = tenant
        self._warn = warn
        self._warned = False

    def mark(self, ring: OpenRing, identity: str) -> Optional[Mark]:
        """The mark of an object. Read it before the object: a writer stores the object first, so what is read next is no older."""
        return None if self._marks is None else self._marks.read(ring, identity)

    def placed(self, record: Record, identity: str) -> Tuple[MasterKey, Envelope]:
        """The envelope of a record and the key it is under, if it belongs where it was found.

        Raises:
            NotEncrypted, Damaged, UnknownFormat, WrongKey, Misplaced: in this order.
        """
        if record.envelope is None:
            raise plain()
        envelope = read_envelope(record.envelope)
        key = self._keyring.key(envelope.header.key_id)
        check_place(envelope, self._tenant, identity)
        return key, envelope

    def authenticated(self, record: Record, mark: Optional[Mark]) -> Found:
        """What is stored now, its metadata authenticated and its value left alone: a write builds on its serial and identity.

        Raises:
            EncryptionError: as `opened`.
        """
        key, envelope = self.placed(record, identity_of(record.name, record.stage))
        check_metadata(key, envelope)
        check_newest(envelope, mark)
        return Found(record.version, key, envelope)

    def opened(self, ring: OpenRing, record: Record, mark: Optional[Mark]) -> Record:
        """The newest value of an object.

        Raises:
            NotEncrypted, Damaged, UnknownFormat, WrongKey, Misplaced, Tampered, RolledBack: in this order.
        """
        identity = identity_of(record.name, record.stage)
        key, envelope = self.placed(record, identity)
        opened = _record(record, key, envelope)
        if check_newest(envelope, mark):
            self._learn(ring, identity, envelope)
        return opened

    def opened_version(self, record: Record, mark: Optional[Mark], serial: Optional[str]) -> Record:
        """A kept version. `serial` is the version asked for, where the backend's versions are our serials. Raises as `opened`."""
        key, envelope = self.placed(record, identity_of(record.name, record.stage))
        if serial is not None and serial != str(envelope.header.serial):
            raise Misplaced("a genuine envelope that belongs to another version", remedy="Put it back, or restore from a backup.")
        opened = _record(record, key, envelope)
        check_older(envelope, mark)
        return opened

    def is_authentic(self, row: Record, envelope: Envelope) -> bool:
        """Whether listed metadata is what was written for this name."""
        try:
            check_place(envelope, self._tenant, identity_of(row.name, row.stage))
            return authentic(self._keyring.key(envelope.header.key_id), envelope)
        except (WrongKey, Misplaced):
            return False

    def _learn(self, ring: OpenRing, identity: str, envelope: Envelope) -> None:
        """Follow a value that somebody else wrote. A place that cannot be written does not keep anybody from reading."""
        if self._marks is None:
            return
        try:
            self._marks.advance(ring, identity, seen_in(envelope), durable=False)
        except StorageError as problem:
            if not self._warned:
                self._warned = True
                self._warn("{0} Until then an older value that is put back is not noticed.".format(problem))


def plain() -> NotEncrypted:
    """The error for a value that is no envelope (rule 6)."""
    return NotEncrypted(
        "a plain value where the store is configured as encrypted",
        remedy="Remove it, or put the value in through the collection. A plain store says 'encrypt: false'.",
    )


def _record(record: Record, key: MasterKey, envelope: Envelope) -> Record:
    header = envelope.header
    fields, state = open_value(key, envelope)
    metadata = envelope_metadata(envelope)
    return Record(
        name=record.name,
        type=header.type,
        fields=fields,
        state=state,
        metadata=metadata,
        stage=record.stage,
        version=record.version,
        serial=header.serial,
        record_id=header.record_id,
        revision=envelope.revision,
    )
