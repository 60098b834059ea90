# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials in a private directory, one file each (A2). `local.layout` and docs/integrations/backends/local.md describe the layout."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import (
    Backend,
    BackendContext,
    Capabilities,
    Filter,
    Health,
    unhealthy,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import (
    absent,
    check_revision,
    check_swap,
    document_conflict,
    envelope_conflict,
    is_serial,
    next_serial,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.backups import Backups
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.change_log import ChangeLog
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.file_mode import read_mode
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.formats import FORMATS
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.history import read_write_time
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.layout import Layout
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.listing import list_records
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.maintenance import examine, sweep
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.options import ENCRYPTED, TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.record_files import MOST_BYTES, RecordFiles
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import (
    BackupCopy,
    BackupKeeper,
    EnvelopeRewriter,
    Flushable,
    Limited,
    Located,
    VersionRemover,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, EncryptionError, InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import write_durably
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.identity import describe_file
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import (
    check_private_directory,
    close_checkout,
    ensure_private_directory,
    make_directory,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB, read_file
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, Record, VersionInfo

_ROLE = "the store's directory"
_RECORD_ID_SIZE = 16
_MOST_BYTES_OF_DOCUMENT = MIB


class Local(Backend, Flushable, EnvelopeRewriter, BackupKeeper, Limited, Located, VersionRemover):
    """A store in a directory of this machine, for one user.

    Reads take no lock: a file is replaced as a whole or not at all. Writes of a name exclude each other by a file lock.
    """

    capabilities = Capabilities(versions=True, native_cas=True, stages=True, envelopes=True, max_bytes=MOST_BYTES)
    options = TRAITS.spec
    container = "a file of a local store"

    def __init__(self, options: Mapping[str, Any], context: BackendContext) -> None:
        """Take the options of `Local.options`. Opens nothing.

        Raises:
            InvalidConfiguration: an option is out of range, or a plain format lacks `allow_plaintext: true`.
        """
        super().__init__(options, context)
        self._format = FORMATS[self._check_format()]
        self._layout = Layout(os.path.abspath(expand_home(self.setting("path"), "path")), self._format.extension)
        self._backups = self._build_backups()
        kept = self._backups if self.setting("backup") else None
        keep, secure = self._at_least("keep_versions", 0), self.setting("secure_delete")
        log = ChangeLog(self._layout.root, self._layout.extension, context.find_indices)
        self._files = RecordFiles(self._layout, self._format, keep, secure, kept, read_mode(self.setting("permissions")), log=log)
        self._timeout = self._at_least("lock_timeout", 0)
        self._prepared = False

    def _build_backups(self) -> Backups:
        retention = self._at_least("backup_retention", 1)
        location = self.setting("backup_path") or self._layout.backups
        return Backups(os.path.abspath(expand_home(location, "backup_path")), retention, self.context.warn)

    def _check_format(self) -> str:
        chosen: str = self.setting("format")
        if chosen not in FORMATS:
            known = ", ".join(FORMATS)
            raise InvalidConfiguration(
                "there is no format {0}".format(ascii(chosen)), option="format", remedy="Choose one of: {0}.".format(known)
            )
        if chosen == ENCRYPTED:
            return chosen
        if not self.setting("allow_plaintext"):
            raise InvalidConfiguration(
                "the format '{0}' keeps secrets in plain text".format(chosen),
                option="format",
                store=self.context.store,
                remedy="Use 'format: encrypted', or also write 'allow_plaintext: true'.",
            )
        self.capabilities = replace(Local.capabilities, envelopes=False)
        return chosen

    def _at_least(self, option: str, least: int) -> Any:
        value = self.setting(option)
        if value < least:
            raise InvalidConfiguration("{0} is too small".format(value), option=option, remedy="Give {0} or more.".format(least))
        return value

    def connect(self) -> None:
        """Create the directory (0700), or check the existing one. One that git made is made private: git keeps no such modes.

        Raises:
            InsecurePermissions: others can read it, or it belongs to another user.
            InvalidConfiguration: it is not a directory.
            StorageError: it cannot be made.
        """
        if self._layout.tree is not None and self.capabilities.envelopes:
            with translated(_ROLE, self._layout.root):
                close_checkout(self._layout.root)
        self._ensure(self._layout.root, _ROLE, "path")

    def _ensure(self, path: str, role: str, option: str) -> None:
        try:
            ensure_private_directory(path, role, self.context.warn)
        except CredentialError as problem:
            problem.option = option
            raise problem.within(store=self.context.store) from None

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        name, stage = check_name(record.name), record.stage
        offered = self._format.admit(record)
        with self._writing(name, "put"):
            found = self._files.identify(name, stage)
            check_swap(name, found, expected, create)
            serial = next_serial(name, offered.serial, self._files.last_serial(name, stage, found))
            record_id = offered.record_id or (found and found.record_id) or os.urandom(_RECORD_ID_SIZE)
            stored = replace(record, version=str(serial), serial=serial, record_id=record_id, revision=0)
            self._files.replace(name, stage, self._format.write(stored), found, keeping=record.keep_replaced)
        return stored

    def _writing(self, name: str, operation: str) -> FileLock:
        """Return the lock that a write of `name` holds. Creates the folders first."""
        if not self._prepared:
            self._prepare()
        return FileLock(self._layout.lock(name), self._timeout, operation="{0} of '{1}'".format(operation, name))

    def _prepare(self) -> None:
        """Create the hidden folders and sweep, once per instance: a store that is only read needs neither."""
        with translated(_ROLE, self._layout.hidden, inside=True):
            self._layout.prepare()
            if self.setting("backup") and not self.setting("backup_path"):
                make_directory(self._backups.location)
        if self.setting("backup"):
            self._ensure(self._backups.location, "the backup folder", "backup_path")
        sweep(self._layout)
        self._prepared = True

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        try:
            found = self._files.read(check_name(name), stage)
        except EncryptionError:
            # An older value does not depend on the current one, and may be all that is left if that is damaged.
            if version is None or stage != CURRENT or not is_serial(version):
                raise
            kept = self._files.read_version(name, int(version))
            if kept is None:
                raise
            return kept
        if found is None:
            raise absent(name, stage=stage)
        if version is None or version == found.version:
            return found
        kept = self._older(found, version)
        if kept is None:
            raise absent(name, version, stage, self._files.readable(found))
        return kept

    def _older(self, found: Record, version: str) -> Optional[Record]:
        """Return a kept version; even one newer than `found`, in case an older file was put in its place."""
        if found.stage != CURRENT or not is_serial(version):
            return None
        return self._files.read_version(found.name, int(version))

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        name, stage = check_name(record.name), record.stage
        offered = self._format.admit(record)
        with self._writing(name, "patch_metadata"):
            found = self._files.read(name, stage)
            if found is None:
                raise absent(name, stage=stage)
            check_revision(found, offered, record.version, expected_revision)
            patched = replace(found, metadata=record.metadata, envelope=record.envelope, revision=expected_revision + 1)
            self._files.rewrite(self._layout.record(name, stage), self._format.write(patched))
        return replace(record, version=found.version, serial=found.serial, record_id=found.record_id, revision=patched.revision)

    def rewrite_envelope(self, record: Record, replaces: bytes) -> None:
        name = check_name(record.name)
        with self._writing(name, "rewrite_envelope"):
            if not self._files.rewrite_kept(name, record.stage, record.version, replaces, self._format.write(record)):
                raise envelope_conflict(name)

    def flush(self) -> None:
        """Make the envelopes durable that were rewritten in place. Every other write is durable when it returns."""
        self._files.sync_folders()

    def read_backups(self) -> Iterator[BackupCopy]:
        with translated("the backup folder", self._backups.location, inside=True):
            for name, path in self._backups.paths(self._layout.extension):
                content = self._files.read_copy(path)
                if content is not None:
                    yield BackupCopy(name, path, content)

    def rewrite_backup(self, copy: BackupCopy, envelope: bytes) -> None:
        if os.path.exists(copy.place):
            self._files.rewrite(copy.place, envelope)

    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        check_name(name)
        with self._writing(name, "delete"):
            if not self._files.exists(name, stage):
                raise absent(name, stage=stage)
            found = self._find_if_readable(name, stage, expected)
            if found is None:
                self._files.remove(name, stage, self._files.last_serial_of_damaged(name, stage), None)
                return
            check_swap(name, found, expected)
            self._files.remove(name, stage, found.serial or 0, found.record_id)

    def _find_if_readable(self, name: str, stage: str, expected: Optional[Etag]) -> Optional[Record]:
        """Return the value, or None if it cannot be read: it can be deleted too, unless a version of it is expected."""
        try:
            return self._files.identify(name, stage)
        except EncryptionError:
            if expected is not None:
                raise
            return None

    def remove_version(self, name: str, version: str, *, recoverable: bool = False, check: bool = False) -> None:
        with self._writing(check_name(name), "remove_version"):
            found = self._files.identify(name, CURRENT)
            if found is None:
                raise absent(name)
            if version == found.version or not is_serial(version) or not self._files.remove_version(name, int(version), check):
                raise absent(name, version, kept=[kept for kept in self._files.readable(found) if kept != found.version])

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        return list_records(self._files, wanted, editable=not self.capabilities.envelopes)

    def versions(self, name: str) -> List[VersionInfo]:
        try:
            found = self.get(name)
        except EncryptionError:
            kept = self._files.history.infos(name)
            if not kept:
                raise
            return kept
        current = VersionInfo(str(found.version), read_write_time(self._layout.record(name, CURRENT)), current=True)
        return sorted([current, *self._files.history.infos(name, found.serial)], key=lambda info: int(info.version), reverse=True)

    def last_serial(self, name: str, stage: str = CURRENT) -> int:
        return self._files.last_serial(check_name(name), stage, self._files.identify(name, stage))

    def read_store_document(self) -> Optional[bytes]:
        path = self._layout.store_document
        with translated("the store's document", path, writing=False, inside=True), suppress(FileNotFoundError):
            return read_file(path, _MOST_BYTES_OF_DOCUMENT)
        return None

    def write_store_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        if not self._prepared:
            self._prepare()
        path = self._layout.store_document
        with FileLock(self._layout.store_lock, self._timeout, operation="write of the store's document"), translated(
            "the store's document", path, inside=True
        ):
            if self.read_store_document() != replaces:
                raise document_conflict()
            write_durably(path, content)

    def measure_value(self, record: Record) -> int:
        return len(self._format.write(record))

    def location(self) -> str:
        return "local {0}".format(describe_file(self._layout.root))

    def locate(self, name: str) -> Dict[str, str]:
        return {"file": self._layout.record(check_name(name), CURRENT)}

    def health(self) -> Health:
        try:
            check_private_directory(self._layout.root, _ROLE, self.context.warn)
        except CredentialError as problem:
            return unhealthy(problem.within(option="path", store=self.context.store))
        return examine(self._layout)
