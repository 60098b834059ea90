# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who holds the lease of a rotation, and whether that process still lives.

A dead holder's lease does not count, so a run that was killed can be resumed at once from the same machine. From another
machine nobody can tell, and the lease has to run out.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Optional


def holder_of(process: int, part: str = "") -> str:
    """Name a process so that no other one, now or later, has the same name.

    Args:
        process: the controller's process id.
        part: tells apart what works in the same run at the same time (a host).
    """
    return "|".join((platform.node(), _machine(), str(process), _started(process) or "", part))


def may_live(holder: str) -> bool:
    """Whether that holder may still be at work. Only what is certainly dead is not."""
    parts = holder.split("|", 4)
    if len(parts) != 5 or parts[:2] != [platform.node(), _machine()] or not parts[2].isdigit():
        return True
    process, started = int(parts[2]), parts[3]
    if not started:
        return _exists(process)
    return _started(process) == started


def _machine() -> str:
    """This boot of this machine and this space of process ids; containers of one host differ."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return "{} {}".format(boot, os.readlink("/proc/self/ns/pid"))
    except OSError:
        return ""


def _started(process: int) -> Optional[str]:
    """When a process was started, in the kernel's ticks; None where there is no /proc or no such process."""
    try:
        fields = Path("/proc/{}/stat".format(process)).read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    # A killed process that nobody has waited for yet is a zombie: it works on nothing.
    return None if fields[0] in "ZX" else fields[19]


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
