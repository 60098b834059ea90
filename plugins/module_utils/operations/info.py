# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading metadata, never a secret: the lookup `find` and the module `credential_info`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.audit.usage import read_usage
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.context.many_objects import building_many
from ansible_collections.nebula.credential.plugins.module_utils.context.progress import count_each
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InvalidInput,
    MissingLibrary,
    NotFound,
    Package,
    pip_install,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Metadata
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import duration, moment
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.catalog import list_administrative
from ansible_collections.nebula.credential.plugins.module_utils.operations.deployments import describe_files
from ansible_collections.nebula.credential.plugins.module_utils.operations.failures import NAMED
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import asserting, describe_failure
from ansible_collections.nebula.credential.plugins.module_utils.operations.tags import read_wanted_tags
from ansible_collections.nebula.credential.plugins.module_utils.store.batch import each
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential, format_time
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import check_type

try:
    import jmespath
except ImportError:
    jmespath = None


class _Limits(NamedTuple):
    """The times before which a credential must expire or be due; None for any."""

    expiry: Optional[datetime]
    due: Optional[datetime]


def find(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, _check_mode: bool) -> Outcome:
    """List credentials by their metadata.

    Args:
        manager: the manager of the store.
        parameters: any of `prefix`, `type`, `tags` (all of them), `lifecycle` (one of these states), `created_after`
            (inclusive), `created_before` and `expires_before` (exclusive; ISO 8601), `expires_within` and `due_within` (durations),
            `due` (a bool), `query` (JMESPath over the list), `scope`.
        context: the caller; credentials out of its scope are not listed.

    Returns:
        `{credentials: […]}`: rows as `Credential.describe` returns them, ordered by name; or the result of `query`. Each row also has
        `unreadable`: None, or `{code, message}` for a credential that cannot be read. Only the name of that one is known, so every
        filter but `prefix` keeps it.
    """
    rows = _rows(manager, parameters, asserting(context, parameters.get("scope")))
    return Outcome({"credentials": _apply_query(rows, parameters.get("query"))})


def credential_info(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, _check_mode: bool) -> Outcome:
    """Describe credentials.

    Args:
        manager: the manager of the store.
        parameters: `name` or `names`, else those of `find` and `limit`, the greatest number of descriptions; `versions` adds the
            versions that can be read, `usage` their use as recorded in the audit trail, `health` the store's health, `deployed` the files
            of hosts that hold them (`deployments.describe_files`).
        context: the caller.

    Returns:
        `{changed, credentials, missing, failures, usage, health}`: `missing` lists names that do not exist, `failures` has by
        name why one cannot be described, `usage` has the source of the usage (`audit.usage.Told.described`). With `limit` also `total`,
        how many match, and `truncated`, whether that is more.
    """
    caller = asserting(context, parameters.get("scope"))
    names = [parameters["name"]] if parameters.get("name") else parameters.get("names")
    result: Dict[str, Any] = {"changed": False, "missing": [], "failures": {}}
    rows = _rows(manager, parameters, caller) if names is None else describe_named(manager, names, caller, result)
    if parameters.get("limit") is not None:
        limit = _read_limit(parameters["limit"])
        result.update(total=len(rows), truncated=len(rows) > limit)
        rows = rows[:limit]
    if parameters.get("versions"):
        rows = _add(manager, rows, "versions", lambda name: _list_versions(manager, name, caller))
    if parameters.get("deployed"):
        manager.write_deployments()
        rows = _add(manager, rows, "deployed", lambda name: describe_files(manager, name, caller))
    if parameters.get("usage"):
        told = read_usage(manager.trail, [row["name"] for row in rows], list_administrative())
        rows = [dict(row, usage=told.of(row["name"])) for row in rows]
        result["usage"] = told.describe()
    if parameters.get("health"):
        result["health"] = manager.health()
    return Outcome(dict(result, credentials=_apply_query(rows, parameters.get("query"))))


def _read_limit(limit: int) -> int:
    if limit < 1:
        raise InvalidInput("it is {0}".format(limit), option="limit", remedy="Write 1 or more, or leave it out to get all.")
    return limit


def describe_named(manager: CredentialManager, names: List[str], caller: AccessContext, result: Dict[str, Any]) -> List[Dict[str, Any]]:
    """Return the rows of the named credentials. Add those that are missing, or cannot be described, to `result`.

    Raises:
        CredentialError: it is one name, and it cannot be described.
    """

    def describe(name: str) -> Dict[str, Any]:
        return dict(manager.describe(name, context=caller), location=manager.locate(name))

    rows = []
    with manager.reading_together(dict.fromkeys(names), caller):
        described = each(dict.fromkeys(names), str, describe, manager.parallelism)
    for one in described:
        if one.answer is not None:
            rows.append(one.answer)
        elif isinstance(one.error, NotFound):
            result["missing"].append(one.name)
        elif one.error is not None and len(names) == 1:
            raise one.error
        else:
            result["failures"][one.name] = describe_failure(one.error, manager.store)
    return rows


