# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may use a session: the run's own process and its direct children, which are its workers. A `shell:` task is further away.

The other end is the process that connected. If its process id belongs to another process by now, that one is accepted only if it is
a worker of the run too. The run's own process id cannot be reused while its pidfd shows that it lives.
"""

from __future__ import annotations

import os
import socket

from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import OVERFLOW_UID, other_end


def _shows_parents() -> bool:
    try:
        return os.readlink("/proc/self") == str(os.getpid())
    except OSError:
        return False


TOLD = _shows_parents()
"""Whether /proc shows a process's parent. If not (macOS, a PID namespace with the /proc of another one), the uid alone decides."""


def is_allowed_peer(connection: socket.socket, run: tuple[int, str]) -> bool:
    """Return True if the other end belongs to this user, and is the run's process or a child of it.

    The overflow uid of a container may be any user, so it is always refused.
    """
    process, uid = other_end(connection)
    if uid != os.geteuid() or uid == OVERFLOW_UID:
        return False
    return process is None or not TOLD or process == run[0] or read_parent(process) == run[0]


def read_parent(process: int) -> int | None:
    """Return the parent of a process; None if it is gone or /proc does not have it."""
    fields = _fields(process)
    return int(fields[1]) if fields else None


def read_terminal(process: int) -> int | None:
    """Return the process that a process's terminal ends with, mostly a shell; None if it has no terminal, or not one of this container."""
    fields = _fields(process)
    return int(fields[3]) or None if fields and fields[4] != "0" else None


def read_start_time(process: int) -> str:
    """Return when a process began, in clock ticks; empty if it is gone or /proc does not have it."""
    fields = _fields(process)
    return fields[19] if fields else ""


def _fields(process: int) -> list[str]:
    """Return the fields of stat from the third on (proc(5)); the second is a name in parentheses that may hold anything."""
    try:
        descriptor = os.open("/proc/{0}/stat".format(process), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        # No file object, which costs more than the rest: every hit runs this.
        return os.read(descriptor, 4096).rpartition(b")")[2].decode("ascii").split()
    except OSError:
        return []
    finally:
        os.close(descriptor)
