# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a read may be answered by an earlier miss: only one that has an answer for a missing credential, and does not wait for it."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import Iterator

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
