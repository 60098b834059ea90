# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may ask a session: the run's own process and its direct children, which are its workers. A `shell:` task is further away."""

from __future__ import annotations

import os
import socket

from ansible_collections.nebula.credential.plugins.lookup.get import other_end


def is_of_the_run(connection: socket.socket, run: tuple[int, str]) -> bool:
    """Whether the process at the other end is the run's or a child of it. Where the system does not tell (macOS), the uid decides."""
    process, _uid = other_end(connection)
    if process is None or not os.path.isdir("/proc/self"):
        return True
    return process == run[0] or _parent(process) == run[0]


def _parent(process: int) -> int | None:
    fields = _fields(process)
    return int(fields[1]) if fields else None


def started_at(process: int) -> str:
    """When a process began, in clock ticks; empty where it is gone or /proc does not tell."""
    fields = _fields(process)
    return fields[19] if fields else ""


def _fields(process: int) -> list[str]:
    """proc(5): the fields of stat from the third on; the second is a name in parentheses that may hold anything."""
    try:
        with open("/proc/{0}/stat".format(process), encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []
