# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Maintenance of a local store: removes what killed writers left, and reports its health."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import List

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import DEGRADED, UNHEALTHY, Health
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.layout import Layout
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import remove_left_over
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import open_regular
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, STAGES

_SWEEP_EVERY = 3600.0
"""Seconds. A scan of the directory is cheap, but too expensive for every write."""
_LITTLE_ROOM = 16 * 1024 * 1024
"""Bytes."""


def sweep(layout: Layout) -> None:
    """Remove the temporary files of killed writers, at most once an hour for all processes. Best effort."""
    with suppress(OSError, Damaged):
        if time.time() - _read_sweep_time(layout) < _SWEEP_EVERY:
            return
        os.close(open_regular(layout.sweep_mark, os.O_WRONLY | os.O_CREAT))
        os.utime(layout.sweep_mark)
        for folder in _folders(layout):
            remove_left_over(folder)


def _read_sweep_time(layout: Layout) -> float:
    try:
        return os.stat(layout.sweep_mark).st_mtime
    except FileNotFoundError:
        return 0.0


def _folders(layout: Layout) -> List[str]:
    stages = [layout.folder(stage) for stage in STAGES if stage != CURRENT]
    tombstones = [os.path.dirname(layout.tombstone("x", stage)) for stage in STAGES]
    return [layout.root, layout.hidden, *stages, *tombstones]


def examine(layout: Layout) -> Health:
    """Return whether the store's directory can be used now. Raises nothing."""
    try:
        room = os.statvfs(layout.root)
        with os.scandir(layout.root) as entries:
            next(entries, None)  # one entry: whether it can be read does not depend on how many there are
    except OSError:
        return Health(UNHEALTHY, ("the store's directory {0} cannot be read".format(layout.root),))
    reasons = []
    if not os.access(layout.root, os.W_OK | os.X_OK):
        reasons.append("the store's directory {0} cannot be written".format(layout.root))
    if room.f_bavail * room.f_frsize < _LITTLE_ROOM:
        reasons.append("less than 16 MiB are left on the file system of {0}".format(layout.root))
    return Health(DEGRADED, tuple(reasons)) if reasons else Health()
