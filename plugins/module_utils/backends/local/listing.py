# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists a local store: what an index finds, else one scan of a directory."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Iterable, Iterator, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter, build_unreadable_row
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.record_files import RecordFiles
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Record


def list_records(files: RecordFiles, wanted: Filter, *, editable: bool) -> Iterator[Record]:
    """Yield the records that match `wanted`, without their values. One that cannot be read has a `problem`.

    Args:
        files: the store's files.
        wanted: the filter. Without an index, records are yielded whatever their type, tags and times.
        editable: people may edit the files in their place, and an index looks at each file. So it saves nothing if only names are compared.

    Raises:
        StorageError: the directory cannot be read.
    """
    names = _find_names(files, wanted, editable)
    if names is None:
        for name in _scan(files, wanted):
            record = Record(name, stage=wanted.stage) if wanted.names_only else read_row(files, name, wanted.stage)
            if record is not None:
                yield record
        return
    for name in names:
        record = _read_found(files, name, wanted)
        if record is not None:
            yield record


def _find_names(files: RecordFiles, wanted: Filter, editable: bool) -> Optional[Iterable[str]]:
    """Return the names of the credentials that can match, or None if there is no index for that filter."""
    reads_names = wanted == Filter(prefix=wanted.prefix, names_only=wanted.names_only)
    path = files.log.find_index()
    if path is None or wanted.stage != CURRENT or (reads_names and (editable or not wanted.prefix)):
        return None
    from ansible_collections.nebula.credential.plugins.module_utils.backends.local.index import Index

    index = Index(files.layout, files.log, path, lambda name: read_row(files, name, CURRENT), editable)
    return index.find_names(wanted)


def _scan(files: RecordFiles, wanted: Filter) -> Iterator[str]:
    folder = files.layout.folder(wanted.stage)
    with translated("the directory", folder, writing=False, inside=True):
        found = files.layout.files(wanted.stage)
    for file in found:
        name = files.layout.name_of(file)
        if name is not None and name.startswith(wanted.prefix):
            yield name


def read_row(files: RecordFiles, name: str, stage: str) -> Optional[Record]:
    """Return a record without its value, with a `problem` if it cannot be read; None if there is none.

    Raises:
        InvalidInput, Unavailable, Timeout: what prevents it concerns more than this record.
    """
    try:
        found = files.read(name, stage)
    except CredentialError as problem:
        return build_unreadable_row(name, stage, problem)
    # An envelope has neither: then nothing has to be removed.
    return replace(found, fields={}, state={}) if found is not None and (found.fields or found.state) else found


def _read_found(files: RecordFiles, name: str, wanted: Filter) -> Optional[Record]:
    """Return a record that the index has found, if it matches. Only the name of it is needed if only the name was compared."""
    if wanted.names_only and wanted == Filter(prefix=wanted.prefix, names_only=True):
        return Record(name) if os.path.lexists(files.layout.record(name, wanted.stage)) else None
    record = read_row(files, name, wanted.stage)
    if record is None or record.problem is not None:
        return record
    if not _matches(record, wanted):
        return None
    return Record(name) if wanted.names_only else record


def _matches(record: Record, wanted: Filter) -> bool:
    metadata = record.full_metadata
    return (
        wanted.type in (None, record.type)
        and (wanted.created_after is None or metadata.created_at >= wanted.created_after)
        and (wanted.created_before is None or metadata.created_at < wanted.created_before)
        and all(tag in metadata.tags and value in (None, metadata.tags[tag]) for tag, value in wanted.tags)
    )
