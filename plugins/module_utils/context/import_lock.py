# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One lock around every import of a process whose threads load packages.

Python locks each module by itself. Two threads that load one package from two of its modules (`requests` and `requests.adapters`) each
come to need a module that the other one is loading. Python ends such a deadlock: it hands out the unfinished module, or raises
`_DeadlockError`. Then `from … import` fails, and a package that is installed looks as if it were not, for as long as the process lives.

Packages import more while they are used, so a lock around our own import statements would not be enough.
"""

from __future__ import annotations

import _frozen_importlib
import os
import threading
from functools import partial
from typing import Any

LONGEST = 60.0
"""Seconds to wait for another thread's import. Then this thread imports without the lock, as Python does by itself: the other one may
wait for this thread. Until the lock is free again, no import waits for it: a package has hundreds of modules."""

_FIND_AND_LOAD = "_find_and_load"
"""What Python calls for each module that is not loaded, with the module's name and the function that imports its package."""


def lock_imports() -> None:
    """Let one thread at a time load modules in this process, from now on. What is loaded already is imported without the lock.

    It may be called again, and does not wait. A forked process begins without the lock, as the thread that holds it is not there.
    A Python that loads modules by another function is left as it is.
    """
    machinery = vars(_frozen_importlib)
    find_and_load = machinery.get(_FIND_AND_LOAD)
    if find_and_load is None or find_and_load.__module__ == __name__:
        return
    lock, is_stuck = threading.RLock(), False

    def load_alone(name: str, import_: Any) -> Any:
        nonlocal is_stuck
        is_held = lock.acquire(timeout=0 if is_stuck else LONGEST)
        is_stuck = not is_held
        try:
            return find_and_load(name, import_)
        finally:
            if is_held:
                lock.release()

    machinery[_FIND_AND_LOAD] = load_alone
    os.register_at_fork(after_in_child=partial(machinery.__setitem__, _FIND_AND_LOAD, find_and_load))
