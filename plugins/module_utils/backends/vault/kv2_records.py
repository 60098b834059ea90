# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records from the responses of KV version 2, whichever tool wrote the values."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import build_unreadable_row
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import absent, is_serial
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_fields import (
    DELETED,
    METADATA,
    Description,
    read_description,
    read_fields,
    read_state,
    refuse_envelope,
    write_data,
    write_description,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_metadata import (
    Known,
    find_description,
    foreign_tags,
    newest_deleted_version,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_requests import Listed, SecretMetadata, Value, Version
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Damaged
from ansible_collections.nebula.credential.plugins.module_utils.model.dates import date_version
from ansible_collections.nebula.credential.plugins.module_utils.model.importing import is_importing
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, OPAQUE, Etag, Metadata, Record, VersionInfo
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope

RECORD_ID_SIZE = 16
_LONGEST_NUMBER = 18


class CurrentVersion(NamedTuple):
    """The state that a write finds.

    Attributes:
        number: that of the newest version; 0 if there never was one.
        record: its record, unless it was deleted.
        deleted_at: when it was deleted, if it can be undeleted.
    """

    number: int
    record: Optional[Record]
    deleted_at: Optional[datetime] = None

    @property
    def is_recreated(self) -> bool:
        """Whether a new value starts another credential: there was one, and it was deleted."""
        return self.record is None and self.number > 0


class Source:
    """What `get` has read, for one write.

    A value is written before its metadata is compared. So a write that may be late looks first: after another write from the same read,
    and when it is repeated.
    """

    def __init__(self, found: CurrentVersion) -> None:
        self._found: Optional[CurrentVersion] = found

    def take(self, name: str, stage: str, expected: Etag) -> Optional[CurrentVersion]:
        """Return the state that was read if it is the expected one, and this is the first write from it; else None."""
        found, self._found = self._found, None
        record = found.record if found is not None else None
        fits = record is not None and (record.name, record.stage) == (name, stage) and expected.matches(record)
        return found if fits else None


def take_source(name: str, stage: str, expected: Optional[Etag]) -> Optional[CurrentVersion]:
    """Return the state that was read for a write, as `Source.take` does; None if it must be read."""
    source = None if expected is None else expected.source
    return source.take(name, stage, expected) if isinstance(source, Source) and expected is not None else None


def record_of(name: str, stage: str, value: Optional[Value], tenant: str, *, deleted: bool = False) -> Optional[Record]:
    """Return the record of a value, or None if there is none, or it was deleted; with `deleted` also if it was, as long as it is there.

    Raises:
        Damaged: metadata that we wrote next to it was changed by hand.
    """
    if value is None or value.data is None or DELETED in value.data:
        return None
    if value.version.number <= newest_deleted_version(value.custom) and not deleted:
        return None
    refuse_envelope(value.data, name)
    found = find_description(value.custom, value.version.number, name)
    if not found.own and METADATA in value.data:
        found = Known(read_description(value.data[METADATA], name, METADATA), True, True)
    row = _row(name, stage, value.version, value.custom, found, tenant)
    return replace(row, fields=read_fields(value.data), state=read_state(value.data, name))


def find_deleted_at(value: Optional[Value]) -> Optional[datetime]:
    """Return when the newest version was deleted, by a user or by the server, if it can be undeleted; else None."""
    if value is None or value.data is not None or value.version.destroyed:
        return None
    return value.version.ends_at if value.version.number > newest_deleted_version(value.custom) else None


def row_of(name: str, stage: str, sheet: Optional[SecretMetadata], tenant: str, *, undeletable: bool = False) -> Optional[Record]:
    """Return the record of the newest version without its fields, or None; with `undeletable` also if it can be undeleted.

    Raises:
        Damaged: as `record_of`.
    """
    newest = sheet.newest if sheet is not None else None
    if sheet is None or newest is None or newest.number <= newest_deleted_version(sheet.custom) or newest.destroyed:
        return None
    if newest.deleted and not undeletable:
        return None
    return _row(name, stage, newest, sheet.custom, find_description(sheet.custom, newest.number, name), tenant)


def build_listing_row(name: str, stage: str, sheet: Listed, tenant: str) -> Optional[Record]:
    """Return what `row_of` returns, for a listing: a secret that cannot be read is a row with a `problem`."""
    if isinstance(sheet, CredentialError):
        return build_unreadable_row(name, stage, sheet)
    try:
        return row_of(name, stage, sheet, tenant)
    except CredentialError as problem:
        return build_unreadable_row(name, stage, problem)


def _row(name: str, stage: str, version: Version, custom: Dict[str, str], found: Known, tenant: str) -> Record:
    foreign, ends_at = _foreign(custom, version.written_at, tenant), None if version.deleted else version.ends_at
    row = Record(name, OPAQUE, metadata=foreign, stage=stage, version=str(version.number), ends_at=ends_at)
    if found.description is None:
        return row
    described = found.description
    row = replace(row, type=described.type, record_id=described.record_id, metadata=described.metadata)
    if found.own:
        return replace(row, serial=version.number, revision=described.revision)
    # Without a serial, another tool wrote this value, or its writer was killed before it could describe it.
    row = replace(row, serial=version.number if found.ours else None)
    row = row.with_metadata(updated_at=version.written_at, expires_at=None)
    return replace(row, metadata=date_version(row.full_metadata, version.written_at, is_rotated=True))


def _foreign(custom: Dict[str, str], written_at: datetime, tenant: str) -> Metadata:
    return Metadata(created_at=written_at, updated_at=written_at, tags=foreign_tags(custom), scope=Scope(tenant=tenant))


def find_older(sheet: Optional[SecretMetadata], name: str, version: str) -> Version:
    """Return an older version whose value is still on the server, deleted or not.

    Raises:
        NotFound: there is none.
    """
    older = [] if sheet is None else [each for each in sheet.versions if each.number != sheet.current and not each.destroyed]
    for each in older:
        if str(each.number) == version:
            return each
    raise absent(name, version, kept=[str(each.number) for each in older])


def describe_older(sheet: SecretMetadata, name: str, found: Version, tenant: str) -> Record:
    """Return the record of an older version without its fields."""
    return _row(name, CURRENT, found, sheet.custom, find_description(sheet.custom, found.number, name), tenant)


def list_kept(sheet: SecretMetadata) -> List[VersionInfo]:
    """Return the versions that can be read, newest first; none if the newest one was deleted."""
    newest = sheet.newest
    if newest is None or newest.deleted:
        return []
    first = newest_deleted_version(sheet.custom) + 1
    kept = [version for version in sheet.versions if version.number >= first and not version.deleted]
    return [VersionInfo(str(version.number), version.written_at, version is newest) for version in kept]


def is_number(version: str) -> bool:
    """Return True if a version is one that KV can have."""
    return is_serial(version) and len(version) <= _LONGEST_NUMBER


def is_marked(value: Value) -> bool:
    """Return True if this version is the mark of a delete."""
    return value.data is not None and DELETED in value.data


def data_of(record: Record) -> Dict[str, Any]:
    """Return the keys of a value. A stage carries its metadata inside: no other tool reads it, and a journal is only metadata.

    So does an imported version: it must not be read before it is described, and keeps its own metadata when it is replaced.
    """
    data = write_data(record)
    if record.stage != CURRENT or is_importing(record.full_metadata):
        data[METADATA] = write_description(describe_record(record, record.record_id or os.urandom(RECORD_ID_SIZE), 0))
    return data


def describe_record(record: Record, record_id: bytes, revision: int) -> Description:
    """Return the description of a record."""
    return Description(record.type, record.full_metadata, record_id, revision)


def find_identity(custom: Mapping[str, str], number: int, name: str) -> Optional[bytes]:
    """Return the record id that a version is described with, or would inherit; None if there is none, or it cannot be read."""
    try:
        found = find_description(custom, number, name).description
    except Damaged:
        return None  # the new description replaces it
    return found.record_id if found else None
