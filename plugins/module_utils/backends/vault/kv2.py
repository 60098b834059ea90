# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""KV version 2 as its users expect it: one key per field, KV's own versions, metadata next to the value (A4, J3).

A put is two requests: the value, by compare-and-swap, then its metadata, under keys that name the version. A process killed
in between leaves a complete value with the metadata of the version before, without the parts that belong to one value only.
A delete is a version without a value: so it is a compare-and-swap too, and no version number is used twice.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import (
    BackendContext,
    Capabilities,
    Filter,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import (
    absent,
    check_revision,
    check_swap,
    document_conflict,
    is_serial,
    next_serial,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.conflict_retry import attempts
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Recoverable
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connected_backend import Connected
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_document import read_document, write_document
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_metadata import (
    check_room,
    describe_version,
    find_description,
    mark_deleted,
    newest_deleted_version,
    with_deleted,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_records import build_listing_row, record_of, row_of
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_requests import (
    Kv2Requests,
    LostRace,
    SecretMetadata,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv_fields import (
    DELETED,
    METADATA,
    Description,
    write_data,
    write_description,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.mount import STORE, Location
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import KV2
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.pending_writes import PendingWrites
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.tree_walk import walk
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Damaged,
    InvalidConfiguration,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.importing import is_importing
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Record, VersionInfo
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT

_RECORD_ID_SIZE = 16
_LONGEST_NUMBER = 18


class _CurrentVersion(NamedTuple):
    """The state that a write finds: the newest version's number (0: there never was one), and its record unless it was deleted."""

    number: int
    record: Optional[Record]

    @property
    def is_recreated(self) -> bool:
        """Whether a new value starts another credential: there was one, and it was deleted."""
        return self.record is None and self.number > 0


class Kv2(Connected, Recoverable):
    """Credentials as plain secrets of KV version 2."""

    capabilities = Capabilities(
        versions=True,
        native_cas=True,
        stages=True,
        soft_delete=True,
        envelopes=True,
        native=True,
        remote=True,
        server_side_encryption=True,
    )
    options = KV2

    def __init__(self, options: Mapping[str, Any], context: BackendContext, connection: Connection) -> None:
        """Take the store's options, and the connection, which this backend closes. Sends nothing.

        Raises:
            InvalidConfiguration: `mount` or `prefix` is not a path, or `keep_versions` is negative.
        """
        super().__init__(options, context)
        self._connection = connection
        self._location = Location.of(options)
        self._requests = Kv2Requests(connection, self._location.mount)
        self._unfinished = PendingWrites()
        if self.setting("keep_versions") < 0:
            what = "{0} is too small".format(self.setting("keep_versions"))
            raise InvalidConfiguration(what, option="keep_versions", remedy="Give 0 or more.")

    @property
    def _tenant(self) -> str:
        return self.settings.get("tenant") or DEFAULT_TENANT

    def put(self, record: Record, expected_version: Optional[str] = None, *, create: bool = False) -> Record:
        """As the contract says. A `serial` in the record must be new; the server counts its own."""
        place, data = self._location.place(record.name, record.stage), _data(record)
        check_room(_description(record, bytes(_RECORD_ID_SIZE), 0), record.name)
        base = self._find_expected(expected_version, create)
        for _each in attempts(record.name):
            if base is None:
                base = self._read_current(record.name, record.stage)
                check_swap(record.name, base.record, expected_version, create)
            next_serial(record.name, record.serial, base.number)
            try:
                with self._unfinished.claiming(place, partial(self._claim, place, record, data, base)):
                    value = self._requests.write(place, data, base.number)
            except LostRace:
                base = None
                continue
            return self._write_description(place, record, value, new=base.is_recreated)
        raise AssertionError

    def _claim(self, place: str, record: Record, data: Mapping[str, Any], base: _CurrentVersion) -> None:
        """Describe the value of a put whose response was lost, if it is stored and not yet described."""
        value = self._requests.read(place)
        ours = value is not None and (value.version.number, value.data) == (base.number + 1, dict(data))
        if value is not None and ours and not find_description(value.custom, value.version.number, record.name).own:
            self._write_description(place, record, value, new=base.is_recreated)

    def _find_expected(self, expected: Optional[str], create: bool) -> Optional[_CurrentVersion]:
        """Return the state that the server itself compares, so that nothing has to be read first; None if it must be read."""
        if expected is not None and not create and _is_number(expected):
            return _CurrentVersion(int(expected), Record(""))
        return _CurrentVersion(0, None) if create and expected is None else None

    def _read_current(self, name: str, stage: str) -> _CurrentVersion:
        place = self._location.place(name, stage)
        value = self._requests.read(place)
        if value is None:
            sheet = self._requests.sheet(place)
            return _CurrentVersion(sheet.current if sheet else 0, None)
        self._bury_marked(place, value)
        return _CurrentVersion(value.version.number, record_of(name, stage, value, self._tenant))

    def _write_description(self, place: str, record: Record, value: Value, new: bool) -> Record:
        """Send the second request of a put. `new`: the previous value was deleted."""
        number = value.version.number
        custom = with_deleted(value.custom, number - 1) if new else value.custom
        record_id = record.record_id or _identity(custom, number, record.name) or os.urandom(_RECORD_ID_SIZE)
        change = describe_version(custom, number, _description(record, record_id, 0))
        if new:
            change.update(with_deleted({}, number - 1))
        most = self.setting("keep_versions") + 1 if number == 1 else None
        self._unfinished.finish(place, "metadata", lambda: self._requests.describe(place, change, most))
        return replace(record, version=str(number), serial=number, record_id=record_id, revision=0)

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        place = self._location.place(name, stage)
        self._unfinished.catch_up(place)
        if version is not None:
            return self._version(name, version, stage)
        record = record_of(name, stage, self._requests.read(place), self._tenant)
        if record is None:
            raise absent(name, stage=stage)
        return record

    def _version(self, name: str, version: str, stage: str) -> Record:
        found = None
        if _is_number(version):
            value = self._requests.read(self._location.place(name, stage), int(version))
            found = record_of(name, stage, value, self._tenant)
        if found is None or found.version != version:
            raise absent(name, version, stage, [info.version for info in self._list_kept(name, stage)])
        return found

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        """As the contract says. If the server cannot compare metadata (HashiCorp Vault), the later of two concurrent changes wins."""
        place = self._location.place(record.name, record.stage)
        for _each in attempts(record.name):
            sheet = self._requests.sheet(place)
            found = row_of(record.name, record.stage, sheet, self._tenant)
            if sheet is None or found is None:
                raise absent(record.name, stage=record.stage)
            check_revision(found, record, record.version, expected_revision)
            record_id = found.record_id or os.urandom(_RECORD_ID_SIZE)
            try:
                self._patch(place, sheet, _description(record, record_id, expected_revision + 1), record.name)
            except LostRace:
                continue
            return replace(record, serial=sheet.current, record_id=record_id, revision=expected_revision + 1)
        raise AssertionError

    def _patch(self, place: str, sheet: SecretMetadata, description: Description, name: str) -> None:
        check_room(description, name)
        self._requests.describe(place, describe_version(sheet.custom, sheet.current, description), None, sheet.revision)

    def delete(self, name: str, *, stage: str = CURRENT, expected_version: Optional[str] = None, recoverable: bool = False) -> None:
        place = self._location.place(name, stage)
        base = None if recoverable else self._find_expected(expected_version, False)
        for _each in attempts(name):
            if base is None:
                base = self._read_current(name, stage)
                if base.record is None:
                    raise absent(name, stage=stage)
                check_swap(name, base.record, expected_version)
            try:
                if recoverable:
                    self._hide(place, base.number)
                    return
                with self._unfinished.claiming(place, lambda: self._bury_marked(place, self._requests.read(place))):
                    value = self._requests.write(place, {DELETED: datetime.now(timezone.utc).isoformat()}, base.number)
            except LostRace:
                base = None
                continue
            self._unfinished.finish(place, "the removal of its versions", partial(self._bury, place, value))
            return

    def _hide(self, place: str, number: int) -> None:
        """Delete a version recoverably. Undelete it if another was written meanwhile, because KV does not compare here.

        Raises:
            LostRace: another version was written.
        """
        self._requests.delete(place, [number])
        sheet = self._requests.sheet(place)
        if sheet is not None and sheet.current != number:
            self._requests.undelete(place, [number])
            raise LostRace("another version was written meanwhile")

    def _bury(self, place: str, value: Value) -> None:
        """Remove the metadata, and destroy every version up to this one. The number of the last one stays."""
        number = value.version.number
        used_before = 0 < newest_deleted_version(value.custom) < number
        self._requests.describe(place, mark_deleted(value.custom, number), None)
        whole = self._whole(place, number) if used_before else range(1, number + 1)
        if whole:
            self._requests.destroy(place, whole)

    def _whole(self, place: str, last: int) -> Sequence[int]:
        """Return the versions up to `last` that are not destroyed: an earlier credential of the name may have left undeletable ones."""
        sheet = self._requests.sheet(place)
        return [version.number for version in sheet.versions if version.number <= last and not version.destroyed] if sheet else []

    def _bury_marked(self, place: str, value: Optional[Value]) -> None:
        """Finish a delete whose process was killed, or lost the connection, before the older values were destroyed."""
        if value is not None and value.data is not None and DELETED in value.data:
            self._bury(place, value)

    def restore(self, name: str, stage: str = CURRENT, *, version: Optional[str] = None, check: bool = False) -> Record:
        """Undelete the newest version, if it was deleted recoverably (`recoverable`, `bao kv delete`).

        Returns:
            The record; with `check` without its fields, which cannot be read until it is undeleted.
        """
        place = self._location.place(name, stage)
        row = row_of(name, stage, self._requests.sheet(place), self._tenant, undeletable=True)
        if row is None:
            raise absent(name, stage=stage)
        check_swap(name, row, version)
        if check:
            return row
        self._requests.undelete(place, [int(row.version or 0)])
        return self.get(name, stage=stage)

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        for name, sheet in walk(self._requests.folder, self._location.folder(wanted.stage), wanted.prefix):
            row = build_listing_row(name, wanted.stage, sheet, self._tenant)
            if row is not None:
                yield Record(name, stage=wanted.stage) if wanted.names_only else row

    def versions(self, name: str) -> List[VersionInfo]:
        infos = self._list_kept(name, CURRENT)
        if not infos:
            raise absent(name)
        return infos

    def _list_kept(self, name: str, stage: str) -> List[VersionInfo]:
        sheet = self._requests.sheet(self._location.place(name, stage))
        newest = None if sheet is None or sheet.newest is None or sheet.newest.deleted else sheet.newest
        if sheet is None or newest is None:
            return []
        first = newest_deleted_version(sheet.custom) + 1
        kept = [version for version in sheet.versions if version.number >= first and not version.deleted]
        return [VersionInfo(str(version.number), version.written_at, version is newest) for version in kept]

    def last_serial(self, name: str, stage: str = CURRENT) -> int:
        sheet = self._requests.sheet(self._location.place(name, stage))
        return sheet.current if sheet is not None else 0

    def read_store_document(self) -> Optional[bytes]:
        found = read_document(self._requests, self._location.within(STORE))
        return found.content if found else None

    def write_store_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        place = self._location.within(STORE)
        found = read_document(self._requests, place)
        if (found.content if found else None) != replaces:
            raise document_conflict()
        write_document(self._requests, place, content, found.version if found else None)


def _data(record: Record) -> Dict[str, Any]:
    """Return the keys of a value. A stage carries its metadata inside: no other tool reads it, and a journal is only metadata.

    So does an imported version: it must not be read before it is described, and keeps its own metadata when it is replaced.
    """
    data = write_data(record)
    if record.stage != CURRENT or is_importing(record.full_metadata):
        data[METADATA] = write_description(_description(record, record.record_id or os.urandom(_RECORD_ID_SIZE), 0))
    return data


def _description(record: Record, record_id: bytes, revision: int) -> Description:
    return Description(record.type, record.full_metadata, record_id, revision)


def _identity(custom: Mapping[str, str], number: int, name: str) -> Optional[bytes]:
    try:
        found = find_description(custom, number, name).description
    except Damaged:
        return None  # the new description replaces it
    return found.record_id if found else None


def _is_number(version: str) -> bool:
    return is_serial(version) and len(version) <= _LONGEST_NUMBER
