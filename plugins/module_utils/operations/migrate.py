# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migrating credentials to another store: the module `migrate`, an operation on two stores."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, TypeVar

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.migrate import DELETE, KEEP
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.context.progress import count_each
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.migration.item import Item
from ansible_collections.nebula.credential.plugins.module_utils.migration.migration import Migration
from ansible_collections.nebula.credential.plugins.module_utils.migration.mover import Options
from ansible_collections.nebula.credential.plugins.module_utils.model.names import noting_others
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.migration_report import (
    check_report,
    describe_migration,
    write_report,
)
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import asserting
from ansible_collections.nebula.credential.plugins.module_utils.operations.tags import read_tags, read_wanted_tags
from ansible_collections.nebula.credential.plugins.module_utils.store.batch import each
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import check_type

Answer = TypeVar("Answer")

NAMED, NAME_SHOWN = 10, 120
"""How many names a warning shows, and how much of each."""
OTHERS_REMEDY = "Let the tool that keeps them give them other names, or move them with it."
SELECT, MOVE = "select", "move"
"""The steps: to describe what is selected, which writes nothing, so that the controller evaluates the transformer; and to migrate."""


def migrate(
    manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, check_mode: bool, *, to: CredentialManager
) -> Outcome:
    """Migrate credentials from the store of `manager` to the store of `to`.

    Args:
        manager: the manager of the source.
        parameters: `names`, or any of `prefix`, `tags` and `type`, or `all`; or `items`, by name `{to, tags, type}` as the transformer
            wants them. `after` (keep, the default, or delete) for the source; `other_tenant`, `lossy`, `scope`; `report`, a path.
            With the step `select` the selected credentials are described, and nothing is done.
        context: the caller.
        check_mode: change nothing, and return what would be done.
        to: the manager of the destination.

    Returns:
        As `migration_report.describe_migration`; with the step `select` `{changed, selected}`, where each has name, type, tags,
        description and state.

    Raises:
        InvalidInput: nothing is selected, an option is wrong, or both stores are one place.
        NotFound: the step `select` names a credential that is not there.
    """
    caller = asserting(context, parameters.get("scope"))
    selected_by = _read_filter(parameters)
    if parameters.get("step", MOVE) == SELECT:
        return Outcome({"changed": False, "selected": _describe_selected(manager, parameters, selected_by, caller)})
    options = _read_options(parameters, check_mode)
    check_report(parameters.get("report"))
    items = _read_items(manager, parameters, selected_by, caller)
    if selected_by is not None and not items:
        what = "store '{0}': no credential is selected, so nothing is migrated. Check the store, 'prefix', 'tags', 'type' and 'scope'."
        manager.backend.context.warn(what.format(manager.store))
    done = Migration(manager, to, caller, options).run(items, selected_by)
    result, every = describe_migration(manager, to, items, done, options)
    if parameters.get("report") is not None:
        write_report(parameters["report"], result, every)
    return Outcome(result)


def _read_options(parameters: Mapping[str, Any], check: bool) -> Options:
    after = parameters.get("after") or KEEP
    if after not in (KEEP, DELETE):
        raise InvalidInput("{0} is not known".format(ascii(after)), option="after", remedy="Use keep or delete.")
    return Options(after == DELETE, _is_set(parameters, "other_tenant"), _is_set(parameters, "lossy"), check)


def _is_set(parameters: Mapping[str, Any], option: str) -> bool:
    value = parameters.get(option) or False
    if not isinstance(value, bool):
        raise InvalidInput("it is a {0}".format(type(value).__name__), option=option, remedy="Write true or false.")
    return value


