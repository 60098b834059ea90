# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding stored values that lie about in files and repositories: the module `scan`. No value is returned."""

from __future__ import annotations

import os
from typing import Any, Dict, FrozenSet, List, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.scan import FAIL_ON, FINDINGS, LIMIT, VALUES
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Located, find_protocol
from ansible_collections.nebula.credential.plugins.module_utils.context.progress import count_each
from ansible_collections.nebula.credential.plugins.module_utils.errors import Exposed, InvalidInput, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.failures import describe_failures
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import asserting, describe_failure
from ansible_collections.nebula.credential.plugins.module_utils.scanning.look_alikes import LookAlikes
from ansible_collections.nebula.credential.plugins.module_utils.scanning.ordinary_values import SHORTEST, find_reason
from ansible_collections.nebula.credential.plugins.module_utils.scanning.places import Places, search_each
from ansible_collections.nebula.credential.plugins.module_utils.scanning.report import LOOK_ALIKE, VALUE, Report
from ansible_collections.nebula.credential.plugins.module_utils.scanning.scan import Scan
from ansible_collections.nebula.credential.plugins.module_utils.scanning.searcher import Searcher
from ansible_collections.nebula.credential.plugins.module_utils.scanning.stored_values import StoredValue, read_values
from ansible_collections.nebula.credential.plugins.module_utils.store.batch import Result
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager


class _Wanted(NamedTuple):
    """The values that are searched for, and the rows of those that are not."""

    values: List[StoredValue]
    left_out: List[Dict[str, str]]
    failures: Dict[str, Dict[str, str]]
    credentials: int


def scan(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, _check_mode: bool) -> Outcome:
    """Search files and repositories for the values of a store.

    Args:
        manager: the manager of the store.
        parameters: `paths`, absolute; `git`, `staged`, `exclude` as in `Places`; `look_alikes`; `prefix` of the names; `older`, by
            default only for a store that is not reached over a network; `shortest`, in bytes; `limit`, the greatest number of rows;
            `fail_on`, one of `FAIL_ON`; `scope`.
        context: the caller.

    Returns:
        `{changed, failed, findings, total, truncated, counts, scanned, not_searched, values, credentials, left_out, left_out_total,
        failures}`, if it failed also `msg` and `code`. `findings` are rows of `Report`; `left_out` has `{name, field, reason}`.

    Raises:
        InvalidInput: an option is wrong, or a path is in no repository.
        MissingLibrary: a package or the program git is not installed.
        NotFound: there is no value to search for, and look-alikes are not.
        CredentialError: as `read_values`, or git fails.
    """
    places = _read_places(parameters, manager.backend)
    limit = _read_number(parameters, "limit", LIMIT)
    shortest = _read_number(parameters, "shortest", SHORTEST)
    fail_on = parameters.get("fail_on")
    if fail_on is not None and fail_on not in FAIL_ON:
        raise InvalidInput("{0} is not known".format(ascii(fail_on)), option="fail_on", remedy="Use {0}.".format(" or ".join(FAIL_ON)))
    look_alikes = LookAlikes() if parameters.get("look_alikes") else None
    older = parameters.get("older")
    is_cheap = not manager.backend.capabilities.remote
    results = read_values(
        manager, parameters.get("prefix") or "", asserting(context, parameters.get("scope")), older=is_cheap if older is None else older
    )
    wanted = _choose(results, shortest, manager.store)
    _check_any(manager, wanted, look_alikes)
    searcher = Searcher(wanted.values)
    try:
        report = Report(searcher, limit)
        for _path in count_each(search_each(Scan(searcher, look_alikes, report), places)):
            pass
        result = _describe(report, wanted, limit)
    finally:
        searcher.wipe()
    return Outcome(_judge(result, wanted, fail_on))


