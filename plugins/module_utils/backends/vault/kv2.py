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
from typing import Any, Callable, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import CONNECTIONS, BackendContext, Capabilities, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import (
    absent,
    check_revision,
    check_swap,
    document_conflict,
    next_serial,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.conflict_retry import attempts, mark_outcome
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_fields import DELETED, Description
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Recoverable, VersionRemover
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connected_backend import Connected
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_descriptions import Descriptions
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_document import read_document, write_document
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_metadata import check_room, has_description, with_deleted
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_records import (
    RECORD_ID_SIZE,
    CurrentVersion,
    Source,
    build_listing_row,
    data_of,
    describe_record,
    find_deleted_at,
    find_identity,
    is_marked,
    is_number,
    list_kept,
    record_of,
    row_of,
    take_source,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_removal import Removal
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_requests import (
    Kv2Requests,
    LostRace,
    SecretMetadata,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_warnings import warn_about_deleted, warn_about_end
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.mount import STORE, Location
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import KV2
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.pending_writes import PendingWrites, Rest
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.tree_walk import find_stages, walk
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import ABSENT, CURRENT, Etag, Record, VersionInfo
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT

_CHECK = "the check that no other run came first"


class Kv2(Connected, Recoverable, VersionRemover):
    """Credentials as plain secrets of KV version 2."""

    capabilities = Capabilities(
        versions=True,
        native_cas=True,
        stages=True,
        soft_delete=True,
        envelopes=True,
        native=True,
        json_fields=True,
        remote=True,
        describes_later=True,
        server_side_encryption=True,
        parallel=CONNECTIONS,
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
        self._removal = Removal(self._requests, self._tenant)
        self._unfinished = PendingWrites()
        if self.setting("keep_versions") < 0:
            what = "{0} is too small".format(self.setting("keep_versions"))
            raise InvalidConfiguration(what, option="keep_versions", remedy="Give 0 or more.")

    @property
    def _tenant(self) -> str:
        return self.settings.get("tenant") or DEFAULT_TENANT

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        """As the contract says. A `serial` in the record must be new; the server counts its own."""
        place, data = self._location.place(record.name, record.stage), data_of(record)
        check_room(describe_record(record, bytes(RECORD_ID_SIZE), 0), record.name)
        base = self._find_expected(record.name, record.stage, expected, create)
        for _each in attempts(record.name):
            if base is None:
                base = self._read_current(record.name, record.stage)
                check_swap(record.name, base.record, expected, create)
            next_serial(record.name, record.serial, base.number)
            describe = partial(self._describe, place, record, base, expected, os.urandom(RECORD_ID_SIZE))
            try:
                with self._unfinished.claiming(place, Rest(self._requests, partial(self._claim, place, data, base, describe))):
                    value = self._requests.write(place, data, base.number)
            except LostRace:
                base = None
                continue
            return self._unfinished.finish(place, "its metadata", Rest(self._requests, partial(describe, value)))
        raise AssertionError

    def _claim(
        self, place: str, data: Mapping[str, Any], base: CurrentVersion, describe: Callable[..., Record], requests: Kv2Requests
    ) -> None:
        """Describe the value of a put whose response was lost, if it is stored and not yet described. Others may have replaced it since."""
        value = requests.read(place)
        if value is not None and value.version.number > base.number + 1:
            value = requests.read(place, base.number + 1)
        ours = value is not None and (value.version.number, value.data) == (base.number + 1, dict(data))
        if value is not None and ours and not has_description(value.custom, value.version.number):
            describe(value, requests)

    def _find_expected(self, name: str, stage: str, expected: Optional[Etag], create: bool) -> Optional[CurrentVersion]:
        """Return the state that a write expects, without reading a value; None if the value must be read.

        The server compares the version, and the response to the write shows whether the revision was the expected one.
        """
        if expected is None or expected == ABSENT:
            return CurrentVersion(0, None) if create else None
        if create or not is_number(expected.version or ""):
            return None
        source = take_source(name, stage, expected)
        if source is not None:
            return source
        if expected.revision is None:
            return CurrentVersion(int(expected.version or 0), Record(name))
        sheet = self._requests.sheet(self._location.place(name, stage))
        row = row_of(name, stage, sheet, self._tenant)
        return CurrentVersion(sheet.current, row) if sheet is not None and expected.matches(row) else None

    def _read_current(self, name: str, stage: str, *, deleting: bool = False) -> CurrentVersion:
        place = self._location.place(name, stage)
        value = self._requests.read(place)
        if value is None:
            return CurrentVersion(0 if deleting else self.last_serial(name, stage), None)
        self._removal.bury_marked(place, value)
        record = record_of(name, stage, value, self._tenant)
        return CurrentVersion(value.version.number, record, deleted_at=find_deleted_at(value))

    def _describe(
        self, place: str, record: Record, base: CurrentVersion, expected: Optional[Etag], new_id: bytes, value: Value, requests: Kv2Requests
    ) -> Record:
        """Do what follows the first request of a put.

        Raises:
            Conflict: the metadata had been changed when the value was written, or the version before had been deleted. Then the value
                is taken back. Or the metadata of the new version is another one already (`outcome_unknown`).
        """
        descriptions, name, number = Descriptions(requests), record.name, value.version.number
        descriptions.check_expected(place, name, value, base.number, expected)
        custom = with_deleted(value.custom, number - 1) if base.is_recreated else value.custom
        record_id = record.record_id or find_identity(custom, number, name) or new_id
        description = describe_record(record, record_id, 0)
        with mark_outcome(unknown=True):
            sheet = (requests.sheet(place) if base.number else None) or SecretMetadata(number, (), value.custom, 0)
        if base.record is not None:
            descriptions.check_not_deleted(place, name, value, base.number, sheet)
        most = self.setting("keep_versions") + 1 if number == 1 else None
        with mark_outcome(unknown=True):
            descriptions.write(place, name, value, description, sheet=sheet, new=base.is_recreated, most=most)
        if record.stage == CURRENT:
            warn_about_end(self.context, name, value.version)
            warn_about_deleted(self.context, name, value.version, base.deleted_at)
        return replace(record, version=str(number), serial=number, record_id=record_id, revision=0, ends_at=value.version.ends_at)

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        place = self._location.place(name, stage)
        self._unfinished.catch_up(place)
        if version is not None:
            return self._version(name, version, stage)
        value = self._requests.read(place)
        record = record_of(name, stage, value, self._tenant)
        if record is None or value is None:
            raise absent(name, stage=stage, deleted_at=find_deleted_at(value) if stage == CURRENT else None)
        return replace(record, source=Source(CurrentVersion(value.version.number, record)))

    def _version(self, name: str, version: str, stage: str) -> Record:
        found = None
        if is_number(version):
            value = self._requests.read(self._location.place(name, stage), int(version))
            found = record_of(name, stage, value, self._tenant)
        if found is None or found.version != version:
            raise absent(name, version, stage, [info.version for info in self._list_kept(name, stage)])
        return found

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        """As the contract says. If the server cannot compare metadata (HashiCorp Vault), the later of two concurrent changes wins."""
        place = self._location.place(record.name, record.stage)
        take_source(record.name, record.stage, record.etag)
        for _each in attempts(record.name):
            sheet = self._requests.sheet(place)
            found = row_of(record.name, record.stage, sheet, self._tenant)
            if sheet is None or found is None:
                raise absent(record.name, stage=record.stage)
            check_revision(found, record, record.version, expected_revision)
            record_id = found.record_id or os.urandom(RECORD_ID_SIZE)
            change = (place, record.name, sheet, describe_record(record, record_id, expected_revision + 1))
            try:
                Descriptions(self._requests).patch(*change)
            except LostRace:
                continue
            stored = replace(record, serial=sheet.current, record_id=record_id, revision=expected_revision + 1)
            return self._unfinished.finish(place, _CHECK, Rest(self._requests, partial(_check_patched, stored, change)))
        raise AssertionError

    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        place = self._location.place(name, stage)
        # A recoverable delete compares the revision by itself.
        base = take_source(name, stage, expected) if recoverable else self._find_expected(name, stage, expected, False)
        for _each in attempts(name):
            if base is None:
                base = self._read_current(name, stage, deleting=True)
                if base.record is None:
                    raise absent(name, stage=stage)
                check_swap(name, base.record, expected)
            try:
                if recoverable:
                    self._requests.delete(place, [base.number])
                    self._unfinished.finish(place, _CHECK, Rest(self._requests, partial(self._check_hidden, place, name, base)))
                    return
                bury = partial(self._bury, place, name, base, expected)
                with self._unfinished.claiming(place, Rest(self._requests, partial(self._claim_delete, place, base, bury))):
                    value = self._requests.write(place, {DELETED: datetime.now(timezone.utc).isoformat()}, base.number)
            except LostRace:
                base = None
                continue
            self._unfinished.finish(place, "the removal of its versions", Rest(self._requests, partial(bury, value)))
            return

    def _check_hidden(self, place: str, name: str, base: CurrentVersion, requests: Kv2Requests) -> None:
        Removal(requests, self._tenant).check_hidden(place, base.record or Record(name), base.number)

    def _claim_delete(self, place: str, base: CurrentVersion, bury: Callable[..., None], requests: Kv2Requests) -> None:
        """Finish a delete whose response was lost, if it was done."""
        value = requests.read(place)
        if value is not None and is_marked(value) and value.version.number == base.number + 1:
            bury(value, requests)

    def _bury(self, place: str, name: str, base: CurrentVersion, expected: Optional[Etag], value: Value, requests: Kv2Requests) -> None:
        """Do what follows the first request of a delete."""
        Descriptions(requests).check_expected(place, name, value, base.number, expected)
        with mark_outcome(unknown=True):
            Removal(requests, self._tenant).bury(place, value)

    def restore(self, name: str, stage: str = CURRENT, *, version: Optional[str] = None, check: bool = False) -> Record:
        """Undelete the newest version, if it was deleted recoverably (`recoverable`, `bao kv delete`).

        Returns:
            The record; with `check` without its fields, which cannot be read until it is undeleted.
        """
        place = self._location.place(name, stage)
        row = row_of(name, stage, self._requests.sheet(place), self._tenant, undeletable=True)
        if row is None:
            raise absent(name, stage=stage)
        check_swap(name, row, None if version is None else Etag(version))
        if check:
            return row
        self._requests.undelete(place, [int(row.version or 0)])
        return self.get(name, stage=stage)

    def remove_version(self, name: str, version: str, *, recoverable: bool = False, check: bool = False) -> None:
        self._removal.remove_older(self._location.place(name, CURRENT), name, version, recoverable, check)

    def restore_version(self, name: str, version: str, *, check: bool = False) -> Record:
        return self._removal.restore_older(self._location.place(name, CURRENT), name, version, check)

    def find_stages(self, name: str) -> Sequence[str]:
        check_name(name)
        return find_stages(self._requests.keys, self._location.internal_path(""))

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
        return [] if sheet is None else list_kept(sheet)

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


def _check_patched(stored: Record, change: Tuple[str, str, SecretMetadata, Description], requests: Kv2Requests) -> Record:
    """Check a change of metadata that was made, and return the record."""
    Descriptions(requests).check_patched(*change)
    return stored
