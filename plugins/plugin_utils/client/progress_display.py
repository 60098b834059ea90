# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show how far a long operation is, while its task waits for it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible.utils.display import Display

INTERVAL = 5.0
"""Seconds between two lines."""
HAS_TERMINAL = sys.stderr is not None and sys.stderr.isatty()
"""Whether people read the run's standard error. A strategy loads the action, and so this file, in the controller, before it forks the
worker, which has no terminal of its own."""


def choose_label(operation: str, is_wanted: bool | None) -> str | None:
    """Return the label of an operation's lines: if they are wanted, or if it is not said and there is a terminal. Else None."""
    return "nebula.credential." + operation if (HAS_TERMINAL if is_wanted is None else is_wanted) else None


@contextmanager
def showing_progress(label: str | None, read: Callable[[], Mapping[str, Any] | None]) -> Iterator[None]:
    """Inside the `with` block, show a line every five seconds.

    Args:
        label: the beginning of the line; None to show nothing.
        read: returns `{done, total}`, or None if it is not known.
    """
    if label is None:
        yield
        return
    ended = threading.Event()
    threading.Thread(target=_show, args=(label, read, ended), daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _show(label: str, read: Callable[[], Mapping[str, Any] | None], ended: threading.Event) -> None:
    while not ended.wait(INTERVAL):
        progress = read()
        if progress is not None and not ended.is_set():
            # A worker's own standard error is shown after the task, with a warning. Display sends the line to the controller.
            Display().display("{0}: {1}".format(label, _describe(progress)), stderr=True, screen_only=True)


def _describe(progress: Mapping[str, Any]) -> str:
    if progress["total"] is None:
        return "{0} credentials so far".format(progress["done"])
    return "{0} of {1} credentials".format(progress["done"], progress["total"])