def _read_places(parameters: Mapping[str, Any], backend: Backend) -> Places:
    paths = parameters.get("paths")
    if not isinstance(paths, (list, tuple)) or not paths or not all(isinstance(path, str) for path in paths):
        raise InvalidInput("it names no place", option="paths", remedy="Write a list of files and directories.")
    git, staged = bool(parameters.get("git")), bool(parameters.get("staged"))
    if git and staged:
        raise InvalidInput("it is given with 'git'", option="staged", remedy="Scan what is staged, or the history.")
    for path in paths:
        if not os.path.isabs(path):
            remedy = "Write the whole path: the process that searches has a directory of its own."
            raise InvalidInput("{0} is relative".format(ascii(path)), option="paths", remedy=remedy)
        if not staged and not os.path.exists(path):
            raise InvalidInput("there is no {0}".format(ascii(path)), option="paths", remedy="Name a file or a directory.")
    return Places(paths, git, staged, parameters.get("exclude") or (), _find_own(backend))


def _find_own(backend: Backend) -> FrozenSet[str]:
    """Return what identifies the directory or the file of the store, if it is one."""
    located = find_protocol(backend, Located)
    return frozenset() if located is None else frozenset(located.location().split(" "))


def _read_number(parameters: Mapping[str, Any], option: str, default: int) -> int:
    number = parameters.get(option)
    if number is None:
        return default
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise InvalidInput("it is {0}".format(ascii(number)), option=option, remedy="Write 1 or more.")
    return number


def _choose(results: List[Result[List[StoredValue]]], shortest: int, store: str) -> _Wanted:
    wanted = _Wanted([], [], {}, len(results))
    for result in results:
        if result.answer is None:
            wanted.failures[result.name] = describe_failure(result.error, store)
        for origin, value in result.answer or ():
            reason = find_reason(value.expose(), shortest)
            row = {"name": origin.name, "field": origin.field, "reason": reason or ""}
            if reason is None:
                wanted.values.append((origin, value))
            elif row not in wanted.left_out[-len(result.answer or ()) :]:
                wanted.left_out.append(row)
    return wanted


def _check_any(manager: CredentialManager, wanted: _Wanted, look_alikes: Optional[LookAlikes]) -> None:
    """Check that there is a value to search for: a scan for none finds none, and would pass for a clean one. Warn if look-alikes are."""
    if wanted.values or wanted.failures:
        return
    what = "there is no value to search for: {0} credentials, with {1} values that are too short or too common"
    what = what.format(wanted.credentials, len(wanted.left_out))
    if look_alikes is None:
        remedy = "Check the store, 'prefix' and 'scope', or search for what looks like a secret ('look_alikes')."
        raise NotFound(what, remedy=remedy)
    manager.backend.context.warn("store '{0}': {1}".format(manager.store, what))


def _describe(report: Report, wanted: _Wanted, limit: int) -> Dict[str, Any]:
    return dict(
        report.describe(),
        changed=False,
        failed=False,
        credentials=wanted.credentials,
        values=len(wanted.values),
        left_out=wanted.left_out[:limit],
        left_out_total=len(wanted.left_out),
        failures=wanted.failures,
    )


def _judge(result: Dict[str, Any], wanted: _Wanted, fail_on: Optional[str]) -> Dict[str, Any]:
    """Return the result, failed if something was found that must not be, or if credentials could not be read to search for them."""
    counts = result["counts"]
    if (fail_on in (FINDINGS, VALUES) and counts[VALUE]) or (fail_on == FINDINGS and counts[LOOK_ALIKE]):
        what = "{0} stored values were found, and {1} places that look as if they held a secret: 'findings' names them"
        return dict(result, failed=True, code=Exposed.code, msg=what.format(counts[VALUE], counts[LOOK_ALIKE]))
    if wanted.failures:
        rows = [{"name": name, "code": one["code"], "msg": one["message"]} for name, one in wanted.failures.items()]
        return dict(result, failed=True, code=rows[0]["code"], msg=describe_failures(rows, wanted.credentials))
    return result
