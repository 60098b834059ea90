# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing copies in another store up to date: the module `sync`, and what follows a write to a store with `mirror`."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.mirror.copier import Options
from ansible_collections.nebula.credential.plugins.module_utils.mirror.sync import Sync, describe_results, has_effect
from ansible_collections.nebula.credential.plugins.module_utils.model.mirror import ON_DELETE, read_mirror
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import asserting
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager

SHOWN = 1000
"""The greatest number of copies that a result lists."""


def sync(
    manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, check_mode: bool, *, to: CredentialManager
) -> Outcome:
    """Bring the copies in the store of `to` up to date.

    Args:
        manager: the manager of the source.
        parameters: `mirror`, as `Mirror.write` returns it; `names` among those that it selects, or None for all of these;
            `on_delete` (by default that of the mirror), `overwrite_drift`, `scope`.
        context: the caller.
        check_mode: write nothing, and return what would be done.
        to: the manager of the store that gets the copies.

    Returns:
        `{changed, total, counts, results, names, diff}`. `counts` has how many there are of each action, and how many failed. `results`
        has the rows of `describe_results`, those that failed first, then those that changed, `SHOWN` at most. `names` are the copies that
        changed.

    Raises:
        InvalidInput: an option is wrong; or as `Sync.run`.
    """
    mirror = read_mirror(parameters["mirror"])
    on_delete = parameters.get("on_delete") or mirror.on_delete
    if on_delete not in ON_DELETE:
        raise InvalidInput("{0} is not known".format(ascii(on_delete)), option="on_delete", remedy="Use keep or remove.")
    options = Options(mirror, on_delete, bool(parameters.get("overwrite_drift")), check_mode)
    caller = asserting(context, parameters.get("scope"))
    rows = describe_results(Sync(manager, to, caller, options).run(_read_names(parameters)), to.store)
    rows.sort(key=lambda row: (not row["failed"], not has_effect(row)))
    counts = Counter("failed" if row["failed"] else str(row["action"]) for row in rows)
    written = [row for row in rows if has_effect(row)]
    names = sorted({str(row["to"]) for row in written}) if len(written) <= SHOWN else None
    result: Dict[str, Any] = {"changed": bool(written), "total": len(rows), "counts": dict(counts), "results": rows[:SHOWN]}
    return Outcome(dict(result, names=names, diff=_build_diff(written[:SHOWN], manager.store, to.store)))


def _read_names(parameters: Mapping[str, Any]) -> Optional[List[str]]:
    names = parameters.get("names")
    return None if names is None else [check_name(name) for name in names]


def _build_diff(written: List[Dict[str, Any]], source: str, destination: str) -> Dict[str, Dict[str, str]]:
    """Return names and versions. No value is in it."""
    sides: Dict[str, Dict[str, str]] = {"before": {}, "after": {}}
    for row in written:
        key = "{0} in store '{1}'".format(row["to"], destination)
        for side, version in sides.items():
            known = row[side]
            version[key] = "absent" if known is None else "version {0} of '{1}' in store '{2}'".format(known, row["name"], source)
    return sides
