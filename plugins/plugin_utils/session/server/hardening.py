# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep a session's memory private, as far as the system allows."""

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
    """Allow no core file. On Linux make the process not dumpable: even its own user, unprivileged, cannot trace it or read its memory.

    Its memory is /proc/<pid>/mem. Call this before any secret is loaded, and after the last fork, because memory locks do not
    survive a fork.
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
    """Raise the limit of open files, so that callers that only connect do not use up the descriptors of others."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _system_library() -> Any:
    """Return the C library on Linux, else None: other systems have other calls and numbers."""
    if not hasattr(resource, "prlimit"):
        return None
    try:
        import ctypes

        return ctypes.CDLL(None)
    except (OSError, ImportError):
        return None


def may_lock_all() -> bool:
    """Return True if all memory may be locked, future memory included. Under a limit, later allocations would fail instead.

    Python cannot say where its values are in memory, so it is all or nothing.
    """
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
        return True
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            capabilities = [line.split()[1] for line in file if line.startswith("CapEff:")]
    except OSError:
        return False
    return bool(capabilities) and bool(int(capabilities[0], 16) >> CAP_IPC_LOCK & 1)
