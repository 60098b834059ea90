# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store that its configuration makes read only: every write is refused before anything of it is sent.

The layer is there twice. Outside, it refuses the writes of callers, before other layers read for them. Next to the backend, it refuses
what layers write by themselves, such as the document of the keys.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Callable

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Capabilities
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import WriteGate
from ansible_collections.nebula.credential.plugins.module_utils.errors import ReadOnly
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import Answer, BackendCall, InterceptingLayer


class ReadOnlyStore(InterceptingLayer, WriteGate):
    """Pass reads on, and refuse everything else."""

    @property
    def capabilities(self) -> Capabilities:  # type: ignore[override]  # as in the base class
        """Those of the backend, without what writes: no audit entry is kept in the store."""
        return replace(self.inner.capabilities, read_only=True, audit_log=False)

    def check_takes_writes(self) -> None:
        """Raise what every write is refused with."""
        raise _build_refusal().within(store=self.context.store)

    def intercept(self, call: BackendCall, work: Callable[[], Answer]) -> Answer:
        """Run `work`.

        Raises:
            ReadOnly: it writes. Nothing was sent.
        """
        if call.writing:
            raise _build_refusal().within(name=call.name or None, store=self.context.store)
        return work()


def _build_refusal() -> ReadOnly:
    remedy = "Name another store; or take 'read_only' out of the configuration of this one."
    return ReadOnly("this store is read only by its configuration", option="read_only", remedy=remedy)
