# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove what killed sessions left behind: directories of this user whose run is gone."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path

from ansible_collections.nebula.credential.plugins.plugin_utils.session.endpoint import is_locked, is_private
from ansible_collections.nebula.credential.plugins.plugin_utils.session.peer import read_start_time
from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import Place


def sweep(base: str, own: str) -> None:
    """Remove such directories below `base`, except `own`. A directory whose state is unknown stays."""
    for entry in Path(base).glob("nebula-{0}-*-*-*".format(os.geteuid())):
        process, started = entry.name.split("-")[2:4]
        if str(entry) != own and process.isdigit() and is_private(str(entry)) and not _lives(int(process), started):
            with suppress(OSError):
                _remove_unused(Place(str(entry)))

    for entry in Path(base).glob("nebula-{0}-linger-*".format(os.geteuid())):
        if is_private(str(entry)):
            with suppress(OSError):
                _remove_unused(Place(str(entry)))


def _remove_unused(where: Place) -> None:
    """Remove the directory unless a session starts or lives there: its run may be invisible, in another container that shares `base`.

    The lock of the start is held meanwhile. A run that has just made the directory finds it gone, and makes it again.
    """
    lock = os.open(where.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not is_locked(where.start_file):
            shutil.rmtree(where.directory, ignore_errors=True)
    finally:
        os.close(lock)


def _lives(process: int, started: str) -> bool:
    with suppress(PermissionError):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
    return not started or read_start_time(process) == started
