# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a function when this process ends: a worker of ansible-core, or the controller itself.

A worker ends in one of two ways. It sends its task's result and returns, and multiprocessing runs its finalizers (not those of
`atexit`) before `os._exit`. But the controller may have read the result by then. If it was the play's last, the controller sends
SIGTERM to every worker that still runs (`TaskQueueManager._cleanup_processes`, in ansible-core 2.18 to 2.22, without
waiting first). It also forwards the SIGINT or SIGTERM that ends a run. So these signals count as an end too. The function must be
bounded in time.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.util import Finalize
from typing import Any

SHUTDOWN_TIMEOUT = 8
"""Seconds that a process may still take after the signal to end, as waits of one second each: a freeze of the whole run costs one."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class ExitHook:
    """Call `release` once when the process that made this object ends, unless it is killed."""

    def __init__(self, release: Callable[[], None]) -> None:
        """Take the function. It runs in the main thread, or in another one while a signal interrupts the main one."""
        self._release = release
        self._once = threading.Lock()
        self._working = 0
        self._postponed: tuple[int, Any] | None = None
        Finalize(None, self._normally, exitpriority=10)
        self._before: dict[int, Any] = {}
        if multiprocessing.parent_process() is not None and _in_main_thread():
            self._before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}

    @property
    def is_due(self) -> bool:
        """Whether a signal waits for the end of a `deferring_signals` block, which should end soon."""
        return self._postponed is not None

    @contextmanager
    def deferring_signals(self) -> Iterator[None]:
        """Delay signals inside the `with` block, so that a lease just being fetched can be revoked. The block must be bounded in time."""
        if not _in_main_thread():
            yield
            return
        self._working += 1
        try:
            yield
        finally:
            self._working -= 1
            if self._postponed is not None and not self._working:
                self._on_signal(*self._postponed)

    def _normally(self) -> None:
        with self.deferring_signals():
            self._run()

    def _on_signal(self, number: int, frame: Any) -> None:
        """Handle a signal: call the function in a thread. The interrupted main thread may hold a lock it needs; so the wait is bounded."""
        if self._working:
            self._postponed = (number, frame)
            return
        for each in self._before:
            signal.signal(each, signal.SIG_IGN)
        releasing = threading.Thread(target=self._run, daemon=True)
        try:
            releasing.start()
            for _second in range(SHUTDOWN_TIMEOUT):
                releasing.join(1.0)
        except RuntimeError:  # no thread can be started
            self._run()
        before = self._before[number]
        signal.signal(number, before)
        if callable(before):
            before(number, frame)
        else:
            signal.raise_signal(number)

    def _run(self) -> None:
        if self._once.acquire(blocking=False):
            self._release()


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
