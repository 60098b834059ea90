# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decrypts and checks the envelopes that a store returns, in the order of ENVELOPE rule 5."""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.crypto.envelope import (
    authentic,
    check_metadata,
    check_place,
    open_value,
)
from ansible_collections.nebula.credential.plugins.module_utils.crypto.high_water_marks import HighWaterMarks, Mark
from ansible_collections.nebula.credential.plugins.module_utils.crypto.keyring import Keyring, OpenRing
from ansible_collections.nebula.credential.plugins.module_utils.crypto.master_key import MasterKey
from ansible_collections.nebula.credential.plugins.module_utils.crypto.rollback_check import check_newest, check_older, mark_of
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import (
    Envelope,
    envelope_metadata,
    identity_of,
    read_envelope,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import Misplaced, NotEncrypted, StorageError, WrongKey
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Etag, Record


class Found(NamedTuple):
    """An envelope with authentic metadata, the key that it is encrypted with, and the record that holds it."""

    record: Record
    key: MasterKey
    envelope: Envelope

    @property
    def etag(self) -> Etag:
        """The state of the record that holds the envelope."""
        return Etag(self.record.version, self.envelope.revision, self.record.source)


class EnvelopeOpener:
    """Opens the envelopes of one store, for one tenant."""

    def __init__(self, keyring: Keyring, marks: Optional[HighWaterMarks], tenant: str, warn: Callable[[str], object]) -> None:
        """Take the keys, the high-water marks (None for a store that ends with its process), the tenant and the function for warnings."""
        self._keyring = keyring
        self._marks = marks
        self._tenant = tenant
        self._warn = warn
        self._warned = False

    def mark(self, ring: OpenRing, identity: str) -> Optional[Mark]:
        """Return the mark of an object. Call this before reading the object: a writer stores the object before it raises the mark,
        so an object read afterwards is never older than the mark.
        """
        return None if self._marks is None else self._marks.read(ring, identity)

    def read_placed(self, record: Record, identity: str) -> Tuple[MasterKey, Envelope]:
        """Return the key and the envelope of a record, if the envelope belongs to its name and stage.

        Raises:
            NotEncrypted, Damaged, UnknownFormat, WrongKey, Misplaced: in this order.
        """
        if record.envelope is None:
            raise not_encrypted_error()
        envelope = read_envelope(record.envelope)
        key = self._keyring.key(envelope.header.key_id)
        check_place(envelope, self._tenant, identity)
        return key, envelope

    def authenticate(self, record: Record, mark: Optional[Mark]) -> Found:
        """Return the stored envelope with authenticated metadata; the value stays encrypted. A write continues its serial and identity.

        Raises:
            EncryptionError: as `open`.
        """
        key, envelope = self.read_placed(record, identity_of(record.name, record.stage))
        check_metadata(key, envelope)
        check_newest(envelope, mark)
        return Found(record, key, envelope)

    def open(self, ring: OpenRing, record: Record, mark: Optional[Mark]) -> Record:
        """Return the newest value of an object, decrypted.

        Raises:
            NotEncrypted, Damaged, UnknownFormat, WrongKey, Misplaced, Tampered, RolledBack: in this order.
        """
        identity = identity_of(record.name, record.stage)
        key, envelope = self.read_placed(record, identity)
        opened = _record(record, key, envelope)
        if check_newest(envelope, mark):
            self._learn(ring, identity, envelope)
        return opened

    def open_version(self, record: Record, mark: Optional[Mark], serial: Optional[str]) -> Record:
        """Return a kept version. `serial` is the requested version if the backend's versions are our serials. Raises as `open`."""
        key, envelope = self.read_placed(record, identity_of(record.name, record.stage))
        if serial is not None and serial != str(envelope.header.serial):
            raise Misplaced("a genuine envelope that belongs to another version", remedy="Put it back, or restore from a backup.")
        opened = _record(record, key, envelope)
        check_older(envelope, mark)
        return opened

    def is_authentic(self, row: Record, envelope: Envelope) -> bool:
        """Return True if listed metadata is what was written for this name."""
        try:
            check_place(envelope, self._tenant, identity_of(row.name, row.stage))
            return authentic(self._keyring.key(envelope.header.key_id), envelope)
        except (WrongKey, Misplaced):
            return False

    def _learn(self, ring: OpenRing, identity: str, envelope: Envelope) -> None:
        """Raise the mark to a value that another user wrote. Reading works even if the mark cannot be written."""
        if self._marks is None:
            return
        try:
            self._marks.advance(ring, identity, mark_of(envelope), durable=False)
        except StorageError as problem:
            if not self._warned:
                self._warned = True
                self._warn("{0} Until then a rollback to an older value is not detected.".format(problem))


def not_encrypted_error() -> NotEncrypted:
    """Return the error for a value that is not an envelope (rule 6)."""
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
        source=record,
    )
