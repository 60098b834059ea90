# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many operations of one store are in flight at once, and the threads that make them.

Only batches count: a single operation is made at once, in its caller's thread. All batches of a store share one number, so that
several tasks of one run do not multiply it. It falls while the server throttles, and rises again slowly (additive increase,
multiplicative decrease, as TCP does).
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from itertools import islice
from queue import SimpleQueue
from typing import Callable, Deque, Dict, Generator, Generic, Iterable, Iterator, Optional, Sequence, Tuple, TypeVar

from ansible_collections.nebula.credential.plugins.module_utils.context.cache_only import is_cache_only
from ansible_collections.nebula.credential.plugins.module_utils.context.import_lock import lock_imports

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_AHEAD = 4
"""So many items for each operation in flight are taken before the first result is yielded."""
CALM = 8
"""After so many operations without being throttled, one more may be in flight."""

_IN_BATCH: ContextVar[bool] = ContextVar("nebula_credential_in_batch", default=False)


class Parallelism:
    """The number of operations of one store that may be in flight. Threads share it."""

    def __init__(self, most: int) -> None:
        """Begin with the greatest number, `most`."""
        self.most = most
        self._limit = most
        self._in_flight = 0
        self._settling = 0
        self._calm = 0
        self._failing = False
        self._changed = threading.Condition()

    @property
    def limit(self) -> int:
        """How many may be in flight now: 1 to `most`."""
        return self._limit

    def run(self, lanes: Sequence[Sequence[Item]], work: Callable[[Item], object]) -> Generator[Item, None, None]:
        """Call `work` for each item. Yield an item when it is done, whichever is done first.

        The items of one lane are done one after the other. `work` sees the context of the caller (its time limit, who calls). If
        this generator is closed, no further item begins; those in flight are waited for.

        Raises:
            Whatever `work` raises, once the items in flight have ended.
        """
        threads = min(self.most, len(lanes))
        # A batch inside another one has its share of threads already. Where no request may be made, there is nothing to wait for.
        if threads < 2 or _IN_BATCH.get() or is_cache_only():
            for lane in lanes:
                for item in lane:
                    work(item)
                    yield item
            return
        lock_imports()
        batch = _Batch(lanes, work, self)
        with ThreadPoolExecutor(threads, "batch") as pool:
            try:
                is_started = _start(pool, threads, batch.fly)
                yield from batch.watch(is_started)
            finally:
                batch.stop()

    def map(self, items: Iterable[Item], work: Callable[[Item], Answer]) -> Iterator[Answer]:
        """Yield what `work` returns for each item, in the order of the items, which are taken a few at a time.

        Raises:
            Whatever `work` raises, as `run`.
        """
        left = iter(items)
        while True:
            part = list(islice(left, self.most * _AHEAD))
            if not part:
                return
            yield from self._map_part(part, work)

    def _map_part(self, part: Sequence[Item], work: Callable[[Item], Answer]) -> Iterable[Answer]:
        answers: Dict[int, Answer] = {}

        def work_on(number: int) -> None:
            answers[number] = work(part[number])

        for _number in self.run([[number] for number in range(len(part))], work_on):
            pass
        return [answers[number] for number in range(len(part))]

    @contextmanager
    def taking_off(self) -> Iterator[None]:
        """Wait until one more operation may be in flight. It is, inside the `with` block."""
        with self._changed:
            self._changed.wait_for(lambda: self._in_flight < self._limit)
            self._in_flight += 1
        try:
            yield
        finally:
            self._land()

    def _land(self) -> None:
        with self._changed:
            self._in_flight -= 1
            self._settling = max(0, self._settling - 1)
            self._calm += 1
            if self._calm >= CALM and self._limit < self.most and not self._failing:
                self._limit, self._calm = self._limit + 1, 0
            self._changed.notify_all()

    def lower(self) -> None:
        """Halve the number, because the server throttles. What was in flight at that moment does not lower it again."""
        with self._changed:
            self._calm = 0
            if not self._settling:
                self._settling, self._limit = self._in_flight, max(1, self._limit // 2)

    def hold(self, failing: bool) -> None:
        """Let one operation after the other find out whether a server that failed responds again; not `failing`: rise from there."""
        with self._changed:
            self._failing, self._calm = failing, 0
            if failing:
                self._limit = 1


class _Batch(Generic[Item]):
    """The items of one batch. Each thread takes the next lane."""

    def __init__(self, lanes: Sequence[Sequence[Item]], work: Callable[[Item], object], parallelism: Parallelism) -> None:
        self._number = sum(map(len, lanes))
        self._lanes: Deque[Sequence[Item]] = deque(lanes)
        self._work = work
        self._parallelism = parallelism
        self._ended: SimpleQueue[Tuple[Item, Optional[BaseException]]] = SimpleQueue()
        self._changed = threading.Condition()
        self._in_flight = 0
        self._stopped = False

    def fly(self) -> None:
        """Take lanes until none is left."""
        _IN_BATCH.set(True)
        while self._lanes:
            with self._parallelism.taking_off():
                for item in self._take_lane():
                    self._fly_item(item)

    def _take_lane(self) -> Sequence[Item]:
        try:
            return self._lanes.popleft()
        except IndexError:  # another thread took the last one
            return ()

    def _fly_item(self, item: Item) -> None:
        with self._changed:
            if self._stopped:
                return
            self._in_flight += 1
        failure: Optional[BaseException] = None
        try:
            self._work(item)
        except BaseException as error:  # noqa: BLE001  # raised in the thread of the caller
            failure = error
        with self._changed:
            self._in_flight -= 1
            self._changed.notify_all()
        self._ended.put((item, failure))

    def watch(self, is_started: bool) -> Iterator[Item]:
        """Yield the items as they end. Without any thread, the caller's own makes them."""
        if not is_started:
            copy_context().run(self.fly)
        for _each in range(self._number):
            item, failure = self._ended.get()
            if failure is not None:
                raise failure
            yield item

    def stop(self) -> None:
        """Begin no further item, and wait for those in flight. Their time limits bound that.

        The pool's own end does not suffice: a signal may have come before the pool knew of a thread that it had started.
        """
        with self._changed:
            self._stopped = True
            self._lanes.clear()
            self._changed.wait_for(lambda: not self._in_flight)


def _start(pool: ThreadPoolExecutor, threads: int, fly: Callable[[], None]) -> bool:
    """Start the threads, each in a copy of the caller's context. Return whether there is any: a process may have too many already."""
    for number in range(threads):
        try:
            pool.submit(copy_context().run, fly)
        except RuntimeError:
            return number > 0
    return True
