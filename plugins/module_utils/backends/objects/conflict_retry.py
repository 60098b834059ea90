# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The limits of repeating a write that loses to other writers, and the errors of what comes before a write."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator

from ansible_collections.nebula.credential.plugins.module_utils.context.deadline import is_over, timeout_error
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError

_MOST = 100


def attempts(name: str) -> Iterator[int]:
    """Count attempts. In each round at least one writer succeeds, so the caller never sees a single lost race.

    Raises:
        Timeout: the operation's time has run out.
        Conflict: a hundred other writes came first.
    """
    for number in range(_MOST):
        if number and is_over():
            raise timeout_error().within(name=name)
        yield number
    raise Conflict("{0} other writes came first".format(_MOST), name=name, remedy="Repeat when there is less traffic.")


@contextmanager
def mark_outcome(*, unknown: bool) -> Iterator[None]:
    """Mark errors of the block: `unknown` if the change was made and only its check failed; not if it runs before the change itself."""
    try:
        yield
    except CredentialError as problem:
        problem.outcome_unknown = unknown
        raise
