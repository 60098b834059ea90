# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An exported credential: everything that one store returns of it, and that another store must keep."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, replace
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.encoding.record_json import write_document
from ansible_collections.nebula.credential.plugins.module_utils.model.record import REFRESH, Record, without_forms

REFERENCES = (("source_version",), (REFRESH, "input_version"))
"""The attributes, by their path, whose value is the version of another value of the same credential."""


@dataclass(frozen=True)
class Place:
    """Where a store keeps its records: its store id if it has a document, and the backend's location if that is known.

    Two stores with the same id, or without a document at the same location, are one place under two names.
    """

    store_id: Optional[bytes] = None
    location: Optional[str] = None

    def is_same(self, other: Place) -> bool:
        """Whether ids or locations show that both are the same place."""
        if self.store_id is not None and other.store_id is not None:
            return self.store_id == other.store_id
        return self.location is not None and self.location == other.location


@dataclass(frozen=True)
class Portable:
    """An exported credential.

    Attributes:
        store: the name of the store it comes from.
        place: where that store keeps it.
        tenant: the tenant of that store.
        versions: the readable versions of `current`, oldest first; the last one is the current value. Fields are `Secret`.
        previous: the value of the stage `previous`, or None.
    """

    store: str
    place: Place
    tenant: str
    versions: Tuple[Record, ...]
    previous: Optional[Record] = None

    @property
    def current(self) -> Record:
        """The current value."""
        return self.versions[-1]

    @property
    def record_id(self) -> str:
        """The id of the current value's record in hexadecimal; empty if it has none."""
        return (self.current.record_id or b"").hex()

    @property
    def name(self) -> str:
        """The credential's name."""
        return self.current.name

    def digest(self, key: bytes, tenant: str) -> bytes:
        """Hash everything that an import keeps, as a store of `tenant` has it.

        Args:
            key: random and used in this run only, so that the digest cannot be used to guess a value.
            tenant: the tenant of the store that the digest is compared with.

        Returns:
            32 bytes (HMAC-SHA256); equal for a credential and its complete import. Versions, serials, record ids and
            revisions are the store's own and are left out; a reference to a version counts as its position.
        """
        positions = {str(record.version): number for number, record in enumerate(self.versions)}
        records = [*self.versions, *([self.previous] if self.previous else [])]
        content = [_describe(record, tenant, positions) for record in records]
        return _hash(content, key)

    def digest_each(self, key: bytes, tenant: str, *, values_only: bool) -> Tuple[bytes, ...]:
        """Hash each version by itself, oldest first, without its references to other versions.

        Args:
            key, tenant: as for `digest`.
            values_only: hash the fields and the state, and leave out the type and the metadata.
        """
        described = (_describe(record, tenant, {}) for record in self.versions)
        parts = (dict(one, type=None, metadata=None) if values_only else one for one in described)
        return tuple(_hash(one, key) for one in parts)

    def reduce_to(self, versions: Optional[int], previous: bool) -> Portable:
        """Return a copy with the newest `versions` versions (None: all), and `previous` if that can be kept."""
        kept = self.versions if versions is None else self.versions[-versions:]
        return replace(self, versions=kept, previous=self.previous if previous else None)

    @property
    def json_fields(self) -> Tuple[str, ...]:
        """The fields that are JSON of another type than text in any version, or null."""
        records = [*self.versions, *([self.previous] if self.previous else [])]
        return tuple(sorted({name for record in records for name, value in record.fields.items() if not value.is_text}))

    def without_forms(self) -> Portable:
        """Return a copy whose fields are as a store keeps them that knows no JSON."""
        versions = tuple(_without_forms(record) for record in self.versions)
        return replace(self, versions=versions, previous=None if self.previous is None else _without_forms(self.previous))


def with_references(record: Record, versions: Mapping[str, Any]) -> Record:
    """Return the record with its references to versions mapped by `versions`. Drop a reference to an unknown version."""
    return record.with_metadata(attributes=_rewrite(record.full_metadata.attributes, (), versions))


def _rewrite(attributes: Mapping[str, Any], path: Tuple[str, ...], versions: Mapping[str, Any]) -> Dict[str, Any]:
    rewritten: Dict[str, Any] = {}
    for name, value in attributes.items():
        if (*path, name) in REFERENCES:
            if value in versions:
                rewritten[name] = versions[value]
        else:
            rewritten[name] = _rewrite(value, (*path, name), versions) if isinstance(value, Mapping) else value
    return rewritten


def _without_forms(record: Record) -> Record:
    return replace(record, fields=without_forms(record.fields))


def for_tenant(record: Record, tenant: str) -> Record:
    """Return the record with `tenant` in its scope."""
    return record.with_metadata(scope=replace(record.full_metadata.scope, tenant=tenant))


def _hash(content: Any, key: bytes) -> bytes:
    return hmac.new(key, json.dumps(content, sort_keys=True).encode("utf-8"), "sha256").digest()


def _describe(record: Record, tenant: str, positions: Mapping[str, int]) -> Dict[str, Any]:
    common = with_references(for_tenant(record, tenant), positions)
    forms = {name: value.form for name, value in record.fields.items() if not value.is_text}
    return dict(write_document(replace(common, serial=None, record_id=None, revision=0)), forms=forms)
