# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find out by reading, never by guessing, what became of a write whose response was lost.

Each function takes the backend to read from. It returns `Done` if the write was carried out. It returns None if what the write
replaces is still there: the write may be made again if it names what it replaces. It raises `Conflict` or `NotFound` if something
else is there.

A value is ours if all of it is the same: the bytes of an envelope, which no two writes share; else type, fields, state and
metadata, whose `updated_at` has microseconds, and the serial and record id if the write carried them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, Optional, Set, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import (
    check_revision,
    check_swap,
    document_conflict,
    envelope_conflict,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import VersionRemover
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import Answer
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, Record

MOST_VERSIONS = 40
"""The number of kept versions that are read: ours is missed only if more writes of others came between our write and this read."""


@dataclass(frozen=True)
class Done(Generic[Answer]):
    """A write that was carried out, and its result."""

    answer: Answer


def put(backend: Backend, record: Record, expected: Optional[Etag], create: bool, others: Set[str]) -> Optional[Done[Record]]:
    """As above, for `Backend.put` with these arguments.

    `others` collects the versions that are not ours, so that a search that fails and begins again reads each of them once.
    """
    found = _current(backend, record.name, record.stage)
    if found is not None and is_ours(record, found):
        return Done(_build_stored(record, found))
    if found is None if create else expected is None or expected.matches(found):
        return None
    kept, certain = _among_versions(backend, record, expected, others)
    if kept is not None:
        return Done(_build_stored(record, kept))
    if create and found is not None:
        # A new credential's id is random and never changes: a different id shows that this is not our credential.
        certain = certain or (None not in (record.record_id, found.record_id) and record.record_id != found.record_id)
    try:
        check_swap(record.name, found, expected, create)
    except Conflict as conflict:
        # If not every later version can be read, ours may have been stored and replaced already.
        raise conflict.annotate(outcome_unknown=not certain) from None
    return None


def patch_metadata(backend: Backend, record: Record, expected_revision: int) -> Optional[Done[Record]]:
    """As above, for `Backend.patch_metadata` with these arguments."""
    found = backend.get(record.name, stage=record.stage)
    patched = (found.version, found.revision) == (record.version, expected_revision + 1)
    if patched and (found.metadata == record.metadata if record.envelope is None else found.envelope == record.envelope):
        stored = replace(record, version=found.version, serial=found.serial, record_id=found.record_id, revision=found.revision)
        return Done(stored)
    if (found.version, found.revision) == (record.version, expected_revision):
        return None
    try:
        check_revision(found, record, record.version, expected_revision)
    except Conflict as conflict:
        raise conflict.annotate(outcome_unknown=True) from None
    return None


def delete(backend: Backend, name: str, stage: str, expected: Optional[Etag]) -> Optional[Done[None]]:
    """As above, for `Backend.delete` with these arguments."""
    found = _current(backend, name, stage)
    if found is None:
        return Done(None)
    try:
        check_swap(name, found, expected)
    except Conflict as conflict:
        raise conflict.annotate(outcome_unknown=True) from None
    return None


def remove_version(remover: VersionRemover, name: str, version: str, recoverable: bool) -> Optional[Done[None]]:
    """As above, for `VersionRemover.remove_version` with these arguments. No version number is used twice."""
    try:
        remover.remove_version(name, version, recoverable=recoverable, check=True)
    except NotFound:
        return Done(None)
    return None


def rewrite_envelope(backend: Backend, record: Record, replaces: bytes) -> Optional[Done[None]]:
    """As above, for `EnvelopeRewriter.rewrite_envelope` with these arguments."""
    found = backend.get(record.name, record.version if record.stage == CURRENT else None, record.stage)
    if found.envelope == record.envelope:
        return Done(None)
    if found.envelope != replaces:
        raise envelope_conflict(record.name).annotate(outcome_unknown=True)
    return None


def write_store_document(backend: Backend, content: bytes, replaces: Optional[bytes]) -> Optional[Done[None]]:
    """As above, for `Backend.write_store_document` with these arguments."""
    found = backend.read_store_document()
    if found == content:
        return Done(None)
    if found != replaces:
        raise document_conflict().annotate(outcome_unknown=True)
    return None


def is_ours(record: Record, found: Record) -> bool:
    """Return True if `found` is what a put of `record` stores."""
    if record.envelope is not None:
        return found.envelope == record.envelope
    return (
        _has_same_value(record, found)
        and record.type == found.type
        and record.metadata in (None, found.metadata)
        and record.serial in (None, found.serial)
        and record.record_id in (None, found.record_id)
    )


def _has_same_value(record: Record, found: Record) -> bool:
    return record.envelope is None and (dict(found.fields), dict(found.state)) == (dict(record.fields), dict(record.state))


def _build_stored(record: Record, found: Record) -> Record:
    return replace(record, version=found.version, serial=found.serial, record_id=found.record_id, revision=found.revision)


def _current(backend: Backend, name: str, stage: str) -> Optional[Record]:
    try:
        return backend.get(name, stage=stage)
    except NotFound:
        return None


def _among_versions(backend: Backend, record: Record, expected: Optional[Etag], others: Set[str]) -> Tuple[Optional[Record], bool]:
    """Return our record among the versions after `expected`, if another writer replaced it since; and whether that is certain.

    It is not if not all were read, or if one has our value with other metadata: that may be ours, replaced before it had its own.
    """
    if not backend.capabilities.versions or record.stage != CURRENT:
        return None, False
    certain = True
    try:
        for info in backend.versions(record.name)[:MOST_VERSIONS]:
            if expected is not None and info.version == expected.version:
                return None, certain
            if info.version in others:
                continue
            found = backend.get(record.name, info.version)
            if is_ours(record, found):
                return found, True
            if backend.capabilities.describes_later and _has_same_value(record, found):
                certain = False
            else:
                others.add(info.version)
    except NotFound:
        pass  # it was deleted, or the version is not kept any more
    return None, False
