# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Threads for work that may wait for a store. Each store has threads of its own, so a slow store makes no other one wait."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

Work = Callable[[], object]


class _Store:
    """The work that waits, and the number of threads."""

    def __init__(self) -> None:
        self.waiting: deque[Work] = deque()
        self.threads = 0


class StoreThreads:
    """Run the work of each store in threads of that store, which end when it has no more work."""

    def __init__(self, most: int, name: str) -> None:
        """Take the greatest number of threads that a store has at a time, and their name."""
        self._most = most
        self._name = name
        self._changed = threading.Condition()
        self._stores: dict[str, _Store] = {}
        self._is_stopped = False

    def submit(self, store: str, work: Work) -> None:
        """Run `work` in a thread of this store (any text), as soon as one is free. `work` reports its failures itself.

        Raises:
            RuntimeError: these threads were stopped, or the system has no thread left. The work is not run.
        """
        with self._changed:
            if self._is_stopped:
                raise RuntimeError("the session ends")
            found = self._stores.setdefault(store, _Store())
            found.waiting.append(work)
            if found.threads < self._most:
                self._start(store, found)

    def _start(self, store: str, found: _Store) -> None:
        try:
            threading.Thread(target=self._work, args=(store, found), name=self._name, daemon=True).start()
        except RuntimeError:
            if not found.threads:
                del self._stores[store]
                raise
        else:
            found.threads += 1

    def is_busy(self, store: str) -> bool:
        """Return True if work of this store is running or waits."""
        with self._changed:
            return store in self._stores

    def stop(self) -> None:
        """Take no more work, and drop the work that has not begun."""
        with self._changed:
            self._is_stopped = True
            for store in self._stores.values():
                store.waiting.clear()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until no work is running or waits, for `timeout` seconds at most. Return False if some still is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._stores, timeout)

    def _work(self, store: str, found: _Store) -> None:
        while True:
            with self._changed:
                if not found.waiting:
                    found.threads -= 1
                    if not found.threads:
                        del self._stores[store]
                    self._changed.notify_all()
                    return
                work = found.waiting.popleft()
            try:
                work()
            except BaseException:  # noqa: BLE001, S110  # the work has reported it; the thread is still needed
                pass
            del work  # what it holds must not live until the next work comes
