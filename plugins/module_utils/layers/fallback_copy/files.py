# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of fallback copies: one for each value, sealed, in a private directory. Each is complete or absent.

Beside them is the document of an encrypted store, which chains the audit trail. It holds only wrapped keys.

A file is named by what its place is in `Entries`, so it shows neither the name of a credential nor its version. Its modification time is
when the copy ends, so that any process can remove copies that have ended, without a key.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from typing import Callable, List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import Temporary, remove_left_over, write_durably
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import ensure_private_directory
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB, read_file

ROLE = "the directory of the fallback copies"
_MOST_BYTES = 16 * MIB
"""A larger value is not copied."""
_COPY = re.compile("[0-9a-f]{32}-([0-9a-f]{32}-[0-9a-f]{32}|document)")
_RING = "ring.json"


class CopyFiles:
    """Copies by place, and one document: that of the ring that seals them. Every method raises a CredentialError if a file fails it."""

    def __init__(self, directory: str, warn: Callable[[str], object]) -> None:
        """Take the directory, which is made when the first file is written, and a function for warnings."""
        self._directory = directory
        self._warn = warn
        self._is_swept = False

    def find(self, place: str) -> Optional[bytes]:
        """Return the copy at a place; None if there is none."""
        return self._read(place)

    def keep(self, place: str, content: bytes, ends_at: float) -> None:
        """Write a copy that ends at that time (seconds since 1970). One that is too large is not kept, and neither is the one before."""
        if len(content) > _MOST_BYTES:
            self._remove(place)
            return
        self._prepare()
        with translated("the fallback copy", self._path(place)), Temporary(self._directory) as temporary:
            temporary.write(content)
            os.utime(temporary.path, (ends_at, ends_at))
            temporary.sync()
            temporary.become(self._path(place))

    def drop(self, start: str) -> None:
        """Remove each copy whose place begins so."""
        for name in self._list():
            if name.startswith(start):
                self._remove(name)

    def document(self) -> Optional[bytes]:
        """Return the document of the ring."""
        return self._read(_RING)

    def replace_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        """Write the document of the ring if it is still the one that it `replaces`.

        Raises:
            Conflict: another process has written it meanwhile.
        """
        self._prepare()
        with FileLock(self._path("lock"), operation="the key ring of the fallback copies"):
            if self.document() != replaces:
                raise Conflict("another run changed the key ring of the fallback copies first")
            with translated("the key ring of the fallback copies", self._path(_RING)):
                write_durably(self._path(_RING), content)

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)

    def _prepare(self) -> None:
        """Make the directory, or check it. Once for each process, remove what has ended, and what killed writers have left."""
        ensure_private_directory(self._directory, ROLE, self._warn)
        if not self._is_swept:
            self._is_swept = True
            for name in self._list():
                with suppress(OSError):
                    if os.stat(self._path(name)).st_mtime < time.time():
                        self._remove(name)
            with suppress(OSError):
                remove_left_over(self._directory)

    def _list(self) -> List[str]:
        try:
            with translated(ROLE, self._directory, writing=False):
                return [name for name in os.listdir(self._directory) if _COPY.fullmatch(name)]
        except FileNotFoundError:
            return []

    def _remove(self, name: str) -> None:
        with suppress(FileNotFoundError), translated("the fallback copy", self._path(name)):
            os.unlink(self._path(name))

    def _read(self, name: str) -> Optional[bytes]:
        if not os.path.isdir(self._directory):
            return None
        ensure_private_directory(self._directory, ROLE, self._warn)
        try:
            return read_file(self._path(name), _MOST_BYTES, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        except OSError as error:
            with translated("the fallback copy", self._path(name), writing=False):
                raise error
