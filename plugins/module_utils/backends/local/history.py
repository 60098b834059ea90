# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Older values of a credential, and the records of deleted ones."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import datetime, timezone
from typing import List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import is_serial
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.layout import Layout
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import (
    fsync_directory,
    keep_under,
    remove_file,
    write_durably,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import make_directory
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import KIB, read_file
from ansible_collections.nebula.credential.plugins.module_utils.model.record import VersionInfo

_ROLE = "an older value"
_MOST_BYTES = 64 * KIB
"""The most bytes of a tombstone."""


class History:
    """The kept versions of `current`: hard links to the files that were replaced, named by their serial."""

    def __init__(self, layout: Layout, keep: int) -> None:
        """Keep at most `keep` older versions of a credential; 0 keeps none."""
        self._layout = layout
        self._keep = keep

    def keep(self, name: str, serial: int) -> None:
        """Keep the current file as the version `serial`. It is durable after `self.sync(name)`."""
        if not self._keep:
            return
        path, kept = self._layout.record(name, "current"), self._layout.version(name, serial)
        try:
            keep_under(path, kept)
        except FileNotFoundError:
            make_directory(self._layout.versions(name))
            keep_under(path, kept)

    def sync(self, name: str) -> None:
        """Make the kept versions durable. Call it before the file is replaced, else a crash could lose both."""
        if self._keep:
            fsync_directory(self._layout.versions(name))

    def prune(self, name: str, newest: int) -> None:
        """Unlink surplus versions; `newest` is the serial of the youngest kept one.

        Usually there is exactly one, and its serial is known. Otherwise (a gap, a lowered option, a crash) all are checked.
        Something that is in their way fails no write: the new value is stored already, and readers of versions report it.
        """
        surplus = newest - self._keep
        with suppress(Damaged):
            if surplus > 0 and not (self._unlink(name, surplus) and not self._unlink(name, surplus - 1)):
                for serial in self.serials(name)[self._keep :]:
                    self._unlink(name, serial)

    def _unlink(self, name: str, serial: int) -> bool:
        path = self._layout.version(name, serial)
        with translated(_ROLE, path, inside=True), suppress(FileNotFoundError):
            remove_file(path)
            return True
        return False

    def serials(self, name: str) -> List[int]:
        """Return the serials of the kept versions, highest first.

        Raises:
            Damaged: something else is where their directory belongs.
            StorageError: it cannot be read.
        """
        folder, files = self._layout.versions(name), []
        with translated(_ROLE, folder, writing=False, inside=True), suppress(FileNotFoundError):
            files = os.listdir(folder)
        stems = (file[: -len(self._layout.extension)] for file in files if file.endswith(self._layout.extension))
        return sorted((int(stem) for stem in stems if is_serial(stem)), reverse=True)

    def infos(self, name: str, current: Optional[int] = None) -> List[VersionInfo]:
        """Return the kept versions but the serial `current`, newest first."""
        found = (self._info(name, serial) for serial in self.serials(name) if serial != current)
        return [info for info in found if info is not None]

    def _info(self, name: str, serial: int) -> Optional[VersionInfo]:
        written = read_write_time(self._layout.version(name, serial))
        return None if written is None else VersionInfo(str(serial), written)

    def remove(self, name: str, secure: bool) -> None:
        """Remove every kept version, wiped if `secure`."""
        for serial in self.serials(name):
            with suppress(FileNotFoundError):
                remove_file(self._layout.version(name, serial), secure=secure)
        with suppress(OSError):
            os.rmdir(self._layout.versions(name))

    def has(self, name: str, serial: int) -> bool:
        """Return True if that version is kept."""
        return os.path.lexists(self._layout.version(name, serial))

    def remove_one(self, name: str, serial: int, secure: bool) -> bool:
        """Remove one kept version, wiped if `secure`. Return False if there is none."""
        if not self.has(name, serial):
            return False
        remove_file(self._layout.version(name, serial), secure=secure)
        fsync_directory(self._layout.versions(name))
        return True


def read_write_time(path: str) -> Optional[datetime]:
    """Return when the file was written, in UTC, or None if there is no file.

    Raises:
        Damaged, StorageError: it cannot be reached.
    """
    with translated("the file", path, writing=False, inside=True), suppress(FileNotFoundError):
        return datetime.fromtimestamp(os.stat(path).st_mtime, timezone.utc)
    return None


class Tombstones:
    """Small files that keep the last serial of deleted values, so that none is ever used again."""

    def __init__(self, layout: Layout) -> None:
        """Keep them at the paths of `layout`."""
        self._layout = layout

    def write(self, name: str, stage: str, serial: int, record_id: Optional[bytes]) -> None:
        """Record a deletion, durably."""
        content = {
            "serial": max(serial, self.serial(name, stage)),
            "record_id": (record_id or b"").hex(),
            "deleted_at": datetime.now(timezone.utc).isoformat(),
        }
        write_durably(self._layout.tombstone(name, stage), json.dumps(content).encode("ascii"))

    def serial(self, name: str, stage: str) -> int:
        """Return the last serial before the deletion, or 0 if nothing was deleted.

        Raises:
            Damaged: the tombstone does not hold what was written, or something else is where its directory belongs.
            StorageError: it cannot be read.
        """
        path = self._layout.tombstone(name, stage)
        try:
            with translated("the tombstone", path, writing=False, inside=True), suppress(FileNotFoundError):
                return self._read(path)
        except Damaged as problem:
            raise problem.within(name=name) from None
        return 0

    def _read(self, path: str) -> int:
        try:
            serial = read_json(read_file(path, _MOST_BYTES))["serial"]
            if serial.__class__ is int and 0 <= serial < 2**63:
                return int(serial)
        except (ValueError, KeyError, TypeError, Damaged):
            pass
        raise Damaged(
            "the tombstone {0} is damaged, so the last serial of the deleted credential is unknown".format(path),
            remedy="Remove that file. In an encrypted store the high-water mark next to the key still refuses older values.",
        )
