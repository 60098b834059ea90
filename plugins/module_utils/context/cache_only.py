# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading from memory only, for callers that must not wait: a session's event loop."""

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


def require_fetch_allowed() -> None:
    """Check that a backend may be called.

    Raises:
        CacheMiss: this is inside `cache_only`.
    """
    if _ONLY_HELD.get():
        raise CacheMiss
