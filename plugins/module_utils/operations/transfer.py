# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copying and moving credentials to another store: an operation on two stores."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.migration.transfer import Transfer, TransferOptions, transfer_credential
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.parameters import names_of
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import asserting, describe_failure
from ansible_collections.nebula.credential.plugins.module_utils.store.batch import each
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager

KEEP, DELETE = "keep", "delete"


def transfer(
    manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, check_mode: bool, *, to: CredentialManager
) -> Outcome:
    """Transfer credentials from the store of `manager` to the store of `to`.

    Args:
        manager: the manager of the source.
        parameters: `name`, `names` or `prefix` (every name that begins with it); `after` (keep, the default, or delete) for the source;
            `other_tenant`, `lossy` and `scope`.
        context: the caller.
        check_mode: change nothing, and return what would be done.
        to: the manager of the destination.

    Returns:
        `{changed, names, transfers, failures}`: `names` are those that changed; `transfers` has action, deleted, lost, not_kept and
        versions by name; `failures` has code and message by name.

    Raises:
        InvalidInput: no credential is named, or an option is wrong.
        CredentialError: the credential in `name` cannot be transferred. With `names` or `prefix`, errors are in `failures` instead.
    """
    caller = asserting(context, parameters.get("scope"))
    options = _read_options(parameters, check_mode)
    names = _choose_names(manager, parameters, caller)
    done: Dict[str, Transfer] = {}
    failures: Dict[str, Any] = {}
    for result in each(names, str, lambda name: transfer_credential(manager, to, name, caller, options)):
        if result.answer is not None:
            done[result.name] = result.answer
        elif result.error is not None and parameters.get("name") is not None:
            raise result.error
        else:
            failures[result.name] = describe_failure(result.error, manager.store)
    changed = [name for name, one in done.items() if one.has_effect]
    transfers = {name: _describe(one) for name, one in done.items()}
    return Outcome({"changed": bool(changed), "names": changed, "transfers": transfers, "failures": failures})


def _read_options(parameters: Mapping[str, Any], check_mode: bool) -> TransferOptions:
    after = parameters.get("after") or KEEP
    if after not in (KEEP, DELETE):
        raise InvalidInput("{0} is not known".format(ascii(after)), option="after", remedy="Use keep or delete.")
    return TransferOptions(after == DELETE, _is_set(parameters, "other_tenant"), _is_set(parameters, "lossy"), check_mode)


def _is_set(parameters: Mapping[str, Any], option: str) -> bool:
    value = parameters.get(option) or False
    if not isinstance(value, bool):
        raise InvalidInput("it is a {0}".format(type(value).__name__), option=option, remedy="Write true or false.")
    return value


def _choose_names(manager: CredentialManager, parameters: Mapping[str, Any], caller: AccessContext) -> List[str]:
    for option in ("name", "prefix"):
        _check_text(parameters.get(option), option)
    names = parameters.get("names")
    if names is not None and not isinstance(names, (list, tuple)):
        raise InvalidInput("it is a {0}".format(type(names).__name__), option="names", remedy="Write a list of names.")
    for name in names or ():
        _check_text(name, "names")
    named, prefix = names_of(parameters), parameters.get("prefix")
    if bool(named) == (prefix is not None):
        raise InvalidInput("name the credentials in one way", option="names", remedy="Give 'name', 'names' or 'prefix'.")
    return named or sorted(row.name for row in manager.list(Filter(prefix=str(prefix)), caller))


def _check_text(value: Any, option: str) -> None:
    if value is not None and not isinstance(value, str):
        raise InvalidInput("it is a {0}".format(type(value).__name__), option=option, remedy="Write text.")


def _describe(one: Transfer) -> Dict[str, Any]:
    return {
        "action": one.action,
        "deleted": one.deleted,
        "lost": list(one.lost),
        "not_kept": list(one.not_kept),
        "versions": dict(one.versions),
    }
