# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may ask a session: the run's own process and its direct children, which are its workers. A `shell:` task is further away.

The other end is the process that connected. Were its number another process's by now, that one would have to be a worker of the run
to be taken for one; and the run's own number cannot be given away while its pidfd shows that it lives.
"""

from __future__ import annotations

import os
import socket

from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import OVERFLOW_UID, other_end

TOLD = os.path.isdir("/proc/self")
"""Whether this system tells whose child a process is. Where it does not (macOS), the uid decides alone."""


def may_ask(connection: socket.socket, run: tuple[int, str]) -> bool:
    """Whether the other end is this user's, and the run's process or a child of it.

    The overflow uid of a container stands for anybody, and is nobody's.
    """
    process, uid = other_end(connection)
    if uid != os.geteuid() or uid == OVERFLOW_UID:
        return False
    return process is None or not TOLD or process == run[0] or _parent(process) == run[0]


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
        descriptor = os.open("/proc/{0}/stat".format(process), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        # Not a file object, which costs more than the rest: every hit passes here.
        return os.read(descriptor, 4096).rpartition(b")")[2].decode("ascii").split()
    except OSError:
        return []
    finally:
        os.close(descriptor)
