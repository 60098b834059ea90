# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cache of the run's session: the module `cache` (F1)."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.layer import Cache
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager

OPERATION = "cache"
CLEARED = "cleared"


def cache(manager: CredentialManager, parameters: Mapping[str, Any], _context: AccessContext, check_mode: bool) -> Outcome:
    """Call `clear_cache` for one store. Outside a session there is no cache to clear or describe."""
    return without_session(parameters) if manager.cache is None else clear_cache([manager.cache], parameters, check_mode)


def clear_cache(caches: Sequence[Cache], parameters: Mapping[str, Any], check_mode: bool) -> Outcome:
    """Clear the cache if requested, and return its statistics.

    Args:
        caches: the caches of the named stores; none if the session has no such store open.
        parameters: `state` (None or cleared), and `name`, to drop that credential only.
        check_mode: drop nothing, and count what would be dropped.

    Returns:
        `{changed, session, dropped, statistics}`: `dropped` is a number of values, `statistics` as `statistics` returns them, taken after
        the drop.

    Raises:
        InvalidInput: `name` is not a valid name.
    """
    name = parameters.get("name")
    if name is not None:
        check_name(name)
    dropped = sum(_drop(one, name, check_mode) for one in caches) if parameters.get("state") == CLEARED else 0
    return Outcome({"changed": dropped > 0, "session": True, "dropped": dropped, "statistics": statistics(caches)})


def without_session(parameters: Mapping[str, Any]) -> Outcome:
    """Return the outcome for a run without a session, where nothing is cached from one task to the next.

    Raises:
        InvalidInput: `name` is not a valid name.
    """
    if parameters.get("name") is not None:
        check_name(parameters["name"])
    return Outcome({"changed": False, "session": False, "dropped": 0, "statistics": None})


def statistics(caches: Sequence[Cache]) -> Dict[str, Any]:
    """Return the sums over all caches.

    Returns:
        `{stores, hits, misses, shared, batched, stale, hit_rate, requests_saved, entries, bytes, oldest}`: numbers; `hit_rate` is between
        0 and 1 (None before the first read), `oldest` is in seconds (None if nothing is cached).
    """
    counts = [one.counts for one in caches]
    told: Dict[str, Any] = {
        what: sum(getattr(count, what) for count in counts) for what in ("hits", "misses", "shared", "batched", "stale")
    }
    reads = told["hits"] + told["misses"]
    told["stores"] = len(caches)
    told["hit_rate"] = round(told["hits"] / reads, 4) if reads else None
    told["requests_saved"] = told["hits"] + told["shared"] + told["batched"]
    told["entries"] = sum(len(one.shelf) for one in caches)
    told["bytes"] = sum(one.shelf.size for one in caches)
    told["oldest"] = max((age for one in caches for age in [one.shelf.oldest()] if age is not None), default=None)
    return told


def _drop(one: Cache, name: Optional[str], check_mode: bool) -> int:
    return one.shelf.count(name) if check_mode else one.clear(name)
