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
    return TransferOptions(after == DELETE, bool(parameters.get("other_tenant")), bool(parameters.get("lossy")), check_mode)


def _choose_names(manager: CredentialManager, parameters: Mapping[str, Any], caller: AccessContext) -> List[str]:
    named, prefix = names_of(parameters), parameters.get("prefix")
    if bool(named) == (prefix is not None):
        raise InvalidInput("name the credentials in one way", option="names", remedy="Give 'name', 'names' or 'prefix'.")
    return named or sorted(row.name for row in manager.list(Filter(prefix=str(prefix)), caller))


def _describe(one: Transfer) -> Dict[str, Any]:
    return {
        "action": one.action,
        "deleted": one.deleted,
        "lost": list(one.lost),
        "not_kept": list(one.not_kept),
        "versions": dict(one.versions),
    }
