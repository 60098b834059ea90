# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One write, made until it is known whether it was carried out."""

from __future__ import annotations

from typing import Callable, Generic, Optional

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import Answer, Call
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.backoff import Attempts, passes
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.reconcile import Done


class _MayNotBeRepeated(Exception):
    """Nothing shows that the write was carried out, and making it again could undo what others wrote since."""

    def __init__(self, doubt: CredentialError) -> None:
        super().__init__()
        self.doubt = doubt


class Write(Generic[Answer]):
    """A write, what becomes of it, and whether it may be made twice.

    Once a request's outcome is unknown, each attempt begins by looking. What the write has made is answered as if the lost answer
    had come. Where what it replaces is still there, it is made again if `repeatable`: the backend's own compare-and-swap then
    refuses whichever of the two requests comes second, and that refusal is looked into like a lost answer.
    """

    def __init__(self, make: Callable[[], Answer], look: Callable[[], Optional[Done[Answer]]], *, repeatable: bool) -> None:
        """Take the request, how to see what became of it (`layers.reconcile`), and whether it names what it replaces."""
        self._make = make
        self._look = look
        self._repeatable = repeatable
        self._doubt: Optional[CredentialError] = None

    def carry_out(self, attempts: Attempts, call: Call) -> Answer:
        """Make it.

        Raises:
            CredentialError: the last one; `outcome_unknown` is set, and the message says so, where reading did not tell either.
        """
        try:
            return attempts.make(call, self._attempt)
        except _MayNotBeRepeated as end:
            raise _unknown(end.doubt, call) from None
        except CredentialError as error:
            if self._doubt is None or (error.outcome_unknown and not passes(error)):
                raise  # settled, or the backend tells itself how far it came and what stopped it
            done = self._last_look() if error is self._doubt else None
            if done is not None:
                return done.answer
            raise _unknown(error, call) from None

    def _attempt(self) -> Answer:
        if self._doubt is None:
            return self._made()
        done = self._looked()
        if done is not None:
            return done.answer
        if not self._repeatable:
            raise _MayNotBeRepeated(self._doubt)
        try:
            return self._made()
        except (Conflict, NotFound):
            done = self._looked()
            if done is not None:
                return done.answer
            raise

    def _made(self) -> Answer:
        try:
            return self._make()
        except CredentialError as error:
            if error.outcome_unknown:
                self._doubt = error
            raise

    def _looked(self) -> Optional[Done[Answer]]:
        try:
            return self._look()
        except (Conflict, NotFound):
            self._doubt = None  # something else is there, whatever became of ours
            raise

    def _last_look(self) -> Optional[Done[Answer]]:
        """After the last attempt, as long as there is time: no request is made twice by looking."""
        if deadline.is_over():
            return None
        try:
            return self._looked()
        except (Conflict, NotFound):
            raise
        except CredentialError:
            return None


def _unknown(error: CredentialError, call: Call) -> CredentialError:
    """The error of a write that may have been carried out, or may be still."""
    error.outcome_unknown = True
    error.what = "{0}; whether the change was made is not known".format(error.what.rstrip("."))
    see = "Read the credential to see which value is there." if call.name else "Open the store again to see which one is there."
    error.remedy = "{0} {1}".format(error.remedy, see).strip()
    return error
