# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long the operation that is under way may still take: known to every layer and backend without a parameter, per thread.

`layers.time_limits` sets it. A backend gives what is left to its SDK as the limit of connecting and of reading, so that an
operation of several requests, repeated ones included, is bounded as a whole.
"""

from __future__ import annotations

import time
from contextvars import ContextVar, Token
from typing import NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import Timeout

LEAST = 0.05
"""Seconds that an SDK is given at least: zero means "no limit" to some."""
UNLIMITED = 3600.0


class Deadline(NamedTuple):
    """An operation and its limit."""

    operation: str
    seconds: float
    ends_at: float


_NOW: ContextVar[Optional[Deadline]] = ContextVar("nebula_credential_deadline", default=None)


class within:  # noqa: N801  # read as a statement: with within(5.0, "get")
    """Inside the `with` block an operation may take `seconds`. An outer limit that ends earlier stays the one that counts."""

    __slots__ = ("_deadline", "_token")

    def __init__(self, seconds: float, operation: str) -> None:
        """Take the limit, and the operation that a Timeout names."""
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
    """Seconds that are left, never less than `LEAST`; `UNLIMITED` where no limit is set."""
    deadline = _NOW.get()
    return UNLIMITED if deadline is None else max(LEAST, deadline.ends_at - time.monotonic())


def is_over(after: float = 0.0) -> bool:
    """Whether nothing is left `after` seconds from now."""
    deadline = _NOW.get()
    return deadline is not None and time.monotonic() + after >= deadline.ends_at


def timed_out(*, outcome_unknown: bool = False) -> Timeout:
    """The error for an operation that took too long; names it and its seconds."""
    deadline = _NOW.get()
    what = (
        "the request did not end in time"
        if deadline is None
        else "{0} did not end within {1:g} s".format(deadline.operation, deadline.seconds)
    )
    error = Timeout(what, remedy="See whether the backend is well, or raise 'read_timeout' or 'write_timeout' of the store.")
    error.happened(outcome_unknown=outcome_unknown)
    return error
