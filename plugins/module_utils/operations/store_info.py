# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Describing a store: the module `store_info`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Dict, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Capabilities, unhealthy
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.metrics.documents import describe_totals
from ansible_collections.nebula.credential.plugins.module_utils.metrics.prometheus import exposition
from ansible_collections.nebula.credential.plugins.module_utils.metrics.store_metrics import StoreMetrics
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.store.health import describe_health as described_health
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.security import describe_security


def store_info(manager: CredentialManager, parameters: Mapping[str, Any], _context: AccessContext, _check_mode: bool) -> Outcome:
    """Describe a store, and check its backend's health. A backend that is down is a result, not a failure.

    Args:
        manager: the manager of the store.
        parameters: `metrics` adds the metrics, `prometheus` the same as text for Prometheus.

    Returns:
        `{changed, store, backend, capabilities, health, security, metrics, prometheus}`: `health` as `CredentialManager.health` returns it,
        `metrics` as `metrics.documents.described`, with the `path` of the file if there is one.

    Raises:
        MissingLibrary: `prometheus` is requested, and its library is not installed.
    """
    metering = manager.metering or StoreMetrics(manager.store)
    result = _describe(manager.store, metering.backend, manager.backend.capabilities, manager.health())
    result["security"] = describe_security(manager.backend.settings, manager.backend.capabilities)
    return Outcome(dict(result, **_numbers(metering, parameters)))


def _numbers(metering: StoreMetrics, parameters: Mapping[str, Any]) -> Dict[str, Any]:
    result: Dict[str, Any] = {}
    totals = metering.totals()
    if parameters.get("metrics", True):
        result["metrics"] = dict(describe_totals(totals, metering.clock()), path=metering.path)
    if parameters.get("prometheus"):
        result["prometheus"] = exposition(metering.store, metering.backend, totals)
    return result


def _describe(store: str, backend: str, capabilities: Capabilities, health: Mapping[str, Any]) -> Dict[str, Any]:
    return {"changed": False, "store": store, "backend": backend, "capabilities": asdict(capabilities), "health": dict(health)}


def of_unopened(config: Mapping[str, Any], store: str, error: CredentialError) -> Outcome:
    """Return the outcome of `store_info` for a store that cannot be opened (others can read its directory, for example): unhealthy.

    Raises:
        InvalidInput: the store's configuration is wrong, which says nothing about its health.
    """
    if isinstance(error, InvalidInput):
        raise error
    health = dict(described_health(unhealthy(error)), store=store, checked_in_ms=None)
    backend = str(config["backend"])
    return Outcome(_describe(store, backend, backend_class(backend).capabilities, health))
