# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The numbers as Prometheus and OpenTelemetry get them: read by their own libraries, and without a name in any label."""

from __future__ import annotations

import subprocess
import sys

import pytest
from opentelemetry import metrics as opentelemetry_metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client.parser import text_string_to_metric_families

from ansible_collections.nebula.credential.plugins.module_utils.errors import MissingLibrary, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import BackendCall
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import CLOSED, HALF_OPEN, OPEN
from ansible_collections.nebula.credential.plugins.module_utils.metrics.opentelemetry import opentelemetry_instruments
from ansible_collections.nebula.credential.plugins.module_utils.metrics.prometheus import exposition
from ansible_collections.nebula.credential.plugins.module_utils.metrics.store_metrics import StoreMetrics
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.managing import CANARY, create

NOW = 1_800_000_000.0
SECRET_NAME = "quite/a-telling_name"
UNAVAILABLE = Unavailable("it does not answer")


def samples(text):
    """The value of each line, by its name and labels."""
    return {
        (sample.name, *(value for _label, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def metering():
    return StoreMetrics("prod", "vault", clock=lambda: NOW)


def shown(metering):
    return samples(exposition(metering.store, metering.backend, metering.totals()))


def test_prometheus_gets_operations_by_their_result(metering):
    for result in ("ok", "ok", "not_found"):
        metering.recorder.on_operation("get", result, 0.004)
    found = shown(metering)
    assert found["nebula_credential_operations_total", "vault", "get", "ok", "prod"] == 2
    assert found["nebula_credential_operations_total", "vault", "get", "not_found", "prod"] == 1


def test_prometheus_gets_durations_in_buckets_that_add_up(metering):
    for seconds in (0.004, 0.004, 60.0):
        metering.recorder.on_operation("get", "ok", seconds)
    found = shown(metering)
    name = "nebula_credential_operation_seconds"
    buckets = {key[2]: value for key, value in found.items() if key[0] == name + "_bucket"}
    assert (buckets["0.0025"], buckets["0.005"], buckets["10.0"], buckets["+Inf"]) == (0, 2, 2, 3)
    assert found[name + "_count", "vault", "get", "prod"] == 3
    assert found[name + "_sum", "vault", "get", "prod"] == pytest.approx(60.008)


def test_prometheus_gets_repeats_and_the_breaker(metering):
    metering.recorder.on_retry(BackendCall("get", SECRET_NAME), UNAVAILABLE, 0.1)
    metering.recorder.breaker_changed(OPEN)
    found = shown(metering)
    assert found["nebula_credential_retries_total", "vault", "get", "prod"] == 1
    states = {key[2:]: value for key, value in found.items() if key[0] == "nebula_credential_breaker_state"}
    assert states == {(CLOSED, "prod"): 0, (HALF_OPEN, "prod"): 0, (OPEN, "prod"): 1}
    assert found["nebula_credential_breaker_opened_total", "vault", "prod"] == 1
    assert found["nebula_credential_breaker_changed_timestamp_seconds", "vault", "prod"] == NOW


def test_prometheus_gets_no_line_of_what_nothing_has_counted(metering):
    assert exposition("prod", "vault", metering.totals()) == ""


def test_prometheus_gets_a_caches_hits_and_misses(metering):
    metering.recorder.on_lookup(True)
    found = shown(metering)
    assert found["nebula_credential_cache_hits_total", "vault", "prod"] == 1
    assert found["nebula_credential_cache_misses_total", "vault", "prod"] == 0


def test_the_registry_of_the_process_is_left_alone(metering):
    from prometheus_client import REGISTRY, generate_latest

    metering.recorder.on_operation("get", "ok", 0.1)
    shown(metering)
    shown(metering)
    assert b"nebula" not in generate_latest(REGISTRY)


@pytest.fixture
def exported(monkeypatch):
    """What OpenTelemetry's SDK has got: the points of each instrument."""
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    monkeypatch.setattr(opentelemetry_metrics, "get_meter", provider.get_meter)
    monkeypatch.setattr(opentelemetry_metrics, "get_meter_provider", lambda: provider)

    def points():
        data = reader.get_metrics_data()
        (resource,) = data.resource_metrics
        (scope,) = resource.scope_metrics
        assert scope.scope.name == "nebula.credential"
        return {metric.name: [(dict(point.attributes), point) for point in metric.data.data_points] for metric in scope.metrics}

    yield points
    provider.shutdown()


def test_opentelemetry_gets_what_a_store_is_asked(exported, tmp_path):
    manager = open_store({"backend": "local", "path": str(tmp_path / "store"), "telemetry": True}, name="prod")
    create(manager, SECRET_NAME)
    manager.get(SECRET_NAME)
    manager.flush()
    got = {attributes["operation"]: (attributes, point.count) for attributes, point in exported()["nebula.credential.operation.duration"]}
    assert got["put"] == ({"store": "prod", "backend": "local", "operation": "put", "result": "ok"}, 1)
    assert SECRET_NAME not in str(got)
    assert CANARY not in str(got)


def test_opentelemetry_gets_repeats_the_breaker_and_a_cache(exported):
    metering = StoreMetrics("prod", "vault", instruments=opentelemetry_instruments("prod", "vault", print))
    metering.recorder.on_retry(BackendCall("get", SECRET_NAME), UNAVAILABLE, 0.1)
    metering.recorder.breaker_changed(OPEN)
    metering.recorder.on_lookup(False)
    got = exported()
    place = {"store": "prod", "backend": "vault"}
    assert [attributes for attributes, _point in got["nebula.credential.retries"]] == [dict(place, operation="get", reason="unavailable")]
    states = {attributes["state"]: point.value for attributes, point in got["nebula.credential.breaker.state"]}
    assert states == {CLOSED: 0, HALF_OPEN: 0, OPEN: 1}
    assert [attributes["result"] for attributes, _point in got["nebula.credential.cache.lookups"]] == ["miss"]
    assert SECRET_NAME not in str(got)


class Exporting:
    """A meter provider whose exporter does as a test says."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = 0

    def force_flush(self, _milliseconds):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(("answer", "asked", "told"), [(True, 2, 0), (False, 1, 1), (OSError("https://user:c4n4ry@otel"), 1, 1)])
def test_an_exporter_that_does_not_answer_is_asked_once_and_fails_nothing(answer, asked, told, monkeypatch):
    provider, warnings = Exporting(answer), []
    monkeypatch.setattr(opentelemetry_metrics, "get_meter_provider", lambda: provider)
    instruments = opentelemetry_instruments("prod", "vault", warnings.append)
    for _each in range(2):
        instruments.flush()
    assert (provider.asked, len(warnings)) == (asked, told)
    assert "c4n4ry" not in str(warnings)


def test_the_api_alone_records_nothing_and_fails_nothing(monkeypatch):
    instruments = opentelemetry_instruments("prod", "vault", print)
    instruments.on_operation("get", "ok", 0.1)
    instruments.flush()


def hide(monkeypatch, *modules):
    for module in [name for name in sys.modules if name.split(".")[0] in modules] + list(modules):
        monkeypatch.setitem(sys.modules, module, None)


def test_opentelemetry_that_is_asked_for_and_absent_is_named_with_what_installs_it(monkeypatch):
    hide(monkeypatch, "opentelemetry")
    with pytest.raises(MissingLibrary, match=r"^option 'telemetry', store 'prod': .*pip install 'opentelemetry-sdk") as caught:
        open_store({"backend": "memory", "telemetry": True}, name="prod")
    assert caught.value.code == "missing_library"


def test_prometheus_that_is_asked_for_and_absent_is_named_with_what_installs_it(monkeypatch, metering):
    hide(monkeypatch, "prometheus_client")
    with pytest.raises(MissingLibrary, match="pip install 'prometheus-client"):
        exposition("prod", "vault", metering.totals())


def test_a_store_that_asks_for_neither_imports_neither(tmp_path):
    program = (
        "import sys; from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store; "
        "from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform; "
        "open_store({'backend': 'local', 'path': sys.argv[1]}).close(); "
        "sys.exit(any(name.split('.')[0] in ('prometheus_client', 'opentelemetry') for name in sys.modules))"
    )
    path = [entry for entry in sys.path if entry]
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "store")], check=False, env={"PYTHONPATH": ":".join(path), "HOME": str(tmp_path)}
    )
    assert done.returncode == 0
