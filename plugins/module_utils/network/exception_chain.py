# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The causes of an SDK's exception, and why a connection failed."""

from __future__ import annotations

import socket
from typing import Any, Iterable, Iterator, Optional


def exception_chain(problem: Optional[BaseException]) -> Iterator[BaseException]:
    """Yield an exception and its causes.

    These are its cause, its context, the reason that urllib3 wraps, the error that an SDK wraps, and exceptions among its arguments.
    """
    seen = set()
    waiting: list[Any] = [problem]
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            wrapped = [getattr(cause, name, None) for name in ("reason", "inner_exception")]
            waiting.extend([cause.__cause__, cause.__context__, *wrapped, *cause.args])


def chain_contains(causes: Iterable[BaseException], *kinds: Any) -> bool:
    """Return True if a cause is an instance of one of these classes."""
    return any(isinstance(cause, kinds) for cause in causes)


def why_unreachable(causes: Iterable[BaseException]) -> str:
    """Return why there is no connection, in words for people."""
    found = tuple(causes)
    if chain_contains(found, socket.gaierror):
        return "its name cannot be resolved"
    return "nothing listens there" if chain_contains(found, ConnectionRefusedError) else "there is no connection to it"
