# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metrics as a layer: each operation on the backend is counted and timed (A13). Outside the layers that repeat requests: one operation
is what a caller waited for, however many requests it took.
"""

from __future__ import annotations

from time import perf_counter
from typing import Callable, Iterator

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Filter
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import Answer, BackendCall, InterceptingLayer
from ansible_collections.nebula.credential.plugins.module_utils.metrics.recorder import Recorder
from ansible_collections.nebula.credential.plugins.module_utils.metrics.totals import OK
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record


class Metrics(InterceptingLayer):
    """Record how each operation ended and how long it took."""

    def __init__(self, inner: Backend, recorder: Recorder) -> None:
        """Wrap `inner`; count in `recorder`."""
        super().__init__(inner)
        self._recorder = recorder

    def intercept(self, call: BackendCall, work: Callable[[], Answer]) -> Answer:
        begun = perf_counter()
        try:
            answer = work()
        except Exception as error:
            self._recorder.on_operation(call.operation, _code(error), perf_counter() - begun)
            raise
        self._recorder.on_operation(call.operation, OK, perf_counter() - begun)
        return answer

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        """Count a listing as one operation, however many rows it has. The time its reader spends between two rows does not count."""
        rows, spent, result = self.inner.list(wanted), 0.0, OK
        try:
            while True:
                begun = perf_counter()
                try:
                    row = next(rows, None)
                except Exception as error:
                    result = _code(error)
                    raise
                finally:
                    spent += perf_counter() - begun
                if row is None:
                    return
                yield row
        finally:
            self._recorder.on_operation("list", result, spent)


def _code(error: Exception) -> str:
    return error.code if isinstance(error, CredentialError) else "internal"
