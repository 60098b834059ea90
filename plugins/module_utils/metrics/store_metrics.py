# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metrics of one open store: its recorder, and the file and instruments that get the numbers. Nothing here fails an operation."""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Dict, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home
from ansible_collections.nebula.credential.plugins.module_utils.metrics.opentelemetry import opentelemetry_instruments
from ansible_collections.nebula.credential.plugins.module_utils.metrics.recorder import Instruments, Recorder
from ansible_collections.nebula.credential.plugins.module_utils.metrics.totals import Totals
from ansible_collections.nebula.credential.plugins.module_utils.metrics.totals_file import TotalsFile

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "metrics_path": {"description": "A file in which all processes add up the metrics of the backend.", "type": "path"},
    "telemetry": {"description": "Also record to OpenTelemetry.", "type": "bool", "default": False},
}
"""The metrics options of every store, as an argument spec."""


class StoreMetrics:
    """The metrics of one store.

    Attributes:
        store: the name the user gave the store.
        backend: the store's backend.
        recorder: counts what this process does.
        path: the file that all processes add to; None if the numbers are of this process alone.
    """

    def __init__(
        self,
        store: str = "local",
        backend: str = "local",
        *,
        path: Optional[str] = None,
        instruments: Optional[Instruments] = None,
        warn: Callable[[str], object] = lambda _message: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Count for a store of this name and backend. `warn` is called once if the file cannot be used. Open nothing."""
        self.store = store
        self.backend = backend
        self.path = path
        self.recorder = Recorder(instruments, clock)
        self.clock = clock
        self._instruments = instruments
        self._file = None if path is None else TotalsFile(path, store, backend, clock)
        self._warn = warn
        self._warned = False

    def totals(self) -> Totals:
        """Return the numbers of all processes if there is a file that can be read, else of this process."""
        here = self.recorder.copy_totals()
        try:
            everywhere = None if self._file is None else self._file.totals()
        except CredentialError as error:
            self._warn_once(error)
            return here
        if everywhere is None:
            return here
        everywhere.add(here, self.clock())
        return everywhere

    def flush(self) -> None:
        """Add what was counted since the last flush to the file, and export what the instruments hold."""
        if self._instruments is not None:
            self._instruments.flush()
        if self._file is None:
            return
        taken = self.recorder.take_totals()
        if taken.is_empty():
            return
        try:
            self._file.add(taken)
        except CredentialError as error:
            self.recorder.put_back(taken)
            self._warn_once(error)

    def remove_unused(self, before: float, *, check: bool = False) -> List[Dict[str, str]]:
        """Remove the numbers of other stores that were last added to before a time; see `TotalsFile.remove_unused`."""
        return [] if self._file is None else self._file.remove_unused(before, check=check)

    def _warn_once(self, error: CredentialError) -> None:
        if not self._warned:
            self._warned = True
            where = error.within(option="metrics_path", store=self.store)
            self._warn("{0} Operations continue, and are counted in this process alone.".format(where))


def metering(options: Mapping[str, Any], context: BackendContext) -> StoreMetrics:
    """Build the metrics of a store, as its configuration says.

    Raises:
        MissingLibrary: `telemetry` is on, and OpenTelemetry is not installed.
    """
    path = options.get("metrics_path")
    instruments = opentelemetry_instruments(context.store, options["backend"], context.warn) if options.get("telemetry") else None
    return StoreMetrics(
        context.store,
        options["backend"],
        path=None if path is None else os.path.abspath(expand_home(path, "metrics_path")),
        instruments=instruments,
        warn=context.warn,
    )
