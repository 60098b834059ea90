# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials in the memory of this process (A1). Optionally the envelopes are kept in a file too."""

from __future__ import annotations

import copy
import os
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Set, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext, Capabilities, Filter, Health
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import (
    absent,
    check_revision,
    check_swap,
    document_conflict,
    envelope_conflict,
    next_serial,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.options import TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.snapshot import Snapshot, SnapshotFile
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import (
    EnvelopeRewriter,
    Flushable,
    Located,
    VersionRemover,
)
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import public_record
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidConfiguration,
    NotEncrypted,
    TooLarge,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.identity import describe_file
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, Fields, Record, VersionInfo
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

_Place = Tuple[str, str]
_RECORD_ID_SIZE = 16


def _own(fields: Fields) -> Dict[str, Secret]:
    """Return copies: a caller that wipes its secret must not wipe the store's."""
    return {key: Secret(value.expose()) for key, value in fields.items()}


def _copy(record: Record) -> Record:
    return replace(record, fields=_own(record.fields), state=_own(record.state))


def _identify_record(record: Record) -> Record:
    """Return a new record's serial and identity: those of its envelope if it has one."""
    return record if record.envelope is None else public_record(record.name, record.stage, record.envelope)


class Memory(Backend, Flushable, EnvelopeRewriter, Located, VersionRemover):
    """A store that ends with its process, for tests and for values that must not reach a disk."""

    capabilities = Capabilities(versions=True, native_cas=True, stages=True, envelopes=True, persistent=False)
    options = TRAITS.spec

    def __init__(self, options: Mapping[str, Any], context: BackendContext) -> None:
        """Take the options of `Memory.options`. Opens nothing.

        Raises:
            InvalidConfiguration: an option is out of range, or `persist_on_shutdown` lacks a path or encryption.
        """
        super().__init__(options, context)
        self._lock = threading.RLock()
        self._values: Dict[_Place, List[Tuple[Record, datetime]]] = {}
        self._last_serials: Dict[_Place, int] = {}
        self._document: Optional[bytes] = None
        self._unwritten: Set[int] = set()
        self._changed: Set[_Place] = set()
        self._dropped: Dict[int, CredentialError] = {}
        self._check_limits()
        self._file = self._check_persistence()
        if self._file is not None:
            self.capabilities = replace(Memory.capabilities, persistent=True)

    def _check_limits(self) -> None:
        for option, least in (("max_credentials", 1), ("keep_versions", 0)):
            if self.setting(option) < least:
                raise InvalidConfiguration(
                    "{0} is too small".format(self.setting(option)), option=option, remedy="Give {0} or more.".format(least)
                )

    def _check_persistence(self) -> Optional[SnapshotFile]:
        if not self.setting("persist_on_shutdown"):
            return None
        if self.settings.get("encrypt") is False:
            raise InvalidConfiguration(
                "only an encrypted store may be written to a file",
                option="persist_on_shutdown",
                store=self.context.store,
                remedy="Remove 'encrypt: false', or leave 'persist_on_shutdown' at false.",
            )
        path: str = self.setting("persist_path")
        if not path:
            raise InvalidConfiguration(
                "'persist_on_shutdown' needs it", option="persist_path", remedy="Name a file of a directory that only you can read."
            )
        return SnapshotFile(os.path.abspath(expand_home(path, "persist_path")))

    def connect(self) -> None:
        """Load the values that an earlier process persisted, if that is configured.

        Raises:
            Damaged: the file does not hold what was written.
            StorageError: it cannot be read.
        """
        if self._file is not None:
            with self._lock:
                self._load(self._file)

    def _load(self, file: SnapshotFile) -> None:
        with translated("the persisted store", file.path, writing=False):
            snapshot = file.load()
        self._values = {
            place: [(record, record.full_metadata.updated_at) for record in records] for place, records in snapshot.values.items()
        }
        self._last_serials = dict(snapshot.last_serials)
        self._document = snapshot.document

    def flush(self) -> None:
        """Write the envelopes to `persist_path`, if that is configured and there are changes.

        If the write fails, no change was acknowledged: all are dropped, and the file's content is loaded instead. Each thread
        that made one of them gets the error, because none of its changes was acknowledged either.
        """
        with self._lock:
            this = threading.get_ident()
            if this in self._dropped:
                raise self._dropped.pop(this)
            if self._file is None or not self._unwritten:
                return
            threads, self._unwritten = self._unwritten, set()
            changed, self._changed = self._changed, set()
            try:
                with translated("the persisted store", self._file.path):
                    self._file.save(self._take(changed), lambda: self._take(self._last_serials))
            except CredentialError as problem:
                self._dropped.update((thread, copy.copy(problem)) for thread in threads if thread != this)
                raise

    def _take(self, places: Iterable[_Place]) -> Snapshot:
        """Return what the store holds at `places`, as its file keeps it."""
        serials = {place: self._last_serials[place] for place in places}
        return Snapshot({place: [record for record, _each in self._values.get(place, [])] for place in serials}, serials, self._document)

    def close(self) -> None:
        """Write unsaved changes."""
        self.flush()

    @contextmanager
    def _using(self, *, changing: Optional[_Place] = None) -> Iterator[None]:
        """Hold the lock; with `changing`, mark that place as unsaved after the block."""
        with self._lock:
            self._follow()
            yield
            if changing is not None:
                self._unwritten.add(threading.get_ident())
                self._changed.add(changing)

    def _follow(self) -> None:
        """Load what another process has written, unless this process has unsaved changes."""
        if self._file is None or self._unwritten:
            return
        with translated("the persisted store", self._file.path, writing=False):
            known = self._file.is_known()
        if not known:
            self._load(self._file)

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        place = (check_name(record.name), record.stage)
        if self._file is not None and record.envelope is None:
            raise NotEncrypted("a plain value was given to a store that persists", name=record.name, remedy="Remove 'encrypt: false'.")
        offered = _identify_record(record)
        with self._using(changing=place):
            found = self._find(place)
            check_swap(record.name, found, expected, create)
            self._check_room(record.name)
            serial = next_serial(record.name, offered.serial, self._last_serials.get(place, 0))
            record_id = offered.record_id or (found and found.record_id) or os.urandom(_RECORD_ID_SIZE)
            stored = replace(record, version=str(serial), serial=serial, record_id=record_id, revision=0)
            self._keep(place, stored)
            self._last_serials[place] = serial
        return stored

    def _check_room(self, name: str) -> None:
        most = self.setting("max_credentials")
        names = {kept for kept, _each in self._values} if len(self._values) >= most else frozenset((name,))
        if name not in names and len(names) >= most:
            raise TooLarge("the store holds {0} credentials, which is its limit".format(most), name=name, remedy="Raise 'max_credentials'.")

    def _keep(self, place: _Place, stored: Record) -> None:
        older = self._values.get(place, []) if place[1] == CURRENT else []
        kept = [(replace(_copy(stored), keep_replaced=True), datetime.now(timezone.utc)), *older[0 if stored.keep_replaced else 1 :]]
        self._values[place] = kept[: self.setting("keep_versions") + 1]

    def _find(self, place: _Place) -> Optional[Record]:
        kept = self._values.get(place)
        return kept[0][0] if kept else None

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        with self._using():
            kept = self._values.get((check_name(name), stage), [])
            for record, _each in kept[:1] if version is None else kept:
                if version is None or record.version == version:
                    return _copy(record)
            raise absent(name, version if kept else None, stage, [str(record.version) for record, _each in kept])

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        place = (check_name(record.name), record.stage)
        offered = _identify_record(record)
        with self._using(changing=place):
            found = self._find(place)
            if found is None:
                raise absent(record.name, stage=record.stage)
            check_revision(found, offered, record.version, expected_revision)
            patched = replace(found, metadata=record.metadata, envelope=record.envelope, revision=expected_revision + 1)
            self._values[place][0] = (patched, self._values[place][0][1])
        return replace(record, version=found.version, serial=found.serial, record_id=found.record_id, revision=patched.revision)

    def rewrite_envelope(self, record: Record, replaces: bytes) -> None:
        place = (check_name(record.name), record.stage)
        with self._using(changing=place):
            kept = self._values.get(place, [])
            for position, (found, written) in enumerate(kept):
                if record.version in (None, found.version):
                    if found.envelope != replaces:
                        raise envelope_conflict(record.name)
                    kept[position] = (replace(found, envelope=record.envelope), written)
                    return
            raise absent(record.name, record.version if kept else None, record.stage)

    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        place = (check_name(name), stage)
        with self._using(changing=place):
            found = self._find(place)
            if found is None:
                raise absent(name, stage=stage)
            check_swap(name, found, expected)
            for record, _each in self._values.pop(place):
                _wipe(record)

    def remove_version(self, name: str, version: str, *, recoverable: bool = False, check: bool = False) -> None:
        place = (check_name(name), CURRENT)
        with self._using(changing=None if check else place):
            kept = self._values.get(place, [])
            for position, (record, _written) in enumerate(kept):
                if position and record.version == version:
                    if not check:
                        _wipe(kept.pop(position)[0])
                    return
            raise absent(name, version if kept else None, kept=[str(record.version) for record, _each in kept[1:]])

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        with self._using():
            names = [name for name, stage in self._values if stage == wanted.stage and name.startswith(wanted.prefix)]
        for name in names:
            with self._using():
                found = self._find((name, wanted.stage))
            if found is None:
                continue
            yield Record(name, stage=wanted.stage) if wanted.names_only else replace(found, fields={}, state={})

    def versions(self, name: str) -> List[VersionInfo]:
        with self._using():
            kept = self._values.get((check_name(name), CURRENT))
            if not kept:
                raise absent(name)
            return [VersionInfo(str(record.version), written, position == 0) for position, (record, written) in enumerate(kept)]

    def last_serial(self, name: str, stage: str = CURRENT) -> int:
        with self._using():
            return self._last_serials.get((check_name(name), stage), 0)

    def read_store_document(self) -> Optional[bytes]:
        with self._using():
            return self._document

    def write_store_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        with self._using():
            if self._document != replaces:
                raise document_conflict()
            self._document = content
            self._unwritten.add(threading.get_ident())
        self.flush()

    def location(self) -> str:
        return "memory {0}".format(id(self) if self._file is None else describe_file(self._file.path))

    def locate(self, name: str) -> Dict[str, str]:
        return {"process": str(os.getpid())} if self._file is None else {"file": self._file.path}

    def health(self) -> Health:
        return Health()


def _wipe(record: Record) -> None:
    for secret in (*record.fields.values(), *record.state.values()):
        secret.wipe()
