# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lock as a locked file (flock): for the processes of one machine. The kernel frees it when its holder ends in any way."""

from __future__ import annotations

import os
from typing import Any, Callable, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import release_lock, wait_for_lock
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import open_regular, read_file
from ansible_collections.nebula.credential.plugins.module_utils.locks.base import Lock, LockService, build_holder

_MOST_OF_A_HOLDER = 128


class FileLocks(LockService):
    """A directory of lock files. The files stay."""

    def __init__(self, settings: Mapping[str, Any], store: str, warn: Callable[[str], object]) -> None:
        super().__init__(settings, store, warn)
        self._directory = os.path.abspath(expand_home(settings["path"], "path"))

    def build_lock(self, key: str) -> Lock:
        with translated("the directory of locks", self._directory):
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
        return _Lock(os.path.join(self._directory, key))


class _Lock(Lock):
    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor: Optional[int] = None

    def try_acquire(self) -> bool:
        with translated("the lock file", self._path):
            descriptor = open_regular(self._path, os.O_RDWR | os.O_CREAT)
            is_held = False
            try:
                # A file that was removed after it was opened is no lock: another process makes a new one.
                is_held = wait_for_lock(descriptor, 0) and self._is_at_path(descriptor)
                if is_held:
                    os.truncate(descriptor, 0)
                    os.pwrite(descriptor, build_holder().encode("ascii"), 0)
            finally:
                if not is_held:
                    os.close(descriptor)
        self._descriptor = descriptor if is_held else None
        return is_held

    def release(self) -> bool:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return False
        was_held = self._is_at_path(descriptor)
        release_lock(descriptor)
        return was_held

    def find_holder(self) -> str:
        with translated("the lock file", self._path, writing=False):
            return read_file(self._path, _MOST_OF_A_HOLDER).decode("ascii", "replace")

    def _is_at_path(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self._path))
        except OSError:
            return False
