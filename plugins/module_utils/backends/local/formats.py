# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The encodings of a record in a file. The configuration sets the format of a store once (A2)."""

from __future__ import annotations

from typing import Callable, Mapping, NamedTuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.local import plain_formats
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.options import BINARY, ENCRYPTED, JSON, YAML
from ansible_collections.nebula.credential.plugins.module_utils.encoding import envelope as sealed
from ansible_collections.nebula.credential.plugins.module_utils.encoding.record_json import read_document, write_document
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, NotEncrypted
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record


class Format(NamedTuple):
    """A file format for records.

    `admit` checks that a new record is of this format's kind, and returns a record with its serial, identity
    and revision. `write` returns the file's bytes; `read` takes name, stage and the file's bytes. `identify` reads the parts that a
    writer compares, and may leave out the metadata.
    """

    extension: str
    admit: Callable[[Record], Record]
    write: Callable[[Record], bytes]
    read: Callable[[str, str, bytes], Record]
    identify: Callable[[str, str, bytes], Record]


def _envelope_of(record: Record) -> bytes:
    if record.envelope is None:
        raise NotEncrypted(
            "a plain value was given to a store whose format is 'encrypted'",
            name=record.name,
            remedy="Leave 'encrypt' at true, or choose a plain 'format' and write 'allow_plaintext: true'.",
        )
    return record.envelope


def _admit_envelope(record: Record) -> Record:
    return _identify_envelope(record.name, record.stage, _envelope_of(record))


def _identify_envelope(name: str, stage: str, data: bytes) -> Record:
    """Return the serial, identity and revision of an envelope. Every write calls this twice, and metadata is the slowest part to read."""
    envelope = sealed.read_envelope(data)
    header = envelope.header
    return Record(
        name,
        header.type,
        stage=stage,
        version=str(header.serial),
        serial=header.serial,
        record_id=header.record_id,
        revision=envelope.revision,
        envelope=data,
        verified=False,
    )


def _admit_plain(record: Record) -> Record:
    if record.envelope is not None:
        raise InvalidConfiguration(
            "an encrypted value was given to a store whose format is plain",
            option="format",
            name=record.name,
            remedy="Write 'encrypt: false' with the plain format, or use 'format: encrypted'.",
        )
    return record


def _plain(extension: str, codec: plain_formats.Codec) -> Format:
    def write(record: Record) -> bytes:
        return codec.write(write_document(record))

    def read(name: str, stage: str, data: bytes) -> Record:
        return read_document(name, stage, codec.read(data))

    return Format(extension, _admit_plain, write, read, read)


FORMATS: Mapping[str, Format] = {
    ENCRYPTED: Format(".enc", _admit_envelope, _envelope_of, sealed.public_record, _identify_envelope),
    JSON: _plain(".json", plain_formats.JSON),
    YAML: _plain(".yaml", plain_formats.YAML),
    BINARY: _plain(".bin", plain_formats.BINARY),
}
