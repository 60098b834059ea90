# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a write of several requests still owes. It is done before this process reads there again, so that a read tells what the
write has come to, and whoever reconciles a lost answer by reading finds all of it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Callable, Dict, Iterator

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Timeout, Unavailable

Work = Callable[[], None]


class Unfinished:
    """Work by the place that it belongs to. Threads may share it; doing a piece of work twice does no harm."""

    def __init__(self) -> None:
        """Owe nothing."""
        self._owed: Dict[str, Work] = {}

    @contextmanager
    def claiming(self, place: str, claim: Work) -> Iterator[None]:
        """Make the first request of a write. Where its answer is lost, `claim` is owed: it finds out, and does the rest."""
        try:
            yield
        except CredentialError as problem:
            if problem.outcome_unknown:
                self._owed[place] = claim
            raise

    def finish(self, place: str, what: str, work: Work) -> None:
        """Do the rest of a write, or owe it.

        Raises:
            CredentialError: what came in between; says that the write itself was done.
        """
        try:
            work()
        except CredentialError as problem:
            self._owed[place] = work
            problem.what = "the value was written, and the rest of it ({0}) was not: {1}".format(what, problem.what)
            problem.outcome_unknown = True
            raise

    def catch_up(self, place: str) -> None:
        """Do what is owed there.

        Raises:
            Unavailable, Timeout: it cannot be done now. What can never be done is owed no longer; whoever wrote was told.
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
