# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stored object as a secret of Key Vault, and back (docs/integrations/backends/azure.md shows one).

`secret_value` has the value, `secret_tags` the tags.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, Dict, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.bundles import Bundle
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.secret_tags import (
    FORMAT,
    MAX_TAG,
    NAME,
    OURS,
    copy_tags,
    damage_error,
    find_other_tags,
    fit_tags,
    read_count,
    read_info,
    read_time,
    write_json,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.secret_value import (
    OUR_TYPES,
    TEXT_TYPE,
    read_value,
    write_value,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import DELETED, KeptVersion, ObjectKey, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import public_record
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.encoding.metadata_json import read_metadata, write_metadata
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidConfiguration,
    InvalidInput,
    NotEncrypted,
    Unusable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope

_DISABLED_REMEDY = "Enable its newest version, or delete the credential."
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LEFT_OUT: Mapping[str, Any] = {"expires_at": None, "description": "", "tags": {}, "history": [], "policy": {}, "attributes": {}}
"""The parts of metadata that are not written while they have these values."""


@dataclass(frozen=True)
class VaultObject(StoredObject):
    """A stored object with its secret as read, without the value. `since` is the first serial after the last delete."""

    bundle: Bundle = Bundle("", "")
    since: int = 0


class Draft(NamedTuple):
    """A secret to write: the body of a request, and the text for a secret of its own if the metadata does not fit into the tags."""

    body: Dict[str, Any]
    more: Optional[str]


def write_secret(content: StoredObject, found: Optional[StoredObject], noted_name: Optional[str], since: int) -> Draft:
    """Return the secret of an object, which replaces `found` if given.

    Args:
        content: the object.
        found: the object as it was read.
        noted_name: the credential's name, if that of the secret does not contain it.
        since: the first serial of the credential after the last delete.

    Raises:
        InvalidInput, TooLarge: Key Vault would not accept it.
    """
    record, before = content.record, found.bundle if isinstance(found, VaultObject) else Bundle("", "")
    value, kind, field = write_value(record)
    if kind == TEXT_TYPE and before.content_type and before.content_type not in OUR_TYPES:
        kind = before.content_type
    tags = {OURS: _write_info(content, field, since)}
    if noted_name is not None:
        tags[NAME] = noted_name
    tags, more = fit_tags(tags, _write_details(content), find_other_tags(before, found), copy_tags(record))
    body: Dict[str, Any] = {"value": value, "contentType": kind, "tags": tags, "attributes": _attributes(record, before)}
    return Draft(body, more)


def _attributes(record: Record, before: Bundle) -> Dict[str, Any]:
    attributes: Dict[str, Any] = {"enabled": True}
    if record.metadata is not None and record.metadata.expires_at is not None:
        attributes["exp"] = int(record.metadata.expires_at.timestamp())
    if before.not_before is not None:
        attributes["nbf"] = before.not_before
    return attributes


def _write_info(content: StoredObject, field: Optional[str], since: int) -> str:
    record = content.record
    info: Dict[str, Any] = {"format": FORMAT, "type": record.type, "serial": record.serial, "revision": record.revision}
    info.update(id=(record.record_id or b"").hex(), written=content.written_at and content.written_at.isoformat(), field=field, since=since)
    if record.envelope is not None:
        info["envelope"] = True
        del info["type"]
    text = write_json({key: value for key, value in info.items() if value not in (None, "", 0)})
    if len(text) > MAX_TAG:
        raise InvalidInput("the type {0} is too long for a tag".format(ascii(record.type)[:80]), option="type", remedy="Use a shorter one.")
    return text


def _write_details(content: StoredObject) -> str:
    record = content.record
    details: Dict[str, Any] = {}
    if record.metadata is not None and record.envelope is None:
        written = write_metadata(record.metadata)
        details["metadata"] = {key: value for key, value in written.items() if _LEFT_OUT.get(key, ...) != value}
    if content.older:
        details["older"] = [[kept.serial, kept.written_at and kept.written_at.isoformat()] for kept in content.older]
    if content.garbage:
        details["leftover"] = list(content.garbage)
    return write_json(details) if details else ""


class Reader:
    """Reads the secrets of one store."""

    def __init__(self, tenant: str, encrypted: bool) -> None:
        """Take the store's tenant, and whether its values are envelopes."""
        self._tenant = tenant
        self._encrypted = encrypted

    def read(self, place: ObjectKey, bundle: Bundle, details: str) -> VaultObject:
        """Return the object in a secret. One that is not as it was written has a `problem`. Without a value only metadata is read."""
        stage = place.kind if place.is_stage else CURRENT
        # A listing does not show the version, and neither does the refusal to read a disabled one.
        token = build_token(bundle) if bundle.version or not bundle.enabled else None
        found = VaultObject(Record(place.name, stage=stage), token, bundle=replace(bundle, value=None))
        try:
            if not bundle.enabled:
                raise Unusable("the secret is disabled in Key Vault", remedy=_DISABLED_REMEDY)
            found = self._read_tags(found, bundle, details)
            return found if bundle.value is None or place.kind.startswith(DELETED) else self._with_value(found, bundle)
        except CredentialError as problem:
            return replace(found, problem=problem)
        except (KeyError, TypeError, ValueError, AttributeError):
            return replace(found, problem=damage_error())

    def _read_tags(self, found: VaultObject, bundle: Bundle, details: str) -> VaultObject:
        info = read_info(bundle.tags)
        if not info:
            return self._read_foreign(found, bundle)
        written = read_json(details) if details else {}
        serial = read_count(info.get("serial"))
        record = replace(
            found.record,
            type=str(info.get("type") or found.record.type),
            serial=serial,
            record_id=bytes.fromhex(info.get("id", "")) or None,
            revision=read_count(info.get("revision")) or 0,
            metadata=_read_metadata(written["metadata"], bundle) if "metadata" in written else None,
        )
        return replace(
            found,
            record=record,
            since=read_count(info.get("since")) or 0,
            older=tuple(KeptVersion(int(number), read_time(when)) for number, when in written.get("older", ())),
            garbage=tuple(int(number) for number in written.get("leftover", ())),
            foreign_token=bundle.version if serial is None else "",
            written_at=read_time(info.get("written")),
        )

    def _read_foreign(self, found: VaultObject, bundle: Bundle) -> VaultObject:
        created, updated = (_from_seconds(each) or _EPOCH for each in (bundle.created, bundle.updated))
        scope = Scope(tenant=self._tenant)
        metadata = Metadata(created, updated, _from_seconds(bundle.expires), tags=dict(bundle.tags), scope=scope)
        return replace(found, record=replace(found.record, metadata=metadata), foreign_token=bundle.version, written_at=created)

    def _with_value(self, found: VaultObject, bundle: Bundle) -> VaultObject:
        value, info = str(bundle.value), read_info(bundle.tags)
        is_envelope = info.get("envelope") is True
        if self._encrypted and not is_envelope:
            raise NotEncrypted(
                "a plain value where the store is configured as encrypted",
                remedy="Remove it, or put the value in through the collection. A plain store says 'encrypt: false'.",
            )
        if is_envelope:
            if not self._encrypted:
                raise InvalidConfiguration(
                    "the value is encrypted by this collection, and the store is configured as plain",
                    option="encrypt",
                    remedy="Write 'encrypt: true' in the store's configuration.",
                )
            envelope = base64.b64decode(value, validate=True)
            return replace(found, record=public_record(found.record.name, found.record.stage, envelope), foreign_token="")
        fields, state = read_value(found.record.name, value, info, bundle.content_type)
        return replace(found, record=replace(found.record, fields=fields, state=state))


def _read_metadata(written: Mapping[str, Any], bundle: Bundle) -> Metadata:
    """Return the metadata. An expiry that another tool has set in Key Vault is the one that holds."""
    metadata = read_metadata({**_LEFT_OUT, **written})
    known = None if metadata.expires_at is None else int(metadata.expires_at.timestamp())
    return metadata if known == bundle.expires else replace(metadata, expires_at=_from_seconds(bundle.expires))


def build_token(bundle: Bundle) -> str:
    """Return a text that changes whenever anything of the secret does, except for the value of a version, which never changes."""
    parts = [bundle.version, bundle.content_type, dict(bundle.tags), bundle.enabled, bundle.expires, bundle.not_before]
    return hashlib.sha256(write_json(parts).encode("ascii")).hexdigest()


def _from_seconds(value: Optional[int]) -> Optional[datetime]:
    return None if value is None else datetime.fromtimestamp(value, timezone.utc)
