# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A layer that packs values into envelopes without encrypting them: a backend's handling of envelopes is tested apart from cryptography."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Dict, Iterable, Iterator, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.encoding import envelope as sealed
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope_metadata import write_metadata
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret


def seal(record: Record, serial: int, revision: int = 0) -> bytes:
    """An envelope of the real layout whose ciphertext is plain JSON."""
    parts = {
        part: {key: value.expose().hex() for key, value in values.items()} for part, values in (("f", record.fields), ("s", record.state))
    }
    identity = sealed.identity_of(record.name, record.stage)
    header = sealed.Header(
        bytes(16), bytes(32), bytes(12), record.record_id or os.urandom(16), identity, serial, record.type, record.full_metadata.scope
    )
    content = json.dumps(parts).encode("ascii") + bytes(sealed.TAG_SIZE)
    return sealed.write_envelope(
        sealed.write_header(header), content, revision, write_metadata(record.full_metadata), bytes(sealed.MAC_SIZE)
    )


def unseal(record: Record) -> Record:
    """The record with the values of its envelope, and without the envelope."""
    parts = json.loads(sealed.read_envelope(record.envelope or b"").ciphertext[: -sealed.TAG_SIZE])
    fields, state = ({key: Secret(bytes.fromhex(value)) for key, value in parts[part].items()} for part in "fs")
    return replace(record, fields=fields, state=state, envelope=None, verified=True)


class Sealing(Layer):
    """Seals on the way in, unseals on the way out, and repeats when another writer took the serial."""

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        while True:
            serial = record.serial or self.inner.last_serial(record.name, record.stage) + 1
            record = replace(record, record_id=record.record_id or self._identity(record))
            try:
                stored = self.inner.put(replace(record, envelope=seal(record, serial), serial=serial), expected, create=create)
            except Conflict:
                if create or expected is not None or record.serial is not None:
                    raise
                continue
            return replace(stored, envelope=None)

    def _identity(self, record: Record) -> Optional[bytes]:
        try:
            return self.inner.get(record.name, stage=record.stage).record_id
        except NotFound:
            return None

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        return unseal(self.inner.get(name, version, stage))

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        return {name: unseal(found) for name, found in self.inner.get_many(names).items()}

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        whole = replace(
            record, **{part: getattr(self.get(record.name, record.version, record.stage), part) for part in ("fields", "state")}
        )
        patched = replace(record, envelope=seal(whole, record.serial or 0, expected_revision + 1))
        return replace(self.inner.patch_metadata(patched, expected_revision), envelope=None)

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        return (replace(record, envelope=None) for record in self.inner.list(wanted))
