# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists a local store: one scan of a directory, and as few opened files as the filter allows."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime
from typing import Callable, Dict, Iterator, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter, build_unreadable_row
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.index import Index, fingerprint
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.record_files import RecordFiles
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Record


class _Part(NamedTuple):
    """A part of a filter that has an index: a function for a record's indexed value, and one that matches values."""

    value: Callable[[Record], str]
    matches: Callable[[str], bool]


def _read_creation_time(record: Record) -> str:
    return record.full_metadata.created_at.isoformat()


def _parts(wanted: Filter) -> Dict[str, _Part]:
    parts = {}
    if wanted.type is not None:
        parts["by_type"] = _Part(lambda record: record.type, lambda value: value == wanted.type)
    if wanted.created_after is not None or wanted.created_before is not None:
        parts["by_created"] = _Part(_read_creation_time, lambda value: _within(datetime.fromisoformat(value), wanted))
    return parts


def _within(created: datetime, wanted: Filter) -> bool:
    if wanted.created_after is not None and created < wanted.created_after:
        return False
    return wanted.created_before is None or created < wanted.created_before


def list_records(files: RecordFiles, wanted: Filter, user_key: Callable[[], Optional[bytes]]) -> Iterator[Record]:
    """Yield the records that match `wanted`, without their values. One that cannot be read has a `problem`.

    Args:
        files: the store's files.
        wanted: the filter.
        user_key: returns the key that authenticates the indices; without it (None) every file is opened.

    Raises:
        StorageError: the directory cannot be read.
    """
    parts = _parts(wanted) if wanted.stage == CURRENT else {}
    key = user_key() if parts else None
    if key is not None:
        yield from _list_narrowed(files, wanted, parts, key)
        return
    for file in _files(files, wanted):
        record = _list_file(files, file, wanted)
        if record is not None:
            yield record


def _files(files: RecordFiles, wanted: Filter) -> Iterator[str]:
    folder = files.layout.folder(wanted.stage)
    with translated("the directory", folder, writing=False, inside=True):
        return files.layout.files(wanted.stage)


def _list_file(files: RecordFiles, file: str, wanted: Filter) -> Optional[Record]:
    name = files.layout.name_of(file)
    if name is None or not name.startswith(wanted.prefix):
        return None
    if wanted.names_only:
        return Record(name, stage=wanted.stage)
    try:
        found = files.read(name, wanted.stage)
    except CredentialError as problem:
        return build_unreadable_row(name, wanted.stage, problem)
    return None if found is None else replace(found, fields={}, state={}, envelope=found.envelope)


def _list_narrowed(files: RecordFiles, wanted: Filter, parts: Dict[str, _Part], key: bytes) -> Iterator[Record]:
    """List with the indices. Files that have no valid entry are opened, and entered.

    The indices are written when the pass reaches its end; a pass that is left early writes nothing.
    """
    indices = {kind: Index(files.layout.index(kind), kind, key) for kind in parts}
    for index in indices.values():
        index.load()
    for file in _files(files, wanted):
        record = _list_if_matching(files, file, wanted, parts, indices)
        if record is not None:
            yield Record(record.name) if wanted.names_only else record
    if os.path.isdir(files.layout.hidden):
        for index in indices.values():
            index.save()


def _list_if_matching(
    files: RecordFiles, file: str, wanted: Filter, parts: Dict[str, _Part], indices: Dict[str, Index]
) -> Optional[Record]:
    try:
        now = fingerprint(os.path.join(files.layout.root, file))
    except OSError:  # It is gone, or cannot be read: the listing decides that in one place.
        return _list_file(files, file, replace(wanted, names_only=False))
    known = {kind: index.value(file, now) for kind, index in indices.items()}
    if any(value is not None and not parts[kind].matches(value) for kind, value in known.items()):
        return None
    record = _list_file(files, file, replace(wanted, names_only=False))
    if record is None or record.problem is not None:
        return record
    for kind in (kind for kind, value in known.items() if value is None):
        indices[kind].enter(file, now, parts[kind].value(record))
    return record if all(part.matches(part.value(record)) for part in parts.values()) else None
