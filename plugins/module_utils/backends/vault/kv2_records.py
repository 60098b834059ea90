# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records from the responses of KV version 2, whichever tool wrote the values."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Dict, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import build_unreadable_row
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_metadata import (
    Known,
    find_description,
    foreign_tags,
    newest_deleted_version,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_requests import Listed, SecretMetadata, Value, Version
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv_fields import (
    DELETED,
    METADATA,
    read_description,
    read_fields,
    read_state,
    refuse_envelope,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.model.record import OPAQUE, Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope


def record_of(name: str, stage: str, value: Optional[Value], tenant: str) -> Optional[Record]:
    """Return the record of a value, or None if there is none, or it was deleted.

    Raises:
        Damaged: metadata that we wrote next to it was changed by hand.
    """
    if value is None or value.data is None or DELETED in value.data or value.version.number <= newest_deleted_version(value.custom):
        return None
    refuse_envelope(value.data, name)
    found = find_description(value.custom, value.version.number, name)
    if not found.own and METADATA in value.data:
        found = Known(read_description(value.data[METADATA], name, METADATA), True, True)
    row = _row(name, stage, value.version, value.custom, found, tenant)
    return replace(row, fields=read_fields(value.data), state=read_state(value.data, name))


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
    if isinstance(sheet, AccessDenied):
        return build_unreadable_row(name, stage, sheet)
    try:
        return row_of(name, stage, sheet, tenant)
    except CredentialError as problem:
        return build_unreadable_row(name, stage, problem)


def _row(name: str, stage: str, version: Version, custom: Dict[str, str], found: Known, tenant: str) -> Record:
    row = Record(name, OPAQUE, metadata=_foreign(custom, version.written_at, tenant), stage=stage, version=str(version.number))
    if found.description is None:
        return row
    described = found.description
    row = replace(row, type=described.type, record_id=described.record_id, metadata=described.metadata)
    if found.own:
        return replace(row, serial=version.number, revision=described.revision)
    # Without a serial, another tool wrote this value, or its writer was killed before it could describe it.
    row = replace(row, serial=version.number if found.ours else None)
    return row.with_metadata(created_at=version.written_at, updated_at=version.written_at, expires_at=None)


def _foreign(custom: Dict[str, str], written_at: datetime, tenant: str) -> Metadata:
    return Metadata(created_at=written_at, updated_at=written_at, tags=foreign_tags(custom), scope=Scope(tenant=tenant))
