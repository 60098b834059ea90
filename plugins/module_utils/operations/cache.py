# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cache of the run's session: the module `cache` (F1)."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import SharedReads, find_protocol
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.layer import Cache
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.options import OPTION as SHARED_CACHE
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager

OPERATION = "cache"
CLEARED = "cleared"


def cache(manager: CredentialManager, parameters: Mapping[str, Any], _context: AccessContext, check_mode: bool) -> Outcome:
    """Call `clear_caches` for one store, outside a session: only the shared cache can hold anything."""
    return clear_caches([manager], parameters, check_mode, session=manager.cache is not None)


def needs_store(config: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    """Return True if a store has to be opened to clear its cache: other controllers may have shared values of it."""
    return parameters.get("state") == CLEARED and not parameters.get("all_stores") and bool(config.get(SHARED_CACHE))


def clear_caches(
    managers: Sequence[CredentialManager], parameters: Mapping[str, Any], check_mode: bool, *, session: bool = True
) -> Outcome:
    """Clear the caches if requested, and return their statistics.

    Args:
        managers: the managers of the named stores; none if the session has no such store open.
        session: this process is a run's session.
        parameters: `state` (None or cleared), and `name`, to drop that credential only.
        check_mode: drop nothing, and count what would be dropped.

    Returns:
        `{changed, session, dropped, dropped_shared, statistics}`: `dropped` is a number of values in the session, `dropped_shared` of
        credentials in shared caches (None if there is none), `statistics` as `statistics` returns them, taken after the drop.

    Raises:
        InvalidInput: `name` is not a valid name.
        AccessDenied, Unavailable: a shared cache was not cleared.
    """
    name = parameters.get("name")
    if name is not None:
        check_name(name)
    shared = [found for manager in managers for found in [find_protocol(manager.backend, SharedReads)] if found is not None]
    caches = [manager.cache for manager in managers if manager.cache is not None]
    dropped, dropped_shared = 0, 0
    if parameters.get("state") == CLEARED:
        # What is shared first: a value that is read from there meanwhile is dropped by the second step.
        dropped_shared = sum(one.clear_shared(name, check=check_mode) for one in shared)
        dropped = sum(one.shelf.count(name) if check_mode else one.shelf.invalidate(name) for one in caches)
    result = {"changed": dropped + dropped_shared > 0, "session": session, "dropped": dropped}
    numbers = statistics(caches, shared) if session else None
    return Outcome(dict(result, dropped_shared=dropped_shared if shared else None, statistics=numbers))


def without_session(parameters: Mapping[str, Any]) -> Outcome:
    """Return the outcome for a run without a session, where nothing is cached from one task to the next.

    Raises:
        InvalidInput: `name` is not a valid name.
    """
    if parameters.get("name") is not None:
        check_name(parameters["name"])
    return Outcome({"changed": False, "session": False, "dropped": 0, "dropped_shared": None, "statistics": None})


def statistics(caches: Sequence[Cache], shared: Sequence[SharedReads] = ()) -> Dict[str, Any]:
    """Return the sums over all caches.

    Returns:
        `{stores, hits, misses, shared, batched, stale, hit_rate, requests_saved, entries, bytes, oldest, shared_cache}`: numbers;
        `hit_rate` is between 0 and 1 (None before the first read), `oldest` is in seconds (None if nothing is cached), `shared_cache`
        has the `{hits, misses}` of the shared caches (None if there is none).
    """
    counts = [one.counts for one in caches]
    told: Dict[str, Any] = {
        what: sum(getattr(count, what) for count in counts) for what in ("hits", "misses", "shared", "batched", "stale")
    }
    reads = told["hits"] + told["misses"]
    told["stores"] = len(caches)
    told["hit_rate"] = round(told["hits"] / reads, 4) if reads else None
    lookups = [one.count_lookups() for one in shared]
    hits, misses = sum(found for found, _each in lookups), sum(missed for _each, missed in lookups)
    told["shared_cache"] = {"hits": hits, "misses": misses} if shared else None
    told["requests_saved"] = told["hits"] + told["shared"] + told["batched"] + hits
    told["entries"] = sum(len(one.shelf) for one in caches)
    told["bytes"] = sum(one.shelf.size for one in caches)
    told["oldest"] = max((age for one in caches for age in [one.shelf.oldest()] if age is not None), default=None)
    return told
