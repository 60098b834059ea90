# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far the current operation is, and whether its loop should go on: it counts here, without a parameter, per thread.

Another thread reads the count.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Callable, Dict, Iterable, Iterator, Optional, Sized, TypeVar

Item = TypeVar("Item")


class BrokenOff(BaseException):
    """The caller of an operation no longer waits for it. No `except Exception` catches this, as it catches no Ctrl-C."""


class Progress:
    """The count of one operation.

    Attributes:
        done: the credentials that are done.
        total: how many there are; None if that is not known before the end.
    """

    def __init__(self, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Start before the first credential. `is_wanted` returns False if the operation should do no further one."""
        self._is_wanted = is_wanted
        self.done = 0
        self.total: Optional[int] = None
        self._counts = False

    def describe(self) -> Dict[str, Any]:
        """Return `{done, total}`."""
        return {"done": self.done, "total": self.total}

    def count(self, items: Iterable[Item], total: Optional[int]) -> Iterator[Item]:
        """Yield the items, and count each one when the next is requested. The items of a loop inside another one are not counted.

        Raises:
            BrokenOff: the operation should do no further item.
        """
        if self._counts:
            yield from items
            return
        self.done, self.total, self._counts = 0, total, True
        try:
            for item in items:
                yield item
                self.done += 1
                if not self._is_wanted():
                    raise BrokenOff
        finally:
            self._counts = False


_NOW: ContextVar[Optional[Progress]] = ContextVar("nebula_credential_progress", default=None)


@contextmanager
def reporting_to(progress: Optional[Progress]) -> Iterator[None]:
    """Inside the `with` block, loops count there; for None they do not count."""
    token = _NOW.set(progress)
    try:
        yield
    finally:
        _NOW.reset(token)


def count_each(items: Iterable[Item], total: Optional[int] = None) -> Iterable[Item]:
    """Return the items, to be counted for the current operation while they are used. `total` is their number if they have no length."""
    progress = _NOW.get()
    if progress is None:
        return items
    return progress.count(items, len(items) if isinstance(items, Sized) else total)
