# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads that arrive during another read's request are combined into one request (A14).

No read waits only to be combined: a read that finds no request in progress makes one at once. The others wait for that request to
end, or `PATIENCE`, and then one of them makes one request for all.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from copy import copy
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Type

from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record

BATCH_WAIT = 0.05
"""Seconds for which a read waits for the request in progress: one request that hangs must not block all others."""


class _Waiter:
    """A name that a read waits for. The answer is None if the name must be read in a request of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.taken = False
        self.answer: Future[Optional[Record]] = Future()


class RequestCoalescer:
    """Read current values one by one or several at once, whichever takes fewer requests. Results and errors are those of single reads."""

    def __init__(
        self,
        one: Callable[[str], Record],
        several: Callable[[Sequence[str]], Dict[str, Record]],
        for_all: Tuple[Type[Exception], ...],
        went_along: Callable[[int], None] = lambda _number: None,
    ) -> None:
        """Take the functions that read.

        Args:
            one: reads a name.
            several: reads names, and leaves out those that do not exist.
            for_all: the errors of `several` that hold for each of the names. After any other error each name is read alone.
            went_along: called with the number of reads that took no request of their own.
        """
        self._one = one
        self._several = several
        self._for_all = for_all
        self._went_along = went_along
        self._changed = threading.Condition()
        self._waiting: List[_Waiter] = []
        self._under_way = 0

    def read(self, name: str) -> Record:
        """Return or raise what `one` would."""
        wish = _Waiter(name)
        together = self._wait_for_turn(wish)
        if together:
            self._ask(together)
        record = wish.answer.result()
        return self._one(name) if record is None else record

    def _wait_for_turn(self, wish: _Waiter) -> List[_Waiter]:
        """Wait for this read's turn. Return the reads to fetch in one request, or an empty list if another request includes this one."""
        with self._changed:
            self._waiting.append(wish)
            self._changed.wait_for(lambda: wish.taken or not self._under_way, BATCH_WAIT)
            if wish.taken:
                return []
            together, self._waiting = self._waiting, []
            for each in together:
                each.taken = True
            self._under_way += 1
            self._changed.notify_all()
        return together

    def _ask(self, together: List[_Waiter]) -> None:
        names = list(dict.fromkeys(wish.name for wish in together))
        try:
            found = self._several(names) if len(names) > 1 else {names[0]: self._one(names[0])}
        except Exception as error:  # noqa: BLE001  # raised in the reads that wait
            self._tell(together, error if len(names) == 1 or isinstance(error, self._for_all) else None)
        except BaseException:  # it concerns this thread alone, and is raised here; the others read for themselves
            self._tell(together, None)
            raise
        else:
            for wish in together:
                wish.answer.set_result(found.get(wish.name))  # a read of a missing name alone raises the reason
            if len(names) > 1:
                self._went_along(len(found) - 1)
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    @staticmethod
    def _tell(together: List[_Waiter], error: Optional[Exception]) -> None:
        for wish in together:
            if error is None:
                wish.answer.set_result(None)
            else:
                wish.answer.set_exception(copy(error))  # each will carry its own name
