# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A circuit breaker as a layer: a backend that fails again and again is left alone for a while (S4)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Callable, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import DEGRADED, HEALTHY, Backend, Health
from ansible_collections.nebula.credential.plugins.module_utils.errors import CircuitOpen, CredentialError, Timeout, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import Answer, Around, Call
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import CLOSED
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.circuit import Circuit


class Breaker(Around):
    """Makes no request while its circuit is open.

    It stands around the repeats: an operation that a repeat has saved is no failure, and one that no repeat could save is one.
    `health` is always asked, and not counted: who asks wants to know.
    """

    def __init__(self, inner: Backend, circuit: Circuit) -> None:
        """Wrap `inner`; every thread that uses the store shares the circuit."""
        super().__init__(inner)
        self._circuit = circuit

    def around(self, call: Call, work: Callable[[], Answer]) -> Answer:
        """Do `work`, where the circuit lets it through.

        Raises:
            CircuitOpen: it does not. No request was made.
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
            # Whatever else a backend answers, it answers: a denial or a lost race is no sign of a failing backend.
            failed = isinstance(error, (Unavailable, Timeout))
            raise
        finally:
            self._circuit.ended(period, failed)

    def _open(self) -> CircuitOpen:
        error = CircuitOpen(self._told(), remedy="Repair the backend, or what lies between.", store=self.context.store)
        error.happened(retry_after=self._circuit.remaining())
        return error

    def _told(self) -> str:
        seconds = self._circuit.remaining()
        if seconds <= 0:
            return "no request is made before one that is under way has shown whether the backend answers again"
        what = "the backend failed {0} times in a row, so no request is made for another {1} s"
        return what.format(self._circuit.failures, math.ceil(seconds))

    def health(self) -> Health:
        """The backend's own; `degraded` at best while requests are held back."""
        health = self.inner.health()
        if self._circuit.state == CLOSED:
            return health
        status = DEGRADED if health.status == HEALTHY else health.status
        return replace(health, status=status, reasons=(*health.reasons, self._told()))
