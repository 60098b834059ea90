# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests of a listing, which are repeated one by one: a listing of many requests would begin anew after each refusal otherwise.

A backend's listing is a generator, and an error ends a generator. So a refused request has to be repeated before its error gets there.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Callable, Iterator, Optional, TypeVar, cast

Send = TypeVar("Send", bound=Callable[..., Any])
Repeat = Callable[[Callable[[], Any]], Any]

_REPEAT: ContextVar[Optional[Repeat]] = ContextVar("nebula_credential_repeat", default=None)


@contextmanager
def repeating(repeat: Optional[Repeat]) -> Iterator[None]:
    """Inside the `with` block, have `repeat` make the requests of `repeat_in_listings`; None: each is made once."""
    token = _REPEAT.set(repeat)
    try:
        yield
    finally:
        _REPEAT.reset(token)


def repeat_in_listings(send: Send) -> Send:
    """Return `send`, which sends one request of a backend with its login, as a function that a layer may repeat in a listing."""

    @wraps(send)
    def send_repeatedly(*arguments: Any, **named: Any) -> Any:
        repeat = _REPEAT.get()
        if repeat is None:
            return send(*arguments, **named)
        with repeating(None):  # a request that this one makes is a part of it
            return repeat(lambda: send(*arguments, **named))

    return cast("Send", send_repeatedly)
