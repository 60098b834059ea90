# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a migration: for the screen, and whole as a file. It has names, states and numbers, and no value."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import write_durably
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.migration.item import Item
from ansible_collections.nebula.credential.plugins.module_utils.migration.migration import Done
from ansible_collections.nebula.credential.plugins.module_utils.migration.mover import MOVED, Options, Transfer
from ansible_collections.nebula.credential.plugins.module_utils.operations.earlier_report import check_earlier_report
from ansible_collections.nebula.credential.plugins.module_utils.operations.failures import describe_failures
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import describe_failure
from ansible_collections.nebula.credential.plugins.module_utils.store.importer import CREATE, NEVER_KEPT, NOTHING, RESUME, UPDATE
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager

SHOWN = 1000
"""The greatest number of credentials that a result lists: Ansible keeps and prints the whole of it."""
_WORDS = {CREATE: "created", RESUME: "resumed", UPDATE: "updated", NOTHING: "unchanged", MOVED: "moved"}
_BEFORE = {CREATE: "absent", RESUME: "incomplete", UPDATE: "an earlier version"}


def check_report(path: Optional[str]) -> None:
    """Check, before anything is written, that a report can be.

    Raises:
        InvalidInput: its directory does not exist, or cannot be written to, or something is there that is no earlier report.
    """
    if path is None:
        return
    directory = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path) or not os.path.isdir(directory) or not os.access(directory, os.W_OK | os.X_OK):
        what = "no file can be written at '{0}'".format(path)
        raise InvalidInput(what, option="report", remedy="Name a file in a directory that exists and that you may write to.")
    check_earlier_report(path, "changed")


def write_report(path: str, result: Mapping[str, Any], every: Sequence[Mapping[str, Any]]) -> None:
    """Write the result with all its rows as JSON, readable by this user only.

    Raises:
        StorageError, AccessDenied: it cannot be written. The migration itself is done.
    """
    content = {name: part for name, part in result.items() if name not in ("diff", "names", "truncated", "report")}
    text = json.dumps(dict(content, results=list(every)), indent=2, ensure_ascii=False) + "\n"
    with translated("the report", path):
        write_durably(path, text.encode("utf-8", "backslashreplace"))  # a name in a file may have half of a surrogate pair


def describe_migration(
    source: CredentialManager, destination: CredentialManager, items: Sequence[Item], done: Done, options: Options
) -> Tuple[Dict[str, Any], List[Dict[str, Any]]]:
    """Return the result, and all its rows.

    Returns:
        `{changed, failed, source, destination, check, total, counts, results, truncated, not_kept, names, diff}`, if one failed also
        `msg` and `code`. `counts` has how many there are of each action, how many failed, were deleted and were copied again. `results`
        has those that failed, were written or deleted, and then the others, `SHOWN` at most. `names` are those that changed in one of
        both stores; None if `results` is truncated.
    """
    rows = [_describe(item, done, source.store) for item in items]
    counts = Counter(row["action"] for row in rows if not row["failed"])
    failed = [row for row in rows if row["failed"]]
    written = [one for one in done.transfers.values() if one.has_effect]
    result: Dict[str, Any] = {
        "changed": bool(written),
        "failed": bool(failed),
        "source": source.store,
        "destination": destination.store,
        "check": options.check,
        "total": len(rows),
        "counts": {
            **{word: counts[action] for action, word in _WORDS.items()},
            "failed": len(failed),
            "deleted": sum(one.deleted for one in done.transfers.values()),
            "again": sum(one.again for one in done.transfers.values()),
        },
        "not_kept": list(NEVER_KEPT),
    }
    if failed:
        result.update(msg=describe_failures(failed, len(rows)) + _describe_sources(options, done), code=failed[0]["code"])
    shown = sorted(rows, key=lambda row: (not row["failed"], row["action"] in (NOTHING, MOVED) and not row["deleted"]))[:SHOWN]
    truncated = len(shown) < len(rows)
    names = None if truncated else sorted({name for one in written for name in (one.item.name, one.item.to)})
    diff = _build_diff(source.store, written[:SHOWN])
    return dict(result, results=shown, truncated=truncated, names=names, diff=diff), rows


def _describe(item: Item, done: Done, store: str) -> Dict[str, Any]:
    one: Optional[Transfer] = done.transfers.get(item.name)
    failure: Optional[CredentialError] = done.failures.get(item.name)
    row: Dict[str, Any] = {"name": item.name, "to": item.to, "failed": failure is not None, "action": one.action if one else None}
    row["deleted"] = one is not None and one.deleted
    if one is not None and one.lost:
        row["lost"] = list(one.lost)
    if one is not None and one.versions:
        row["versions"] = dict(one.versions)
    if one is not None and one.again:
        row["again"] = one.again
    if failure is not None:
        described = describe_failure(failure, store)
        row.update(code=described["code"], msg=described["message"])
    return row


def _describe_sources(options: Options, done: Done) -> str:
    """Return what became of the sources if one failed."""
    deleted = sum(one.deleted for one in done.transfers.values())
    if not options.delete or deleted:
        return ""
    return " No source was deleted." if not options.check else " No source would be deleted."


def _build_diff(store: str, written: Sequence[Transfer]) -> Dict[str, Dict[str, str]]:
    before, after = {}, {}
    for one in written:
        if one.action in _BEFORE:
            before[one.item.to] = _BEFORE[one.action]
            after[one.item.to] = "as '{0}' in store '{1}'".format(one.item.name, store)
        if one.deleted:
            before["{0} in store '{1}'".format(one.item.name, store)] = "present"
            after["{0} in store '{1}'".format(one.item.name, store)] = "absent"
    return {"before": before, "after": after}
