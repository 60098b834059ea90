# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a store can be used, and how well: the same check for every module that reports it (B6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Iterator

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import DEGRADED, UNHEALTHY, Backend, Health, unhealthy
from ansible_collections.nebula.credential.plugins.module_utils.errors import as_credential_error
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import CLOSED, HALF_OPEN
from ansible_collections.nebula.credential.plugins.module_utils.metrics.totals import WINDOW, Totals

MANY_RETRIES = 0.1
"""Recent retries per operation above which a store is degraded."""
FEWEST_RETRIES = 5
"""Fewer retries than this never make a store degraded."""


def examine(backend: Backend) -> Health:
    """Return the health that the backend reports. If it raises, return unhealthy, with the error's message as the reason and its code."""
    try:
        return backend.health()
    except Exception as error:  # noqa: BLE001  # the text of a foreign exception may hold a value
        return unhealthy(as_credential_error(error).within(store=backend.context.store))


def judge(health: Health, totals: Totals, now: float) -> Health:
    """Return `health`, or degraded if the backend responds but the recent metrics show repeated failures."""
    reasons = tuple(_troubles(totals, now))
    if health.status == UNHEALTHY or not reasons:
        return health
    return replace(health, status=DEGRADED, reasons=health.reasons + reasons)


def _troubles(totals: Totals, now: float) -> Iterator[str]:
    breaker, recent = totals.breaker, totals.recent(now)
    if breaker is not None and now - breaker.opened_at < WINDOW:
        state = {CLOSED: "closed again", HALF_OPEN: "half-open"}.get(breaker.state, "open")
        ago = max(0.0, now - breaker.opened_at)
        yield "the circuit breaker opened {0:.0f} s ago because the backend failed repeatedly; it is {1} now".format(ago, state)
    if recent.retries >= FEWEST_RETRIES and recent.retries > MANY_RETRIES * recent.operations:
        yield "{0} requests were retried for {1} recent operations".format(recent.retries, recent.operations)


def describe_health(health: Health) -> Dict[str, Any]:
    """Return the health as JSON-like data."""
    return {"status": health.status, "reasons": list(health.reasons), "code": health.code}
