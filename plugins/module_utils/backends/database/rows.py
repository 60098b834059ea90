# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records as rows. A row that was inserted by hand, with only name, type and values, is a record too (J3)."""

from __future__ import annotations

import binascii
import uuid
from datetime import datetime, timezone
from typing import Any, Dict, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import is_serial
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import public_record, read_envelope
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.encoding.metadata_json import read_metadata, text, write_metadata
from ansible_collections.nebula.credential.plugins.module_utils.encoding.record_json import read_native, write_native
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Damaged
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT, Scope

_UNREADABLE = object()
_LARGEST = 2**63
"""The smallest positive integer that a signed 64-bit column cannot hold."""


def read_column(text: Any) -> Any:
    """Return the data of a JSON column; None of what JSON can hold if it cannot be read, so that it spoils no row but its own."""
    try:
        return read_json(text)
    except ValueError:
        return _UNREADABLE


def version_number(version: Optional[str]) -> Optional[int]:
    """Return the number of a version, as `str` writes it; None if no row can have it."""
    if version is None or not is_serial(version) or int(version) >= _LARGEST:
        return None
    return int(version)


def identify_record(record: Record) -> Record:
    """Return a new record's serial and identity: those of its envelope if it has one."""
    return record if record.envelope is None else public_record(record.name, record.stage, record.envelope)


def columns_of(record: Record) -> Dict[str, Any]:
    """Return the columns of a new value. Metadata columns serve searches; an envelope holds its own metadata, authenticated."""
    return {
        "id": uuid.UUID(bytes=record.record_id) if record.record_id else None,
        "version": record.serial,
        "written_at": datetime.now(timezone.utc),
        "input_data": None if record.envelope is not None else _document(record.fields),
        "state_data": None if record.envelope is not None else _document(record.state),
        **metadata_columns(record),
    }


def metadata_columns(record: Record) -> Dict[str, Any]:
    """Return the columns that a change of metadata writes."""
    known = record.full_metadata
    return {
        "credential_type": record.type,
        "metadata": write_metadata(known),
        "created_at": known.created_at,
        "updated_at": known.updated_at,
        "expires_at": known.expires_at,
        "rotation_status": known.lifecycle,
        "revision": record.revision,
        **envelope_columns(record.envelope),
    }


def envelope_columns(envelope: Optional[bytes]) -> Dict[str, Any]:
    """Return the columns that change with the master key."""
    key_id = None if envelope is None else read_envelope(envelope).header.key_id.hex()
    return {"envelope": envelope, "encryption_key_id": key_id}


def _document(fields: Fields) -> Dict[str, Any]:
    """Return fields as JSON. PostgreSQL's JSON stores no NUL, so a text with one is written as bytes are."""
    written = write_native(fields)
    for key, value in fields.items():
        if isinstance(written[key], str) and "\0" in written[key]:
            written[key] = {"base64": binascii.b2a_base64(value.expose(), newline=False).decode("ascii")}
    return written


def record_of(row: Any, name: str, stage: str, tenant: Optional[str], *, values: bool = True) -> Record:
    """Return the record of a row; without `values`, as a listing returns it.

    Raises:
        Damaged, UnknownFormat, NotEncrypted: it does not hold what it should; the credential is named.
    """
    if row.envelope is not None:
        try:
            return public_record(name, stage, bytes(row.envelope))
        except CredentialError as problem:
            raise problem.within(name=name) from None
    try:
        return Record(
            name=name,
            type=text(row.credential_type),
            fields=read_native(row.input_data or {}) if values else {},
            state=read_native(row.state_data or {}) if values else {},
            metadata=_metadata(row, tenant),
            stage=stage,
            version=str(_count(row.version)),
            serial=row.version,
            record_id=None if row.id is None else row.id.bytes,
            revision=_count(row.revision),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise Damaged(
            "the row is not a record", name=name, remedy="Write 'input_data' as a JSON object, or put the credential again."
        ) from None


def _count(value: Any) -> int:
    if value.__class__ is not int or value < 0:
        raise TypeError
    return int(value)


def _metadata(row: Any, tenant: Optional[str]) -> Metadata:
    if not isinstance(row.metadata, (dict, type(None))):
        raise TypeError
    data = row.metadata or {}
    if "created_at" in data:
        return read_metadata(data)
    tags = data.get("tags")
    return Metadata(
        created_at=row.created_at,
        updated_at=row.updated_at,
        expires_at=row.expires_at,
        description=str(data.get("description") or ""),
        tags={str(key): str(value) for key, value in tags.items()} if isinstance(tags, dict) else {},
        scope=Scope(tenant=tenant or DEFAULT_TENANT),
    )
