# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metrics as JSON-like data: for the file in which processes add them up, and for users."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.metrics.totals import BOUNDS, Breaker, Recent, Timing, Totals

_MOST = 2**63
_LAST_SECOND = 253402300800
"""The first second of the year 10000, which no time can have."""


def describe_totals(totals: Totals, now: float) -> Dict[str, Any]:
    """Return the metrics for users: times in ISO 8601 (UTC), durations in seconds, None for what was never counted.

    Returns:
        `{since, operations, errors, seconds, retries, breaker, cache, recent}`: `operations` by operation and result, `seconds` by
        operation as `{count, sum, buckets}`, each bucket by its upper bound with what took longer than the bound before;
        `recent` counts operations and retries of the last 15 to 30 minutes.
    """
    recent = totals.recent(now)
    return {
        "since": _moment(totals.since),
        "operations": _by_operation(totals),
        "errors": totals.errors,
        "seconds": {operation: _describe_timing(timing) for operation, timing in sorted(totals.timings.items())},
        "retries": dict(sorted(totals.retries.items())),
        "breaker": _describe_breaker(totals),
        "cache": None if totals.hits is None else {"hits": totals.hits, "misses": totals.misses},
        "recent": {"operations": recent.operations, "retries": recent.retries},
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _by_operation(totals: Totals) -> Dict[str, Dict[str, int]]:
    rows: Dict[str, Dict[str, int]] = {}
    for (operation, result), count in sorted(totals.operations.items()):
        rows.setdefault(operation, {})[result] = count
    return rows


def _describe_timing(timing: Timing) -> Dict[str, Any]:
    bounds = [*map(str, BOUNDS), "longer"]
    buckets = {bound: count for bound, count in zip(bounds, timing.buckets) if count}
    return {"count": timing.count, "sum": round(timing.seconds, 6), "buckets": buckets}


def _describe_breaker(totals: Totals) -> Optional[Dict[str, Any]]:
    if totals.breaker is None:
        return None
    return {"state": totals.breaker.state, "changed_at": _moment(totals.breaker.changed_at), "opened": totals.opened}


def encode_totals(totals: Totals) -> Dict[str, Any]:
    """Return the content of the file, for `read`."""
    return {
        "since": totals.since,
        "operations": _by_operation(totals),
        "bounds": list(BOUNDS),
        "seconds": {name: [timing.count, timing.seconds, timing.buckets] for name, timing in totals.timings.items()},
        "retries": totals.retries,
        "breaker": totals.breaker,
        "opened": totals.opened,
        "hits": totals.hits,
        "misses": totals.misses,
        "windows": {str(window): recent for window, recent in totals.windows.items()},
    }


def read(document: Mapping[str, Any]) -> Totals:
    """Return the totals that `written` wrote.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: the document is something else.
    """
    totals = Totals(_seconds(document["since"]))
    totals.operations = {
        (str(operation), str(result)): _number(count)
        for operation, results in document["operations"].items()
        for result, count in results.items()
    }
    if document["bounds"] == list(BOUNDS):  # if the bounds differ, the counts are kept and the durations begin anew
        totals.timings = {str(name): _timing(*parts) for name, parts in document["seconds"].items()}
    totals.retries = {str(operation): _number(count) for operation, count in document["retries"].items()}
    totals.breaker = None if document["breaker"] is None else _breaker(*document["breaker"])
    totals.opened = _number(document["opened"])
    totals.hits, totals.misses = _count(document["hits"]), _count(document["misses"])
    totals.windows = {int(window): Recent(*map(_number, recent)) for window, recent in document["windows"].items()}
    return totals


def _timing(count: Any, seconds: Any, buckets: Any) -> Timing:
    if len(buckets) != len(BOUNDS) + 1:
        raise ValueError("buckets")
    return Timing(_number(count), _seconds(seconds), [_number(number) for number in buckets])


def _breaker(state: Any, changed_at: Any, opened_at: Any) -> Breaker:
    return Breaker(str(state), _seconds(changed_at), _seconds(opened_at))


def _count(value: Any) -> Optional[int]:
    return None if value is None else _number(value)


def _number(value: Any) -> int:
    if value.__class__ is not int or not 0 <= value < _MOST:
        raise ValueError("not a count")
    return int(value)


def _seconds(value: Any) -> float:
    if value.__class__ not in (int, float) or not 0 <= value < _LAST_SECOND:
        raise ValueError("not a number of seconds")
    return float(value)
