# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checking credentials before a run needs them: the module `preflight`. No value is returned."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Dict, List, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, CredentialError, Expired, NotFound, Unusable
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import duration
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.info import describe_named
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import asserting, describe_failure
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import format_time
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager

MISSING, DENIED, EXPIRED, ENDING, UNUSABLE, UNREADABLE = "missing", "denied", "expired", "ending", "unusable", "unreadable"


def preflight(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, _check_mode: bool) -> Outcome:
    """Check that credentials can be read, and for how long.

    Args:
        manager: the manager of the store.
        parameters: `names`; `for`, how long they are needed (a duration; none if it is left out).
        context: the caller.

    Returns:
        `{changed, checked, problems}`: the number of names, and `{name, state, code, message}` for each that a run could not use.
    """
    names = list(dict.fromkeys(parameters["names"]))
    needed = duration(parameters["for"], "for") if parameters.get("for") is not None else timedelta()
    caller = asserting(context, parameters.get("scope"))
    result: Dict[str, Any] = {"missing": [], "failures": {}}
    try:
        rows = describe_named(manager, names, caller, result) if names else []
    except CredentialError as error:  # of a single name
        rows, result["failures"] = [], {names[0]: describe_failure(error, manager.store)}
    # Times are texts of one form, in UTC.
    end = format_time(manager.clock() + needed) or ""
    problems = [_build_row(name, MISSING, NotFound.code, "there is no such credential") for name in result["missing"]]
    for name, failure in result["failures"].items():
        state = DENIED if failure["code"] == AccessDenied.code else UNREADABLE
        problems.append(_build_row(name, state, failure["code"], failure["message"]))
    problems += [problem for row in rows for problem in _judge(row, end)]
    return Outcome({"changed": False, "checked": len(names), "problems": sorted(problems, key=lambda row: row["name"])})


def _judge(row: Mapping[str, Any], end: str) -> List[Dict[str, str]]:
    name, expires_at = str(row["name"]), row["expires_at"]
    if row["expired"]:
        return [_build_row(name, EXPIRED, Expired.code, "it expired at {0}".format(expires_at))]
    if not row["usable"]:
        return [_build_row(name, UNUSABLE, Unusable.code, "its state is '{0}'".format(row["state"]))]
    if expires_at is not None and _is_before(expires_at, end):
        return [_build_row(name, ENDING, Expired.code, "it ends at {0}".format(expires_at))]
    return []


def _is_before(one: str, other: str) -> bool:
    # The fraction of a second is left out where it is zero.
    return one.rstrip("Z") < other.rstrip("Z")


def _build_row(name: str, state: str, code: str, message: str) -> Dict[str, str]:
    return {"name": name, "state": state, "code": code, "message": message}
