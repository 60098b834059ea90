# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove what killed sessions left behind: directories of this user whose run is gone."""

from __future__ import annotations

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
        if str(entry) != own and process.isdigit() and is_private(str(entry)) and not _is_used(Place(str(entry)), int(process), started):
            shutil.rmtree(entry, ignore_errors=True)


def _is_used(where: Place, process: int, started: str) -> bool:
    """Return True if its run lives, or a session: the run may be invisible, in another container that shares the directory."""
    return _lives(process, started) or is_locked(where.lock) or is_locked(where.start_file)


def _lives(process: int, started: str) -> bool:
    with suppress(PermissionError):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
    return not started or read_start_time(process) == started
