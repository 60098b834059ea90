# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One write, repeated until it is known whether it was carried out."""

from __future__ import annotations

from typing import Callable, Generic, Optional

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import Answer, BackendCall
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.backoff import RetryPolicy, passes
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.reconcile import Done


class _MayNotBeRepeated(Exception):
    """Nothing shows that the write was carried out, and repeating it could undo what others wrote since."""

    def __init__(self, doubt: CredentialError) -> None:
        super().__init__()
        self.doubt = doubt


class ReconciledWrite(Generic[Answer]):
    """A write, its outcome, and whether it may be made twice.

    Once a request's outcome is unknown, each attempt begins by reading. If the write was carried out, its result is returned as if
    the lost response had arrived. If what it replaces is still there, it is made again if `repeatable`: the backend's
    compare-and-swap then refuses the request that comes second, and that refusal is reconciled like a lost response.

    If the backend knows how far it came (`CredentialError.rest`), the next attempt finishes that, and begins nothing anew: what was
    read for the write may have changed since.
    """

    def __init__(self, make: Callable[[], Answer], look: Callable[[], Optional[Done[Answer]]], *, repeatable: bool) -> None:
        """Take the request, the function that reads its outcome (of `reconcile`), and whether the request names what it replaces."""
        self._make = make
        self._look = look
        self._repeatable = repeatable
        self._doubt: Optional[CredentialError] = None
        self._rest: Optional[Callable[[], Answer]] = None
        self._call: Optional[BackendCall] = None

    def carry_out(self, attempts: RetryPolicy, call: BackendCall) -> Answer:
        """Make the write, and return its result.

        Raises:
            CredentialError: the last error. If reading did not show the outcome, `outcome_unknown` is set and the message says so.
        """
        self._call = call
        try:
            return attempts.run(call, self._attempt)
        except _MayNotBeRepeated as end:
            raise _unknown(end.doubt, call) from None
        except CredentialError as error:
            if self._doubt is None or (error.outcome_unknown and not passes(error)):
                raise  # the outcome is known, or the backend's own error says how far it came and what stopped it
            done = self._last_look() if error is self._doubt else None
            if done is not None:
                return done.answer
            error.rest = None
            raise _unknown(error, call) from None

    def _attempt(self) -> Answer:
        if self._rest is not None:
            return self._finish(self._rest)
        if self._doubt is None:
            return self._send(self._make)
        done = self._reconcile()
        if done is not None:
            return done.answer
        if not self._repeatable:
            raise _MayNotBeRepeated(self._doubt)
        try:
            return self._send(self._make)
        except (Conflict, NotFound):
            done = self._reconcile()
            if done is not None:
                return done.answer
            raise

    def _send(self, work: Callable[[], Answer]) -> Answer:
        try:
            return work()
        except CredentialError as error:
            self._rest = error.rest
            if error.outcome_unknown:
                self._doubt = error
            raise

    def _finish(self, rest: Callable[[], Answer]) -> Answer:
        self._doubt = None  # the backend knows what was carried out, and says what became of the rest
        return self._send(rest)

    def _reconcile(self) -> Optional[Done[Answer]]:
        try:
            return self._look()
        except (Conflict, NotFound) as problem:
            self._doubt = None  # something else is there, so ours no longer matters
            if problem.outcome_unknown and self._call is not None:
                raise _unknown(problem, self._call) from None
            raise

    def _last_look(self) -> Optional[Done[Answer]]:
        """Read the outcome after the last attempt, if there is time: reading repeats no write. Return None if it is unknown."""
        if deadline.is_over():
            return None
        try:
            return self._reconcile() if self._rest is None else Done(self._finish(self._rest))
        except CredentialError as error:
            if passes(error):
                return None
            raise


def _unknown(error: CredentialError, call: BackendCall) -> CredentialError:
    """Return the error of a write that may have been carried out, or may still be."""
    error.outcome_unknown = True
    error.what = "{0}; whether the change was made is not known".format(error.what.rstrip("."))
    see = "Read the credential to see which value is there." if call.name else "Open the store again to see which one is there."
    error.remedy = "{0} {1}".format(error.remedy, see).strip()
    return error
