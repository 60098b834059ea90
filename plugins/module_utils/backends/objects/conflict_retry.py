# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a write is tried against other writers."""

from __future__ import annotations

from typing import Iterator

from ansible_collections.nebula.credential.plugins.module_utils.context.deadline import is_over, timed_out
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict

_MOST = 100


def attempts(name: str) -> Iterator[int]:
    """Count attempts: in each round at least one writer gets through, so a lost race is not the caller's business.

    Raises:
        Timeout: the operation's time is over.
        Conflict: a hundred other writes came first.
    """
    for number in range(_MOST):
        if number and is_over():
            raise timed_out().within(name=name)
        yield number
    raise Conflict("{0} other writes came first".format(_MOST), name=name, remedy="Repeat when there is less traffic.")
