# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The time left for the current operation: known to every layer and backend without a parameter, per thread.

`layers.time_limits` sets it. A backend gives what is left to its SDK as the limit of connecting and of reading, so that an
operation of several requests, retries included, is bounded as a whole.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Iterator, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import Timeout

LEAST = 0.05
"""The shortest time limit, in seconds, that an SDK gets: some read zero as "no limit"."""
UNLIMITED = 3600.0


class Deadline(NamedTuple):
    """An operation and its limit."""

    operation: str
    seconds: float
    ends_at: float


_NOW: ContextVar[Optional[Deadline]] = ContextVar("nebula_credential_deadline", default=None)


class within:  # noqa: N801  # read as a statement: with within(5.0, "get")
    """Inside the `with` block an operation may take `seconds`. An outer limit that ends earlier still applies."""

    __slots__ = ("_deadline", "_token")

    def __init__(self, seconds: float, operation: str) -> None:
        """Take the limit, and the operation for the Timeout to name."""
        outer = _NOW.get()
        self._deadline = Deadline(operation, seconds, time.monotonic() + seconds)
        if outer is not None and outer.ends_at < self._deadline.ends_at:
            self._deadline = outer
        self._token: Optional[Token[Optional[Deadline]]] = None

    def __enter__(self) -> Deadline:
        self._token = _NOW.set(self._deadline)
        return self._deadline

    def __exit__(self, *_error: object) -> None:
        if self._token is not None:
            _NOW.reset(self._token)


def remaining() -> float:
    """Return the seconds that are left, at least `LEAST`; `UNLIMITED` if no limit is set."""
    deadline = _NOW.get()
    return UNLIMITED if deadline is None else max(LEAST, deadline.ends_at - time.monotonic())


def has_limit() -> bool:
    """Return True if a time limit is set."""
    return _NOW.get() is not None


def is_over(after: float = 0.0) -> bool:
    """Return True if no time is left `after` seconds from now."""
    deadline = _NOW.get()
    return deadline is not None and time.monotonic() + after >= deadline.ends_at


def timeout_error(*, outcome_unknown: bool = False, server: str = "") -> Timeout:
    """Return the error for an operation that took too long. It names the operation, its seconds, and the server if that is known."""
    deadline = _NOW.get()
    what = (
        "the request did not end in time"
        if deadline is None
        else "{0} did not end within {1:g} s".format(deadline.operation, deadline.seconds)
    )
    what += " (waiting for {0})".format(server) if server else ""
    error = Timeout(what, remedy="Check that the backend works, or increase 'read_timeout' or 'write_timeout' of the store.")
    error.annotate(outcome_unknown=outcome_unknown)
    return error


@contextmanager
def hold(lock: threading.Lock, *, outcome_unknown: bool = False) -> Iterator[None]:
    """Hold the lock in the block. Wait for it no longer than the operation may take.

    Raises:
        Timeout: another thread has held it for too long.
    """
    if not lock.acquire(timeout=remaining()):
        raise timeout_error(outcome_unknown=outcome_unknown)
    try:
        yield
    finally:
        lock.release()
