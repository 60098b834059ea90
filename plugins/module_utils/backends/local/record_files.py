# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of records: read, replaced with the old value kept, rewritten, removed. The caller holds the name's lock for writes."""

from __future__ import annotations

import os
import threading
from contextlib import nullcontext, suppress
from typing import Callable, ContextManager, List, Optional, Set

from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import absent, is_serial
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.backups import Backups
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.change_log import ChangeLog
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.formats import Format
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.history import History, Tombstones
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.layout import Layout
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Damaged
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import (
    PRIVATE_FILE,
    Temporary,
    fsync_directory,
    remove_file,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB, check_no_device, read_file
from ansible_collections.nebula.credential.plugins.module_utils.model.names import FILE_NAMES
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Record

_ROLE = "the file of the credential"
MOST_BYTES = 64 * MIB
"""The most bytes of a credential, as its file holds them."""
_SPARE = MIB
"""Bytes. A file may be that much larger: serial and identity are set after the size is compared."""


class RecordFiles:
    """The records of one store as files. Errors are of the neutral tree."""

    def __init__(
        self,
        layout: Layout,
        record_format: Format,
        keep: int,
        secure: bool,
        backups: Optional[Backups],
        mode: int = PRIVATE_FILE,
        *,
        log: ChangeLog,
    ) -> None:
        """Keep `keep` older values of each credential, wipe deleted values if `secure`, copy to `backups` if given. Files have `mode`.

        Changes of current values are recorded in `log`.
        """
        self._mode = mode
        self.log = log
        self.layout = layout
        self.history = History(layout, keep)
        self._format = record_format
        self._tombstones = Tombstones(layout)
        self._secure = secure
        self._unsynced: Set[str] = set()
        self._syncing = threading.Lock()
        self._backups = backups

    def read(self, name: str, stage: str) -> Optional[Record]:
        """Return the value of a stage, or None.

        Raises:
            Damaged: the file does not hold what was written.
            NotEncrypted: it is plain and the format is `encrypted`.
            StorageError: it cannot be read.
        """
        return self._read(self.layout.record(name, stage), name, stage)

    def read_version(self, name: str, serial: int) -> Optional[Record]:
        """Return an older value, or None. Raises as `read`."""
        return self._read(self.layout.version(name, serial), name, CURRENT)

    def identify(self, name: str, stage: str) -> Optional[Record]:
        """Return the parts of a stage's value that a writer compares: metadata may be left out. Raises as `read`."""
        return self._read(self.layout.record(name, stage), name, stage, self._format.identify)

    def read_copy(self, path: str) -> Optional[bytes]:
        """Return the content of a copy of a value; None if it is gone or cannot be one: it is no regular file, or too large."""
        try:
            return self._read_file("the copy", path)
        except Damaged:
            return None

    def _read_file(self, role: str, path: str) -> Optional[bytes]:
        with translated(role, path, writing=False, inside=True), suppress(FileNotFoundError):
            return read_file(path, MOST_BYTES + _SPARE)
        return None

    def _read(self, path: str, name: str, stage: str, parse: Optional[Callable[[str, str, bytes], Record]] = None) -> Optional[Record]:
        try:
            data = self._read_file(_ROLE, path)
            return None if data is None else (parse or self._format.read)(name, stage, data)
        except CredentialError as problem:
            raise problem.within(name=name) from None

    def exists(self, name: str, stage: str) -> bool:
        """Return True if there is a file, readable or not."""
        return os.path.lexists(self.layout.record(name, stage))

    def last_serial(self, name: str, stage: str, found: Optional[Record]) -> int:
        """Return the highest serial ever stored for the name and stage; `found` is the present value."""
        return max(self._tombstones.serial(name, stage), (found and found.serial) or 0)

    def last_serial_of_damaged(self, name: str, stage: str) -> int:
        """Return a serial that is not below the one in an unreadable file: serials rise one by one."""
        return 1 + max([self._tombstones.serial(name, stage), *self.history.serials(name)])

    def replace(self, name: str, stage: str, content: bytes, found: Optional[Record], *, keeping: bool) -> None:
        """Replace the value `found` with a new one. With `keeping`, `found` is durable under a second name before it is replaced."""
        path = self.layout.record(name, stage)
        with translated(_ROLE, path, inside=True), self._create_temporary(path) as temporary:
            temporary.write(content)
            if found is None or stage != CURRENT or not keeping:
                temporary.sync()
            else:
                self.history.keep(name, found.serial or 0)
                temporary.sync()
                self.history.sync(name)
                self._back_up(name, found.serial or 0)
            self._put_in_place(temporary, path)
        if found is not None and stage == CURRENT and keeping:
            self.history.prune(name, found.serial or 0)

    def rewrite(self, path: str, content: bytes, *, synced: bool = True) -> None:
        """Write the same value with other metadata or under another key: no version, no backup, the same modification time.

        Without `synced`, a power cut can bring back the file before that until `sync_folders` has been called.
        """
        with translated(_ROLE, path, inside=True), self._create_temporary(path) as temporary:
            temporary.write(content)
            temporary.keep_time_of(path)
            temporary.sync()
            self._put_in_place(temporary, path, synced)

    def sync_folders(self) -> None:
        """Make everything durable that was rewritten without that: one sync for each folder, however many files were rewritten.

        Raises:
            StorageError: a folder cannot be synced.
        """
        with self._syncing:  # who comes second returns when it is durable, too
            while self._unsynced:
                folder = next(iter(self._unsynced))
                self._unsynced.discard(folder)  # before the sync: what is rewritten from here on needs another one
                try:
                    with translated("the folder", folder, inside=True):
                        fsync_directory(folder)
                except CredentialError:
                    self._unsynced.add(folder)
                    raise

    def _create_temporary(self, path: str) -> Temporary:
        """Create a temporary file for `path`. One for a current value is not created next to it: that would change the logged directory."""
        folder = os.path.dirname(path)
        return Temporary(self.layout.hidden if folder == self.layout.root else folder, self._mode)

    def _put_in_place(self, temporary: Temporary, path: str, synced: bool = True) -> None:
        with self._recording(path):
            temporary.become(path, synced=False)
        if synced:
            fsync_directory(os.path.dirname(path))
        else:
            self._unsynced.add(os.path.dirname(path))

    def _recording(self, path: str) -> ContextManager[None]:
        folder, file = os.path.split(path)
        return self.log.recording(file) if folder == self.layout.root else nullcontext()

    def rewrite_kept(self, name: str, stage: str, version: Optional[str], replaces: bytes, content: bytes) -> bool:
        """Replace `replaces` with `content` in the stage's file or in a kept version. Return False if other bytes are stored.

        It is durable after `sync_folders`.
        """
        found = self.identify(name, stage)
        if found is None:
            raise absent(name, stage=stage)
        path = self.layout.record(name, stage)
        if version not in (None, found.version):
            if stage != CURRENT or not is_serial(version or ""):
                raise absent(name, version, stage)
            path = self.layout.version(name, int(version or ""))
            found = self._read(path, name, stage)
        if found is None:
            raise absent(name, version, stage)
        if found.envelope != replaces:
            return False
        self.rewrite(path, content, synced=False)
        return True

    def remove(self, name: str, stage: str, serial: int, record_id: Optional[bytes]) -> None:
        """Remove a value. The tombstone is made durable first, then the older values are removed, then the file: so a crash leaves a value
        that can be deleted again, never an older value without the current one.
        """
        path = self.layout.record(name, stage)
        check_no_device(path)
        with translated(_ROLE, path, inside=True):
            self._tombstones.write(name, stage, serial, record_id)
            if stage == CURRENT:
                self._back_up(name, serial)
                self.history.remove(name, self._secure)
            with self._recording(path):
                remove_file(path, secure=self._secure)
            fsync_directory(self.layout.folder(stage))

    def remove_version(self, name: str, serial: int, check: bool) -> bool:
        """Remove one kept version. Return whether there is one; with `check`, remove nothing."""
        with translated(_ROLE, self.layout.version(name, serial), inside=True):
            return self.history.has(name, serial) if check else self.history.remove_one(name, serial, self._secure)

    def _back_up(self, name: str, serial: int) -> None:
        if self._backups is None:
            return
        with translated("the backup folder", self._backups.location, inside=True):
            self._backups.add(self.layout.record(name, CURRENT), FILE_NAMES.escape(name), str(serial) + self.layout.extension)

    def readable(self, found: Record) -> List[str]:
        """Return the readable versions, newest first, for messages."""
        return [str(found.version)] + [info.version for info in self.history.infos(found.name, found.serial)]
