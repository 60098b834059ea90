# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removing what a store collects: the module `store_purge`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store_purge import KEEP_AUDIT, KEEP_METRICS
from ansible_collections.nebula.credential.plugins.module_utils.audit.purge import purge_trail
from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import Trail
from ansible_collections.nebula.credential.plugins.module_utils.audit.usage import save_usage
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import AuditSink, require_protocol
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.metrics.store_metrics import StoreMetrics
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import duration
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.catalog import list_administrative
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import asserting
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager


def store_purge(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, check_mode: bool) -> Outcome:
    """Remove old entries of the audit trail, and old numbers of other stores from the file of the metrics.

    Args:
        manager: the manager of the store.
        parameters: `keep_audit` and `keep_metrics`, durations; a part whose option is not given is not touched.
        context: the caller.
        check_mode: change nothing, and return what would be done.

    Returns:
        `{changed, audit, metrics, diff}`: `audit` (`{path, files, bytes, last, since, rows}`) and `metrics` (`{path, stores}`) as far as
        they were requested.

    Raises:
        InvalidInput: no option is given, a duration is not one, or the store keeps no trail or no metrics.
        AuditFailed: the trail is strict and cannot be written.
        StorageError, AccessDenied: something cannot be removed.
    """
    if parameters.get(KEEP_AUDIT) is None and parameters.get(KEEP_METRICS) is None:
        remedy = "Write '{0}' or '{1}', for example '400d'.".format(KEEP_AUDIT, KEEP_METRICS)
        raise InvalidInput("it says nothing about what may be removed", option=KEEP_AUDIT, remedy=remedy)
    result: Dict[str, Any] = {}
    before = {option: _begin_of(manager, parameters, option) for option in (KEEP_AUDIT, KEEP_METRICS) if parameters.get(option) is not None}
    trail = _find_trail(manager) if KEEP_AUDIT in before else None
    metering = _find_metering(manager) if KEEP_METRICS in before else None
    if metering is not None:
        unused = metering.remove_unused(before[KEEP_METRICS].timestamp(), check=check_mode)
        result["metrics"] = {"path": metering.path, "stores": unused}
    if trail is not None:
        with manager.acting(asserting(context, parameters.get("scope"))):
            result["audit"] = _purge_audit(manager, trail, before[KEEP_AUDIT], check_mode)
    removed = _count(result)
    diff = {"before": removed, "after": dict.fromkeys(removed, 0)}
    return Outcome(dict(result, changed=any(removed.values()), diff=diff))


def _begin_of(manager: CredentialManager, parameters: Mapping[str, Any], option: str) -> datetime:
    """Return the time from which on everything is kept."""
    text = str(parameters[option]).strip()
    kept = duration(text, option)
    if not kept:
        raise InvalidInput("it would keep nothing", option=option, remedy="Write a duration, for example '400d'.")
    if text.isdigit():  # elsewhere these are seconds: a user who means days would lose nearly all entries
        remedy = "Write '{0}d' for days, or another of s, m, h, d, w.".format(text)
        raise InvalidInput("'{0}' has no unit".format(text), option=option, remedy=remedy)
    return manager.clock() - kept


def _purge_audit(manager: CredentialManager, trail: Trail, before: datetime, check: bool) -> Dict[str, Any]:
    rows = None
    if manager.backend.capabilities.audit_log:
        rows = require_protocol(manager.backend, AuditSink).purge_audit(before, check=check)
    # So that the uses in the removed files stay counted, and the rest is not counted anew without them.
    purged = purge_trail(trail, before, check=check, before_removal=lambda: save_usage(trail, list_administrative()))
    return dict(purged._asdict(), path=trail.path, rows=rows)


def _find_trail(manager: CredentialManager) -> Trail:
    if manager.trail is None:
        raise InvalidInput("the store's audit trail is off", option=KEEP_AUDIT, remedy="Leave it out, or remove 'audit: off'.")
    return manager.trail


def _find_metering(manager: CredentialManager) -> StoreMetrics:
    if manager.metering is None or manager.metering.path is None:
        remedy = "Leave it out, or set the store's 'metrics_path'."
        raise InvalidInput("the store has no file of metrics", option=KEEP_METRICS, remedy=remedy)
    return manager.metering


def _count(result: Mapping[str, Any]) -> Dict[str, int]:
    """Return how much was removed, by what it is."""
    counts: Dict[str, int] = {}
    if "audit" in result:
        counts["audit_files"] = result["audit"]["files"]
        if result["audit"]["rows"] is not None:
            counts["audit_rows"] = result["audit"]["rows"]
    if "metrics" in result:
        counts["metrics_of_stores"] = len(result["metrics"]["stores"])
    return counts
