# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refreshing values now: the module `credential_refresh` (B3)."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any, Dict, List, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_refresh import EXPIRED, EXPIRES_WITHIN
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import check_takes_writes
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import duration
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.failures import describe_failures
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import asserting, describe_failure
from ansible_collections.nebula.credential.plugins.module_utils.operations.tags import read_wanted_tags
from ansible_collections.nebula.credential.plugins.module_utils.store.batch import Result, each
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import check_type, is_refreshable

_ENDED = (lifecycle.REVOKED,)


def credential_refresh(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, check_mode: bool) -> Outcome:
    """Refresh one credential, several, or all that have expired or will soon.

    Args:
        manager: the manager of the store.
        parameters: `name`, `names`, `expired` (true) or `expires_within` (a duration); for the last two also `prefix`, `type` and `tags`.
        context: the caller.
        check_mode: send and write nothing, and return what would be refreshed.

    Returns:
        For `name`: `{changed, name, credential}`, where `credential` is as `Credential.describe` returns it. Else
        `{changed, results, names, failed}`: each result has `name`, `changed` and `credential`, or `failed`, `code` and `msg`; `names`
        are those that were refreshed. A failure of one does not hide the others.

    Raises:
        InvalidInput: an option does not fit.
        RefreshUnsupported: the type of the credential, or what it holds, cannot be refreshed.
        CredentialError: as `Refresher.refresh`, for `name`.
    """
    caller = asserting(context, parameters.get("scope"))
    refresh = partial(_refresh, manager, caller, check_mode)
    if parameters.get("name") is not None:
        return Outcome(refresh(parameters["name"]))
    named = parameters.get("names")
    names = list(dict.fromkeys(named)) if named is not None else _find_due(manager, parameters, caller)
    return _summarize(manager, each(names, str, refresh, manager.parallelism))


def _refresh(manager: CredentialManager, caller: AccessContext, check: bool, name: str) -> Dict[str, Any]:
    found = manager.refresh(name, caller, check=check)
    if check:
        with manager.acting(caller):
            check_takes_writes(manager.backend, name)
    return {"changed": True, "name": name, "credential": found.describe()}


def _find_due(manager: CredentialManager, parameters: Mapping[str, Any], caller: AccessContext) -> List[str]:
    if parameters.get(EXPIRED) is False:
        remedy = "Write 'expired: true', or name what is refreshed with 'name', 'names' or 'expires_within'."
        raise InvalidInput("it is false, so nothing would be refreshed", option=EXPIRED, remedy=remedy)
    kind = parameters.get("type")
    if kind is not None:
        check_type(kind)
        if not is_refreshable(kind):
            raise InvalidInput("values of type '{0}' cannot be refreshed".format(kind), option="type", remedy="Leave it out.")
    within = parameters.get(EXPIRES_WITHIN)
    limit = manager.clock() + (timedelta(0) if within is None else duration(within, EXPIRES_WITHIN))
    tags = tuple(read_wanted_tags(parameters.get("tags")).items())
    wanted = Filter(prefix=parameters.get("prefix") or "", type=kind, tags=tags)
    return sorted(
        found.name for found in manager.list(wanted, caller) if _is_due(found, wanted, limit) and _can(manager, found.name, caller)
    )


def _is_due(found: Credential, wanted: Filter, limit: datetime) -> bool:
    record = found.record
    if record.problem is not None or not wanted.matches(record) or not is_refreshable(record.type):
        return False
    return found.metadata.lifecycle not in _ENDED and found.expires_at is not None and found.expires_at <= limit


def _can(manager: CredentialManager, name: str, caller: AccessContext) -> bool:
    """Return True if what the credential holds can be refreshed, or if it cannot be read: then its refresh says why.

    The rows of a list have no fields.
    """
    try:
        found = manager.inspect(name, context=caller)
    except NotFound:
        return False  # It was deleted since it was listed.
    except CredentialError:
        return True
    return found.kind.can_refresh(found.fields)


def _summarize(manager: CredentialManager, done: List[Result[Dict[str, Any]]]) -> Outcome:
    rows: List[Dict[str, Any]] = []
    for one in done:
        if one.answer is not None:
            rows.append(one.answer)
        else:
            failure = describe_failure(one.error, manager.store)
            rows.append({"name": one.name, "failed": True, "changed": False, "code": failure["code"], "msg": failure["message"]})
    failed = [row for row in rows if row.get("failed")]
    changed = [row["name"] for row in rows if row["changed"]]
    whole: Dict[str, Any] = {"changed": bool(changed), "names": changed, "results": rows, "failed": bool(failed)}
    if failed:
        whole.update(msg=describe_failures(failed, len(rows)), code=failed[0]["code"])
    return Outcome(whole)