def _rows(manager: CredentialManager, parameters: Mapping[str, Any], caller: AccessContext) -> List[Dict[str, Any]]:
    if parameters.get("type") is not None:
        check_type(parameters["type"])
    wanted = Filter(
        prefix=parameters.get("prefix") or "",
        type=parameters.get("type"),
        created_after=_moment(parameters, "created_after"),
        created_before=_moment(parameters, "created_before"),
        tags=tuple(read_wanted_tags(parameters.get("tags")).items()),
    )
    matches = _matcher(wanted, parameters, _read_limits(manager, parameters))
    # Each credential becomes its row at once: what it was read from is not kept until the list is complete.
    with building_many():
        rows = [_describe_row(each, manager) for each in count_each(manager.list(wanted, caller)) if matches(each)]
    rows.sort(key=lambda row: row["name"])
    warn_of_unreadable(manager, [row["name"] for row in rows if row["unreadable"] is not None], "'unreadable' of each row has the reason.")
    return rows


def _describe_row(credential: Credential, manager: CredentialManager) -> Dict[str, Any]:
    record, location = credential.record, manager.locate(credential.name)
    if record.problem is None:
        described = credential.describe()
        described.update(unreadable=None, location=location)
        return described
    known = replace(credential, record=replace(record, metadata=Metadata(credential.at, credential.at), problem=None)).describe()
    return dict(
        dict.fromkeys(known),
        name=record.name,
        stage=record.stage,
        unreadable=describe_failure(record.problem, manager.store),
        location=location,
    )


def warn_of_unreadable(manager: CredentialManager, names: List[str], reason: str) -> None:
    """Warn of credentials in a list that cannot be read; `reason` says where the reason is. Do nothing if there are none."""
    if names:
        shown = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
        what = "store '{0}': {1} of the listed credentials cannot be read: {2}. {3}"
        manager.backend.context.warn(what.format(manager.store, len(names), shown, reason))


def _matcher(wanted: Filter, parameters: Mapping[str, Any], limits: _Limits) -> Callable[[Credential], bool]:
    """Return a predicate for every filter: a backend may list more than the rows that match. Only its name excludes an unreadable one."""
    states, due = parameters.get("lifecycle"), parameters.get("due")

    def matches(credential: Credential) -> bool:
        if credential.record.problem is not None or not wanted.matches(credential.record):
            return wanted.matches(credential.record)
        return (
            _is_before(credential.expires_at, limits.expiry)
            and _is_before(credential.schedule.due_at, limits.due)
            and (due is None or credential.schedule.is_due(credential.at) == due)
            and (not states or credential.state in states)
        )

    return matches


def _read_limits(manager: CredentialManager, parameters: Mapping[str, Any]) -> _Limits:
    expiry, due = _end_of(manager, parameters, "expires_within"), _end_of(manager, parameters, "due_within")
    return _Limits(_moment(parameters, "expires_before") if expiry is None else expiry, due)


def _end_of(manager: CredentialManager, parameters: Mapping[str, Any], option: str) -> Optional[datetime]:
    """Return the end of a time that begins now, or None if the option is not given."""
    within = parameters.get(option)
    return None if within is None else manager.clock() + duration(within, option)


def _is_before(time: Optional[datetime], limit: Optional[datetime]) -> bool:
    return limit is None or (time is not None and time < limit)


def _moment(parameters: Mapping[str, Any], option: str) -> Any:
    value = parameters.get(option)
    return None if value is None else moment(value, option)


def _add(manager: CredentialManager, rows: List[Dict[str, Any]], part: str, read: Callable[[str], Any]) -> List[Dict[str, Any]]:
    """Return the rows with one more part each; None in a row that cannot be read. Raises the first error, in the order of the rows."""

    def add(row: Dict[str, Any]) -> Dict[str, Any]:
        return dict(row, **{part: None if row.get("unreadable") else read(row["name"])})

    found = each(rows, lambda row: str(row["name"]), add, manager.parallelism)
    for one in found:
        if one.error is not None:
            raise one.error
    return [one.answer for one in found if one.answer is not None]


def _list_versions(manager: CredentialManager, name: str, caller: AccessContext) -> List[Dict[str, Any]]:
    return [
        {"version": info.version, "created_at": format_time(info.created_at), "current": info.current}
        for info in manager.versions(name, caller)
    ]


def _apply_query(rows: List[Dict[str, Any]], query: Optional[str]) -> Any:
    if query is None:
        return rows
    if jmespath is None:
        raise MissingLibrary(
            "JMESPath is not installed on the controller",
            option="query",
            remedy="Run: {0}".format(pip_install(Package("jmespath>=1.0", "jmespath"))),
        )
    try:
        return jmespath.search(query, rows)
    except jmespath.exceptions.JMESPathError as error:
        # The query is the user's own text and the rows hold no secret; still the message names only the class of the error.
        what = "it is not a valid JMESPath expression for this list ({0})".format(type(error).__name__)
        raise InvalidInput(
            what, option="query", remedy="Test it on the list that is returned without 'query'; see https://jmespath.org."
        ) from None
