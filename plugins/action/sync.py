# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of `sync`: one operation for each store that gets copies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.sync import SYNC
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.failures import NAMED, describe_failures
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.action.base import CredentialAction
from ansible_collections.nebula.credential.plugins.plugin_utils.client.mirroring import check_selected, choose_mirrors, sync_store


class ActionModule(CredentialAction):
    """Performs `sync` on the controller, where every store is reached."""

    operation = "sync"
    specification = SYNC

    def perform(self, store: StoreReference, parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> Outcome:
        """Bring the copies in each store up to date. One that fails does not hinder the others; the task fails at the end."""
        if self.runs_on_target(parameters):
            raise InvalidInput("the copies are written from the controller", option="run_on", remedy="Leave it out.")
        wanted = {option: parameters[option] for option in ("names", "on_delete", "overwrite_drift", "scope")}

        def perform(among: StoreReference, operation: str, given: Mapping[str, Any]) -> Outcome:
            return self.ask(among, operation, given, variables)

        mirrors, names = choose_mirrors(store, parameters["to"]), parameters["names"] or ()
        check_selected(store, mirrors, names)
        parts = [sync_store(perform, store, mirror, wanted) for mirror in mirrors]
        result = _merge(parts)
        _warn_of_unknown(store.name, names, result["results"])
        return Outcome(result)


def _warn_of_unknown(store: str, names: Iterable[str], rows: list[dict[str, Any]]) -> None:
    """Warn of names that the task has written and that no store has: they may be typing errors, or were deleted."""
    known = {row["name"] for row in rows if row["failed"] or row["before"] is not None or row["after"] is not None}
    unknown = [name for name in names if name not in known and any(row["name"] == name for row in rows)]
    if unknown:
        what = "store '{0}' has no credential of these names, and there is no copy of them: {1}. Check the names."
        Display().warning(what.format(store, ", ".join(unknown[:NAMED]) + (", …" if len(unknown) > NAMED else "")))


def _merge(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one result for all stores."""
    rows = [row for part in parts for row in part["results"]]
    failed = [row for row in rows if row["failed"]]
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(part["counts"])
    result = {
        "changed": any(part["changed"] for part in parts),
        "failed": counts["failed"] > 0,
        "total": sum(part["total"] for part in parts),
        "counts": dict(counts),
        "results": sorted(rows, key=lambda row: not row["failed"]),
        "diff": {side: {key: text for part in parts for key, text in part.get("diff", {}).get(side, {}).items()} for side in _SIDES},
    }
    if failed:
        result.update(msg=describe_failures(failed, result["total"]), code=failed[0]["code"])
    return result


_SIDES = ("before", "after")