def _read_filter(parameters: Mapping[str, Any]) -> Optional[Filter]:
    """Return what selects the credentials; None if they are named."""
    for option in ("prefix", "type"):
        _check_text(parameters.get(option), option)
    wanted = {option: parameters[option] for option in ("prefix", "type", "tags") if parameters.get(option) is not None}
    if parameters.get("names") is not None:
        if wanted or _is_set(parameters, "all"):
            raise InvalidInput("name the credentials in one way", option="names", remedy="Leave 'names' out, or what else selects.")
        return None
    if bool(wanted) == _is_set(parameters, "all"):
        raise InvalidInput("select the credentials in one way", option="names", remedy="Write 'names', a filter or 'all: true'.")
    if "type" in wanted:
        check_type(wanted["type"])
    tags = tuple(read_wanted_tags(wanted.get("tags")).items())
    return Filter(prefix=wanted.get("prefix", ""), type=wanted.get("type"), tags=tags)


def _read_names(parameters: Mapping[str, Any]) -> List[str]:
    names = parameters.get("names")
    if not isinstance(names, (list, tuple)):
        raise InvalidInput("it is a {0}".format(type(names).__name__), option="names", remedy="Write a list of names.")
    for name in names:
        _check_text(name, "names")
    return list(dict.fromkeys(names))


def _check_text(value: Any, option: str) -> None:
    if value is not None and not isinstance(value, str):
        raise InvalidInput("it is a {0}".format(type(value).__name__), option=option, remedy="Write text.")


def _read_items(
    manager: CredentialManager, parameters: Mapping[str, Any], selected_by: Optional[Filter], caller: AccessContext
) -> List[Item]:
    wanted = parameters.get("items")
    if wanted is not None:
        return [_read_item(name, wanted[name]) for name in sorted(wanted)]
    names = _read_names(parameters) if selected_by is None else _list_names(manager, selected_by, caller)
    return [Item(name, name) for name in names]


def _read_item(name: str, wanted: Mapping[str, Any]) -> Item:
    if wanted.get("type") is not None:
        check_type(wanted["type"])
    return Item(name, wanted.get("to") or name, read_tags(wanted.get("tags"), "transform.tags"), wanted.get("type"))


def _list_names(manager: CredentialManager, selected_by: Filter, caller: AccessContext) -> List[str]:
    return sorted(_list_each(manager, selected_by, caller, lambda row: row.name))


def _list_each(
    manager: CredentialManager, selected_by: Filter, caller: AccessContext, take: Callable[[Credential], Answer]
) -> List[Answer]:
    """Return what `take` makes of each selected credential. Warn of what no listing shows: who ends the old store would lose it."""
    with noting_others() as others:
        found = [take(row) for row in count_each(manager.list(selected_by, caller)) if selected_by.matches(row.record)]
    others = [name for name in dict.fromkeys(others) if name.startswith(selected_by.prefix)]
    if others:
        shown = ", ".join(ascii(name[:NAME_SHOWN]) for name in others[:NAMED]) + (", ..." if len(others) > NAMED else "")
        what = "store '{0}': {1} names there are no credentials' names, so these secrets are not migrated: {2}. {3}"
        manager.backend.context.warn(what.format(manager.store, len(others), shown, OTHERS_REMEDY))
    return found


def _describe_selected(
    manager: CredentialManager, parameters: Mapping[str, Any], selected_by: Optional[Filter], caller: AccessContext
) -> List[Dict[str, Any]]:
    if selected_by is not None:
        rows = _list_each(manager, selected_by, caller, _describe)
        return sorted(rows, key=lambda row: str(row["name"]))
    results = each(_read_names(parameters), str, lambda name: _describe(manager.inspect(name, context=caller)), manager.parallelism)
    return _require(results)


def _require(results: Sequence[Any]) -> List[Dict[str, Any]]:
    for result in results:
        if result.error is not None:
            raise result.error
    return [result.answer for result in results]


def _describe(credential: Credential) -> Dict[str, Any]:
    """Return what an expression of the transformer may read. Of a credential that cannot be read only the name is known."""
    record = credential.record
    if record.problem is not None:
        return {"name": record.name, "type": "", "tags": {}, "description": "", "state": ""}
    known = credential.metadata
    return {
        "name": record.name,
        "type": record.type,
        "tags": dict(known.tags),
        "description": known.description,
        "state": credential.state,
    }
