# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follow-up requests of a multi-request write. If one of them is refused, the write goes on with that one, and repeats none before it.

They run before this process reads the same path again, so that a read shows the result of the write, and a layer that reconciles a lost
response by reading sees all of it.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import partial
from typing import Any, Callable, Dict, Generic, Iterator, List, Mapping, Optional, Tuple, TypeVar, Union

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Reply
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_requests import Kv2Requests, LostRace, NeedsCas
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Timeout, Unavailable

Answer = TypeVar("Answer")


class RememberedRequests(Kv2Requests):
    """Requests of work that may run again: it gets the responses that it had, and sends only what has none yet.

    The work makes the same requests if the responses are the same. A request whose response was lost is sent again; a `LostRace` of
    that one has `outcome_unknown`, because it may have lost to itself.
    """

    def __init__(self, requests: Kv2Requests) -> None:
        """Take the requests of the engine."""
        vars(self).update(vars(requests))
        self._outcomes: List[Union[Reply, CredentialError]] = []
        self._position = 0
        self._is_in_doubt = False

    def rewind(self) -> None:
        """Begin to run the work again."""
        self._position = 0

    def _request(
        self, method: str, endpoint: str, place: str, body: Optional[Mapping[str, Any]] = None, *, writing: bool = False, capability: str
    ) -> Reply:
        if self._position == len(self._outcomes):
            self._outcomes.append(self._send(method, endpoint, place, body, writing=writing, capability=capability))
            self._is_in_doubt = False
        outcome = self._outcomes[self._position]
        self._position += 1
        if isinstance(outcome, CredentialError):
            raise outcome
        return outcome

    def _send(self, *arguments: Any, **named: Any) -> Union[Reply, CredentialError]:
        """Return the response, or the refusal that the work decides on. Raise any other error: it ends the run."""
        try:
            return super()._request(*arguments, **named)
        except (LostRace, NeedsCas) as refusal:
            return refusal.annotate(outcome_unknown=self._is_in_doubt)
        except CredentialError as problem:
            self._is_in_doubt = self._is_in_doubt or problem.outcome_unknown
            raise


class Rest(Generic[Answer]):
    """What is left of one write. It runs to its end once, however many threads call it and however often it is called."""

    def __init__(self, requests: Kv2Requests, work: Callable[[Kv2Requests], Answer]) -> None:
        """Take the requests of the engine, and the work, which uses those that it is given and decides by their responses alone."""
        self._requests = RememberedRequests(requests)
        self._work = work
        self._answer: Optional[Tuple[Answer]] = None
        self._running = threading.Lock()

    def __call__(self) -> Answer:
        """Do what is left, and return the answer of the whole.

        Raises:
            CredentialError: a request failed. The next call goes on with that one.
        """
        with deadline.hold(self._running, outcome_unknown=True):
            if self._answer is None:
                self._requests.rewind()
                self._answer = (self._work(self._requests),)
            return self._answer[0]


class PendingWrites:
    """Pending work, by path. Threads may share it."""

    def __init__(self) -> None:
        """Start with no pending work."""
        self._owed: Dict[str, List[Rest[Any]]] = {}
        self._changing = threading.Lock()

    @contextmanager
    def claiming(self, place: str, claim: Rest[Any]) -> Iterator[None]:
        """Send the first request of a write in the block. If its response is lost, `claim` becomes pending: it checks and finishes it."""
        try:
            yield
        except CredentialError as problem:
            if problem.outcome_unknown:
                self._owe(place, claim)
            raise

    def finish(self, place: str, what: str, rest: Rest[Answer]) -> Answer:
        """Send the remaining requests of a write and return the answer, or keep them as pending.

        Raises:
            CredentialError: they failed. If they can be sent later, the error brings them along (`CredentialError.rest`).
        """
        self._owe(place, rest)
        try:
            answer = rest()
        except (Unavailable, Timeout) as problem:
            problem.what = "a part of the change was made, and the rest ({0}) was not: {1}".format(what, problem.what)
            problem.outcome_unknown = True
            problem.rest = partial(self.finish, place, what, rest)
            raise
        except CredentialError:
            self._forget(place, rest)
            raise
        self._forget(place, rest)
        return answer

    def catch_up(self, place: str) -> None:
        """Run the pending requests of this path.

        Raises:
            Unavailable, Timeout: they cannot run now. Other failures drop them; the writer gets or has got an error.
        """
        for rest in list(self._owed.get(place, ())):
            try:
                rest()
            except (Unavailable, Timeout):
                raise
            except CredentialError:
                pass
            self._forget(place, rest)

    def _owe(self, place: str, rest: Rest[Any]) -> None:
        with self._changing:
            owed = self._owed.setdefault(place, [])
            if rest not in owed:
                owed.append(rest)

    def _forget(self, place: str, rest: Rest[Any]) -> None:
        with self._changing:
            owed = [each for each in self._owed.pop(place, ()) if each is not rest]
            if owed:
                self._owed[place] = owed
