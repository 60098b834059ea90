# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backend that fails as backends behind a network do: before the work, after it, and by doing it later.

`Flaky(backend, scripted([...]))` fails as written down, `Flaky(backend, seeded(1, 0.3))` by chance that a seed decides.
"""

from __future__ import annotations

import enum
import random
import threading
from typing import Any, Callable, Iterable, Iterator, List, NamedTuple, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Timeout, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import BackendCall, InterceptingLayer


class Fault(enum.Enum):
    """What goes wrong with one request."""

    NONE = "it is answered"
    BEFORE = "nothing was done, and that is known"
    AFTER = "it was done, and the answer is lost"
    LOST = "nothing was done and nothing will be, but nobody knows"
    LATE = "nothing was done, and it will be, after the next request"
    LATER = "nothing was done, and it will be, after three more requests"

    @property
    def is_open(self) -> bool:
        """Whether whoever asked cannot tell what was done."""
        return self not in {Fault.NONE, Fault.BEFORE}


_DELAYS = {Fault.LATE: 1, Fault.LATER: 3}


class Waiting(NamedTuple):
    """A write under way, and how many requests come before it."""

    requests: int
    work: Callable[[], Any]


class Flaky(InterceptingLayer):
    """Injects the next fault into each request. A read that fails changes nothing, so all its faults are alike.

    `pause` is called before each request: with what a test wants to happen there.
    """

    def __init__(self, inner: Backend, faults: Iterator[Fault], pause: Callable[[], object] = lambda: None) -> None:
        """Fail as `faults` says; when it ends, no more."""
        super().__init__(inner)
        self.faults = faults
        self.pause = pause
        self.requests: List[Tuple[str, Fault]] = []
        self._lock = threading.Lock()
        self._under_way: List[Waiting] = []

    def intercept(self, call: BackendCall, work: Callable[[], Any]) -> Any:
        self.pause()
        with self._lock:
            fault = next(self.faults, Fault.NONE)
            self.requests.append((call.operation, fault))
        try:
            return self._met(call, fault, work)
        finally:
            self._pass_on()

    def _met(self, call: BackendCall, fault: Fault, work: Callable[[], Any]) -> Any:
        if fault is Fault.NONE:
            return work()
        if fault is Fault.AFTER and call.writing:
            work()
        if fault in _DELAYS and call.writing:
            with self._lock:
                self._under_way.append(Waiting(_DELAYS[fault] + 1, work))
        raise _error(fault, call)

    def _pass_on(self) -> None:
        """One more request has passed those under way; do what has arrived."""
        with self._lock:
            counted = [Waiting(each.requests - 1, each.work) for each in self._under_way]
            self._under_way = [each for each in counted if each.requests > 0]
        for each in counted:
            if each.requests <= 0:
                _arrive(each.work)

    def settle(self) -> None:
        """Let everything arrive that is under way still."""
        with self._lock:
            arriving, self._under_way = self._under_way, []
        for each in arriving:
            _arrive(each.work)


def _error(fault: Fault, call: BackendCall) -> CredentialError:
    lost = call.writing and fault.is_open
    kind = Unavailable if fault in {Fault.BEFORE, Fault.AFTER} else Timeout
    return kind("the fault '{0}' was injected".format(fault.name)).annotate(outcome_unknown=lost)


def _arrive(work: Callable[[], Any]) -> None:
    try:
        work()
    except CredentialError:
        pass  # whoever sent it does not listen any more


def scripted(faults: Iterable[Fault]) -> Iterator[Fault]:
    """These faults, one for each request, and then none."""
    return iter(tuple(faults))


def seeded(seed: int, rate: float) -> Iterator[Fault]:
    """Faults at a rate from 0 to 1, the same ones for the same seed."""
    chance = random.Random(seed)
    wrong = [fault for fault in Fault if fault is not Fault.NONE]
    while True:
        yield chance.choice(wrong) if chance.random() < rate else Fault.NONE
