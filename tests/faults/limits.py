# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A time limit that ends at one step, and not before it, however slow the machine is."""

from __future__ import annotations

from typing import Callable, TypeVar

T = TypeVar("T")

LIMITS = (0.5, 4.0, 32.0)
"""Seconds. The first is enough on an idle machine."""


def try_longer_limits(attempt: Callable[[float], T], has_come: Callable[[], bool]) -> T:
    """Return what `attempt(limit)` returns under the first limit that did not end before the step had come. Fails if none did."""
    for limit in LIMITS:
        result = attempt(limit)
        if has_come():
            return result
    raise AssertionError("the step did not come within {0:g} s".format(LIMITS[-1]))
