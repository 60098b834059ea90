# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follow-up requests of a multi-request write. They run before this process reads the same path again, so that a read shows the
result of the write, and a layer that reconciles a lost response by reading sees all of it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Callable, Dict, Iterator, Optional, TypeVar

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Timeout, Unavailable

Work = Callable[[], object]
Answer = TypeVar("Answer")


class PendingWrites:
    """Pending work, by path. Threads may share it; running the same work twice does no harm."""

    def __init__(self) -> None:
        """Start with no pending work."""
        self._owed: Dict[str, Work] = {}

    @contextmanager
    def claiming(self, place: str, claim: Work) -> Iterator[None]:
        """Send the first request of a write in the block. If its response is lost, `claim` becomes pending: it checks and finishes it."""
        try:
            yield
        except CredentialError as problem:
            if problem.outcome_unknown:
                self._owed[place] = claim
            raise

    def finish(self, place: str, what: str, work: Callable[[], Answer], *, later: Optional[Work] = None) -> Answer:
        """Send the remaining requests of a write and return the answer, or keep them as pending: `work`, or `later` if that is given.

        Raises:
            CredentialError: they failed. The error says that the write itself was done.
        """
        try:
            return work()
        except CredentialError as problem:
            self._owed[place] = later or work
            problem.what = "the value was written, and the rest of it ({0}) was not: {1}".format(what, problem.what)
            problem.outcome_unknown = True
            raise

    def catch_up(self, place: str) -> None:
        """Run the pending requests of this path.

        Raises:
            Unavailable, Timeout: they cannot run now. Other failures drop them; the writer has already got an error.
        """
        work = self._owed.get(place)
        if work is None:
            return
        try:
            work()
        except (Unavailable, Timeout):
            raise
        except CredentialError:
            pass
        self._owed.pop(place, None)
