# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Events in the layers that no caller sees: a repeated request, a circuit that opens. A layer that counts them overrides `Observer`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import BackendCall

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
    from ansible_collections.nebula.credential.plugins.module_utils.context.parallel import Parallelism

CLOSED = "closed"
OPEN = "open"
HALF_OPEN = "half_open"
BREAKER_STATES = (CLOSED, HALF_OPEN, OPEN)
"""In this order: all requests are made; a few are tried; none is made."""

PARALLEL = "parallel"
"""The store's option: how many operations of a batch are in flight."""
IN_FLIGHT = 8
"""The operations of a batch that are in flight at once if the configuration does not set `parallel`."""


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


def throttle_batches(bare: Backend, wanted: Optional[int], observer: Observer) -> Observer:
    """Set how many operations of a batch are in flight. Return the observer that lowers it while the backend throttles.

    Args:
        bare: the backend, without layers.
        wanted: the store's option `parallel`; None: as many as the backend can, at most `IN_FLIGHT`.
        observer: what gets every event too.

    Raises:
        InvalidConfiguration: `parallel` is out of range for this backend.
    """
    most = bare.capabilities.parallel
    if wanted is not None and not 1 <= wanted <= most:
        limit = "this backend does one operation at a time" if most == 1 else "this backend does at most {0} at once".format(most)
        remedy = "Leave it out." if most == 1 else "Use 1 to {0}, or leave it out.".format(most)
        raise InvalidConfiguration("it is {0}, and {1}".format(wanted, limit), option=PARALLEL, remedy=remedy)
    chosen = min(IN_FLIGHT, most) if wanted is None else wanted
    if chosen == 1:
        return observer
    # Imported here, so that a store that works on one credential at a time does not load it.
    from ansible_collections.nebula.credential.plugins.module_utils.context.parallel import Parallelism

    bare.context.parallelism = Parallelism(chosen)
    return BatchThrottle(bare.context.parallelism, observer)
