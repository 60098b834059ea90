# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which process holds the lease of a rotation, and whether that process may still be running.

The lease of a dead holder does not count, so a run that was killed can be resumed at once from the same machine. Another
machine cannot see whether the process lives, and has to wait until the lease ends.
"""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Optional


def holder_of(process: int, part: str = "") -> str:
    """Return a name for a process that no other process, now or later, has.

    Args:
        process: the controller's process id.
        part: distinguishes workers of the same run at the same time (a host).
    """
    return "|".join((platform.node(), _machine(), str(process), _read_start_time(process) or "", part))


def may_live(holder: str) -> bool:
    """Return False if that holder is certainly dead, else True."""
    parts = holder.split("|", 4)
    if len(parts) != 5 or parts[:2] != [platform.node(), _machine()] or not re.match("[0-9]{1,9}\\Z", parts[2]):
        return True
    process, started = int(parts[2]), parts[3]
    if not started:
        return _exists(process)
    return _read_start_time(process) == started


def _machine() -> str:
    """Return an id of this boot of this machine and its process id namespace, so that containers of one host differ.

    Empty if /proc cannot be read.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return "{} {}".format(boot, os.readlink("/proc/self/ns/pid"))
    except OSError:
        return ""


def _read_start_time(process: int) -> Optional[str]:
    """Return when a process was started, in the kernel's ticks. None if there is no /proc or no such process."""
    try:
        fields = Path("/proc/{}/stat".format(process)).read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    # A killed process that its parent has not waited for yet is a zombie (Z): it no longer runs.
    return None if fields[0] in "ZX" else fields[19]


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
