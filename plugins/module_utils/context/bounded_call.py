# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of an SDK that takes no time limit for a whole call."""

from __future__ import annotations

import threading
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import Callable, Tuple, TypeVar

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline

Answer = TypeVar("Answer")


def call_in_time(work: Callable[[], Answer], server: str) -> Answer:
    """Call `work` in a thread of its own, and wait for it no longer than the operation may take. It sees the caller's context.

    A call that takes too long is left alone: its thread ends when its client is closed, or with the process. Only for calls that
    change nothing.

    Args:
        work: makes one call.
        server: the name of the server, for the error.

    Raises:
        Timeout: the time of the operation is over.
        Whatever `work` raises.
    """
    answers: SimpleQueue[Tuple[bool, object]] = SimpleQueue()
    context = copy_context()

    def run() -> None:
        try:
            answers.put((True, context.run(work)))
        except BaseException as problem:  # noqa: BLE001  # it is raised in the caller's thread
            answers.put((False, problem))

    threading.Thread(target=run, name="call of " + server, daemon=True).start()
    try:
        is_answer, found = answers.get(timeout=deadline.remaining())
    except Empty:
        raise deadline.timeout_error(server=server) from None
    if not is_answer:
        raise found  # type: ignore[misc]  # it is what `work` raised
    return found  # type: ignore[return-value]
