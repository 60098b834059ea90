# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time limits as a layer: each operation on a remote backend is bounded as a whole (FR-020)."""

from __future__ import annotations

from typing import Callable

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Health
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import Answer, BackendCall, InterceptingLayer


class TimeLimits(InterceptingLayer):
    """Set the deadline for the layers and the backend inside."""

    def __init__(self, inner: Backend, reading: float, writing: float) -> None:
        """Take the limits of a read and of a write, in seconds."""
        super().__init__(inner)
        self._reading = reading
        self._writing = writing

    def intercept(self, call: BackendCall, work: Callable[[], Answer]) -> Answer:
        with deadline.within(self._writing if call.writing else self._reading, call.operation):
            return work()

    def health(self) -> Health:
        with deadline.within(self._reading, "health"):
            return self.inner.health()
