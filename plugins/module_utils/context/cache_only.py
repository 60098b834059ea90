# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a read may use what is in memory: that alone, for callers that must not wait (a session's event loop); an earlier miss, too.

A miss answers only a read that has an answer for a missing credential, and does not wait for it.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import Iterator


class CacheMiss(BaseException):
    """A read inside `cache_only` would need a backend. A BaseException, so that no `except Exception` on the way catches it."""


_ONLY_HELD: ContextVar[bool] = ContextVar("nebula_credential_only_held", default=False)


@contextmanager
def cache_only() -> Iterator[None]:
    """Inside the `with` block, a read that would need a backend raises `CacheMiss` instead."""
    token = _ONLY_HELD.set(True)
    try:
        yield
    finally:
        _ONLY_HELD.reset(token)


def is_cache_only() -> bool:
    """Return True inside `cache_only`."""
    return _ONLY_HELD.get()


def require_fetch_allowed() -> None:
    """Check that a backend may be called.

    Raises:
        CacheMiss: this is inside `cache_only`.
    """
    if _ONLY_HELD.get():
        raise CacheMiss


_ACCEPTED: ContextVar[bool] = ContextVar("nebula_credential_misses_accepted", default=False)


@contextmanager
def misses_accepted(accepted: bool) -> Iterator[None]:
    """Inside the `with` block, reads may be answered by a miss that is remembered, if `accepted` is True."""
    token = _ACCEPTED.set(accepted)
    try:
        yield
    finally:
        _ACCEPTED.reset(token)


def are_misses_accepted() -> bool:
    """Return True inside `misses_accepted(True)`."""
    return _ACCEPTED.get()
