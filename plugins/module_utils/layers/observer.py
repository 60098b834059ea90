# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Events in the layers that no caller sees: a repeated request, a circuit that opens. A layer that counts them overrides `Observer`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import BackendCall

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.context.parallel import Parallelism

CLOSED = "closed"
OPEN = "open"
HALF_OPEN = "half_open"
BREAKER_STATES = (CLOSED, HALF_OPEN, OPEN)
"""In this order: all requests are made; a few are tried; none is made."""


class Observer:
    """Receive events and do nothing. Many threads call it: an override returns at once, raises nothing and does not use the store."""

    def on_retry(self, call: BackendCall, error: CredentialError, waited: float) -> None:
        """`call` failed with `error`, which is temporary. It will be made again after `waited` seconds."""

    def on_throttled(self, error: CredentialError) -> None:
        """The backend refused a request with `error`, because there are too many. It may be made again."""

    def breaker_changed(self, state: str) -> None:
        """The circuit breaker changed to `state`, one of `BREAKER_STATES`. It begins as `CLOSED`; there is no event for that."""


class BatchThrottle(Observer):
    """Let batches have fewer operations in flight while the backend throttles or fails. Every event is passed on."""

    def __init__(self, parallelism: Parallelism, inner: Observer) -> None:
        """Take the number of operations in flight, and the observer that gets every event too."""
        self._parallelism = parallelism
        self._inner = inner

    def on_retry(self, call: BackendCall, error: CredentialError, waited: float) -> None:
        self._inner.on_retry(call, error, waited)

    def on_throttled(self, error: CredentialError) -> None:
        self._parallelism.lower()
        self._inner.on_throttled(error)

    def breaker_changed(self, state: str) -> None:
        self._parallelism.hold(state != CLOSED)
        self._inner.breaker_changed(state)
