# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Events in the layers that no caller sees: a repeated request, a circuit that opens. A layer that counts them overrides `Observer`."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import BackendCall

CLOSED = "closed"
OPEN = "open"
HALF_OPEN = "half_open"
BREAKER_STATES = (CLOSED, HALF_OPEN, OPEN)
"""In this order: all requests are made; a few are tried; none is made."""


class Observer:
    """Receive events and do nothing. Many threads call it: an override returns at once, raises nothing and does not use the store."""

    def on_retry(self, call: BackendCall, error: CredentialError, waited: float) -> None:
        """`call` failed with `error`, which is temporary. It will be made again after `waited` seconds."""

    def breaker_changed(self, state: str) -> None:
        """The circuit breaker changed to `state`, one of `BREAKER_STATES`. It begins as `CLOSED`; there is no event for that."""
