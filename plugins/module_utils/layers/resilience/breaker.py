# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A circuit breaker as a layer: after repeated failures it makes no request to the backend for a while (S4)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Callable, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import DEGRADED, HEALTHY, Backend, Health
from ansible_collections.nebula.credential.plugins.module_utils.errors import CircuitOpen, CredentialError, Timeout, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import Answer, BackendCall, InterceptingLayer
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import CLOSED
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.circuit import Circuit


class Breaker(InterceptingLayer):
    """Make no request while the circuit is open.

    It is outside the repeats: an operation that succeeds after a repeat is no failure; one that fails after all repeats is one.
    `health` is always requested and never counted: its caller wants the state of the backend as it is now.
    """

    def __init__(self, inner: Backend, circuit: Circuit) -> None:
        """Wrap `inner`. All threads that use the store share the circuit."""
        super().__init__(inner)
        self._circuit = circuit

    def intercept(self, call: BackendCall, work: Callable[[], Answer]) -> Answer:
        """Run `work` if the circuit lets it through, and return its result.

        Raises:
            CircuitOpen: the circuit is open. No request was made.
        """
        period = self._circuit.let_through()
        if period is None:
            raise self._open()
        failed: Optional[bool] = None
        try:
            answer = work()
            failed = False
            return answer
        except CredentialError as error:
            # Any other error is a response of the backend: a denial or a lost race is no sign of a failing backend.
            failed = isinstance(error, (Unavailable, Timeout))
            raise
        finally:
            self._circuit.end(period, failed)

    def reset(self) -> None:
        """Let requests through again, as for a store that was just opened."""
        self._circuit.reset()

    def _open(self) -> CircuitOpen:
        error = CircuitOpen(self._describe(), remedy="Repair the backend, or the network to it.", store=self.context.store)
        error.annotate(retry_after=self._circuit.remaining())
        return error

    def _describe(self) -> str:
        seconds = self._circuit.remaining()
        if seconds <= 0:
            return "no request is made until the one in progress has shown whether the backend responds again"
        what = "the backend failed {0} times in a row, so no request is made for another {1} s"
        return what.format(self._circuit.failures, math.ceil(seconds))

    def health(self) -> Health:
        """Return the backend's health; `degraded` at best while the circuit is not closed."""
        health = self.inner.health()
        if self._circuit.state == CLOSED:
            return health
        status = DEGRADED if health.status == HEALTHY else health.status
        return replace(health, status=status, reasons=(*health.reasons, self._describe()))
