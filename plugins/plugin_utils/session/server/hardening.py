# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps a session's memory to itself, as far as the system goes along."""

from __future__ import annotations

import contextlib
import os
import resource
from typing import Any

PR_SET_DUMPABLE = 4
MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4
CAP_IPC_LOCK = 14
MOST_FILES = 8192


def harden() -> None:
    """No core file; on Linux not dumpable, so that its own user without privileges can neither trace it nor read /proc/<pid>/mem.

    To be called before anything secret is there, and after the last fork, which memory locks do not survive.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)
    _allow_many_files()
    library = _system_library()
    if library is not None:
        library.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        if may_lock_all():
            library.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)


def _allow_many_files() -> None:
    """A caller that only connects must not use up what others need."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _system_library() -> Any:
    """The C library, on Linux: elsewhere the calls and their numbers are others."""
    if not hasattr(resource, "prlimit"):
        return None
    try:
        import ctypes

        return ctypes.CDLL(None)
    except (OSError, ImportError):
        return None


def may_lock_all() -> bool:
    """Whether all memory may be locked, that of the future included. Under a limit, later allocations would fail instead.

    Python cannot say where its values lie, so it is all or nothing.
    """
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
        return True
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            capabilities = [line.split()[1] for line in file if line.startswith("CapEff:")]
    except OSError:
        return False
    return bool(capabilities) and bool(int(capabilities[0], 16) >> CAP_IPC_LOCK & 1)
