# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking for nothing but what is held already, for whoever must not wait: a session's event loop."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import Iterator


class NotHeld(BaseException):
    """An answer would have to be fetched, where it may not be (`only_held`). Nothing on the way takes it for an Exception."""


_ONLY_HELD: ContextVar[bool] = ContextVar("nebula_credential_only_held", default=False)


@contextmanager
def only_held() -> Iterator[None]:
    """Inside the `with` block, a read that would ask a backend raises `NotHeld` instead."""
    token = _ONLY_HELD.set(True)
    try:
        yield
    finally:
        _ONLY_HELD.reset(token)


def may_ask() -> None:
    """Pass where a backend may be asked.

    Raises:
        NotHeld: this is inside of `only_held`.
    """
    if _ONLY_HELD.get():
        raise NotHeld
