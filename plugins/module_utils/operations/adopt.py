# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adopting what another tool keeps: the module `adopt`, with what the controller has found in its files."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, List, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.adoption.adopter import CREATE, NOTHING, Adopted, Adopter, Options
from ansible_collections.nebula.credential.plugins.module_utils.adoption.entry import Entry, read_entry
from ansible_collections.nebula.credential.plugins.module_utils.adoption.recognition import Recognized
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.adopt import ON_CONFLICT, SKIP, UPDATE
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Duplicate, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.failures import describe_failures
from ansible_collections.nebula.credential.plugins.module_utils.operations.migration_report import SHOWN, check_report, write_report
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import asserting, describe_failure
from ansible_collections.nebula.credential.plugins.module_utils.operations.write import read_scope
from ansible_collections.nebula.credential.plugins.module_utils.store.batch import Result, each
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager

_WORDS = {CREATE: "created", UPDATE: "updated", NOTHING: "unchanged", SKIP: "skipped"}
ORIGINS_NAMED = 3
"""How many places an error names."""


def adopt(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, check_mode: bool) -> Outcome:
    """Bring entries into the store.

    Args:
        manager: the manager of the store.
        parameters: `entries`, as `write_entry` returns them; `on_conflict` (fail, the default, skip or update); `detect_types` (by
            default true); `scope` of the caller and of what is created; `report`, a path.
        context: the caller.
        check_mode: write nothing, and return what would be done.

    Returns:
        `{changed, failed, check, total, counts, results, truncated, names, diff, lookup_fields}`, if one failed also `msg` and `code`.
        `results` has those that failed, were written, and then the others, `SHOWN` at most. `lookup_fields` has the field that a lookup
        has to name, by the name of each credential whose value is not in the main one. No value is in it.

    Raises:
        InvalidInput: an option is wrong, or the report cannot be written.
    """
    on_conflict = parameters.get("on_conflict") or ON_CONFLICT[0]
    if on_conflict not in ON_CONFLICT:
        raise InvalidInput("{0} is not known".format(ascii(on_conflict)), option="on_conflict", remedy="Use fail, skip or update.")
    check_report(parameters.get("report"))
    adopter = Adopter(
        manager,
        asserting(context, parameters.get("scope")),
        Options(on_conflict, bool(parameters.get("detect_types", True)), check_mode, read_scope(parameters.get("scope"))),
    )
    entries, clashes = _join([read_entry(entry) for entry in parameters["entries"]])
    wanted = [entry for entry in entries if entry.name not in clashes]
    results = each(wanted, lambda entry: entry.name, adopter.adopt, manager.parallelism, lambda done: _report_break(manager, done))
    done: Dict[str, Result[Adopted]] = {result.name: result for result in results}
    done.update({name: Result(name, error=error) for name, error in clashes.items()})
    rows = [_describe(entry, adopter.recognize(entry), done[entry.name], manager.store) for entry in entries]
    result = _summarize(rows, check_mode)
    fields = {row["name"]: row["field"] for row in rows if row["field"] is not None}
    if parameters.get("report") is not None:
        write_report(parameters["report"], result, rows)
    return Outcome({**result, "lookup_fields": fields})


def _join(entries: List[Entry]) -> Tuple[List[Entry], Dict[str, CredentialError]]:
    """Return one entry for each name, and the error of each name that has different values in several places."""
    joined: Dict[str, Entry] = {}
    clashes: Dict[str, CredentialError] = {}
    for entry in entries:
        first = joined.setdefault(entry.name, entry)
        if first is entry:
            continue
        joined[entry.name] = first._replace(origins=(*first.origins, *entry.origins))
        if (first.value, first.fields, first.older) != (entry.value, entry.fields, entry.older):
            clashes[entry.name] = Duplicate("")
    for name in clashes:
        places = joined[name].origins
        shown = "; ".join(places[:ORIGINS_NAMED]) + ("; …" if len(places) > ORIGINS_NAMED else "")
        what = "it has different values in {0} places: {1}".format(len(places), shown)
        remedy = (
            "It was not written. Keep one of them in a file. If they are in several files, write 'name_from: place', or adopt each file "
            "with a 'prefix' of its own."
        )
        clashes[name] = Duplicate(what, name=name, remedy=remedy)
    return list(joined.values()), clashes


def _describe(entry: Entry, recognized: Recognized, result: Result[Adopted], store: str) -> Dict[str, Any]:
    row: Dict[str, Any] = {
        "name": entry.name,
        "origins": list(entry.origins),
        "action": None if result.answer is None else result.answer.action,
        "type": recognized.type,
        "reason": recognized.reason,
        "field": None if result.answer is None else result.answer.field,
        "fields": sorted(recognized.fields),
        "older": len(entry.older),
        "verified": result.answer is not None and result.answer.verified,
        "failed": result.answer is None,
    }
    if result.answer is None:
        failure = describe_failure(result.error, store)
        row.update(code=failure["code"], msg=failure["message"])
    return row


def _summarize(rows: List[Dict[str, Any]], check: bool) -> Dict[str, Any]:
    counts = Counter(row["action"] for row in rows if not row["failed"])
    failed = [row for row in rows if row["failed"]]
    written = [row for row in rows if row["action"] in (CREATE, UPDATE)]
    shown = sorted(rows, key=lambda row: (not row["failed"], row["action"] in (NOTHING, SKIP)))[:SHOWN]
    truncated = len(shown) < len(rows)
    result: Dict[str, Any] = {
        "changed": bool(written),
        "failed": bool(failed),
        "check": check,
        "total": len(rows),
        "counts": {**{word: counts[action] for action, word in _WORDS.items()}, "failed": len(failed)},
        "results": shown,
        "truncated": truncated,
        "names": None if truncated else sorted(row["name"] for row in written),
        "diff": _build_diff(written[:SHOWN]),
    }
    if failed:
        result.update(msg=describe_failures(failed, len(rows)), code=failed[0]["code"])
    return result


def _build_diff(written: List[Dict[str, Any]]) -> Dict[str, Dict[str, str]]:
    before = {row["name"]: "absent" if row["action"] == CREATE else "another value" for row in written}
    return {"before": before, "after": {row["name"]: "as in {0}".format(row["origins"][0]) for row in written}}


def _report_break(manager: CredentialManager, done: List[Result[Adopted]]) -> None:
    """Warn how far an adoption was that was broken off: it has no result to show that."""
    written = sum(result.answer is not None and result.answer.action in (CREATE, UPDATE) for result in done)
    what = "store '{0}': the adoption was broken off. {1} credentials were written, each as a whole. Run it again."
    manager.backend.context.warn(what.format(manager.store, written))
