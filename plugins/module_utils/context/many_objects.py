# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Building a long list: Python's garbage collector would visit all of it again and again while it grows.

A full collection visits every object of the process, and a growing list starts one each time the process has grown by a quarter. That
took a third of the time of a listing of 20,000 credentials. Young objects are still collected.
"""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from typing import Iterator, Tuple

_NEVER = 1 << 30


class _Builders:
    """How many threads are inside, and the thresholds to go back to."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = 0
        self.thresholds: Tuple[int, int, int] = gc.get_threshold()


_BUILDERS = _Builders()


@contextmanager
def building_many() -> Iterator[None]:
    """Start no full collection inside the `with` block. Several threads may be inside at the same time; the last one out ends it."""
    with _BUILDERS.lock:
        _BUILDERS.inside += 1
        if _BUILDERS.inside == 1:
            _BUILDERS.thresholds = gc.get_threshold()
            gc.set_threshold(*_BUILDERS.thresholds[:2], _NEVER)
    try:
        yield
    finally:
        with _BUILDERS.lock:
            _BUILDERS.inside -= 1
            if not _BUILDERS.inside:
                gc.set_threshold(*_BUILDERS.thresholds)
