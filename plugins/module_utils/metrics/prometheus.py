# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metrics in the text format of Prometheus, through `prometheus_client`. No label holds a credential's name."""

from __future__ import annotations

from itertools import accumulate
from typing import Any, Dict, Iterator, List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import MissingLibrary, Package, pip_install
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import BREAKER_STATES
from ansible_collections.nebula.credential.plugins.module_utils.metrics.totals import BOUNDS, Totals

PREFIX = "nebula_credential_"


def exposition(store: str, backend: str, totals: Totals) -> str:
    """Return the text that a Prometheus server, or node_exporter's textfile collector, reads.

    Args:
        store: the value of the label `store`.
        backend: the value of the label `backend`.
        totals: the numbers. What was never counted has no line.

    Raises:
        MissingLibrary: `prometheus_client` is not installed.
    """
    try:
        from prometheus_client import CollectorRegistry, core, generate_latest
    except ImportError:
        raise MissingLibrary(
            "prometheus_client is not installed on the controller",
            option="prometheus",
            remedy="Run: {0}".format(pip_install(Package("prometheus-client>=0.20", "prometheus_client"))),
        ) from None
    registry = CollectorRegistry(auto_describe=False)
    # A registry of our own: the process's default one may have metrics of other code.
    registry.register(_Collector(core, {"store": store, "backend": backend}, totals))
    text: str = generate_latest(registry).decode("utf-8")
    return text


class _Collector:
    """Convert the totals to metric families of `prometheus_client`."""

    def __init__(self, families: Any, place: Dict[str, str], totals: Totals) -> None:
        self._families = families
        self._place = place
        self._totals = totals

    def describe(self) -> List[Any]:
        """Return nothing: the families depend on what was counted."""
        return []

    def collect(self) -> Iterator[Any]:
        """Yield the families that are not empty."""
        return (family for family in self._families_of(self._totals) if family.samples)

    def _families_of(self, totals: Totals) -> Iterator[Any]:
        what = "Operations on the backend, by their result: ok, or the code of the error."
        yield self._counter("operations", what, ("operation", "result"), dict(totals.operations))
        yield self._seconds()
        retries = {(operation,): count for operation, count in totals.retries.items()}
        yield self._counter("retries", "Repeated requests.", ("operation",), retries)
        yield from self._breaker()
        yield self._counter("cache_hits", "Reads returned from the cache.", (), _unless_none(totals.hits))
        yield self._counter("cache_misses", "Reads that were not in the cache.", (), _unless_none(totals.misses))

    def _counter(self, name: str, what: str, labels: Any, counts: Dict[Any, int]) -> Any:
        family = self._families.CounterMetricFamily(PREFIX + name, what, labels=[*self._place, *labels])
        for values, count in sorted(counts.items()):
            family.add_metric([*self._place.values(), *values], count)
        return family

    def _seconds(self) -> Any:
        what = "How long operations on the backend took, repeated requests included."
        family = self._families.HistogramMetricFamily(PREFIX + "operation_seconds", what, labels=[*self._place, "operation"])
        for operation, timing in sorted(self._totals.timings.items()):
            bounds = [*map(str, BOUNDS), "+Inf"]
            family.add_metric([*self._place.values(), operation], list(zip(bounds, accumulate(timing.buckets))), timing.seconds)
        return family

    def _breaker(self) -> Iterator[Any]:
        last, labels = self._totals.breaker, [*self._place, "state"]
        if last is None:
            return
        state = self._families.GaugeMetricFamily(PREFIX + "breaker_state", "1 for the state of the circuit breaker.", labels=labels)
        for each in BREAKER_STATES:
            state.add_metric([*self._place.values(), each], float(each == last.state))
        yield state
        what = "When the circuit breaker changed to its state."
        changed = self._families.GaugeMetricFamily(PREFIX + "breaker_changed_timestamp_seconds", what, labels=[*self._place])
        changed.add_metric([*self._place.values()], last.changed_at)
        yield changed
        yield self._counter("breaker_opened", "How often the circuit breaker opened.", (), {(): self._totals.opened})


def _unless_none(count: Optional[int]) -> Dict[Any, int]:
    return {} if count is None else {(): count}
