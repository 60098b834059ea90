# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenTelemetry, if the store's option `telemetry` is on: instruments of the meter `nebula.credential`.

The environment in which Ansible is started decides which SDK receives them and where it exports to. The API alone records nothing.
"""

from __future__ import annotations

from typing import Any, Callable, Dict

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, MissingLibrary, Package, pip_install
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import BackendCall
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import BREAKER_STATES
from ansible_collections.nebula.credential.plugins.module_utils.metrics.recorder import Instruments
from ansible_collections.nebula.credential.plugins.module_utils.metrics.totals import BOUNDS

METER = "nebula.credential"
FLUSH_WITHIN = 1000
"""Milliseconds that an exporter may take when a process may end."""


def opentelemetry_instruments(store: str, backend: str, warn: Callable[[str], object]) -> Instruments:
    """Return the instruments; each number has the attributes `store` and `backend`.

    Raises:
        MissingLibrary: OpenTelemetry is not installed.
    """
    try:
        from opentelemetry import metrics
    except ImportError:
        raise MissingLibrary(
            "OpenTelemetry is not installed on the controller",
            option="telemetry",
            remedy="Run: {0}, or leave 'telemetry' out.".format(pip_install(Package("opentelemetry-sdk>=1.30", "opentelemetry"))),
        ) from None
    return _OpenTelemetry(metrics, {"store": store, "backend": backend}, warn)


class _OpenTelemetry(Instruments):
    """Pass on to OpenTelemetry what the recorder counts. No attribute holds a credential's name."""

    def __init__(self, api: Any, place: Dict[str, str], warn: Callable[[str], object]) -> None:
        meter = api.get_meter(METER)
        self._provider = api.get_meter_provider
        self._place = place
        self._warn = warn
        self._flushes = True
        self._durations = meter.create_histogram(
            METER + ".operation.duration",
            unit="s",
            description="How long operations on the backend took, repeated requests included",
            explicit_bucket_boundaries_advisory=list(BOUNDS),
        )
        self._retries = meter.create_counter(METER + ".retries", description="Repeated requests")
        self._breaker = meter.create_gauge(METER + ".breaker.state", description="1 for the state of the circuit breaker, else 0")
        self._lookups = meter.create_counter(METER + ".cache.lookups", description="Reads of the cache")

    def on_operation(self, operation: str, result: str, seconds: float) -> None:
        self._durations.record(seconds, dict(self._place, operation=operation, result=result))

    def on_retry(self, call: BackendCall, error: CredentialError, waited: float) -> None:
        self._retries.add(1, dict(self._place, operation=call.operation, reason=error.code))

    def breaker_changed(self, state: str) -> None:
        for each in BREAKER_STATES:
            self._breaker.set(int(each == state), dict(self._place, state=each))

    def on_lookup(self, hit: bool) -> None:
        self._lookups.add(1, dict(self._place, result="hit" if hit else "miss"))

    def flush(self) -> None:
        """Export what is held, because Ansible's workers end without notice. An exporter that fails is called once in a process."""
        flush = getattr(self._provider(), "force_flush", None)
        if flush is None or not self._flushes:
            return
        try:
            self._flushes = flush(FLUSH_WITHIN) is not False
        except Exception:  # noqa: BLE001  # a foreign exporter, whose text may hold an address with a login
            self._flushes = False
        if not self._flushes:
            self._warn("store '{0}': OpenTelemetry could not export the metrics. Operations continue.".format(self._place["store"]))
