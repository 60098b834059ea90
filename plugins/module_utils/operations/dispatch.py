# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The only way from a lookup or a module to the manager."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.context.caller import acting_as
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput, as_credential_error
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.catalog import OperationTraits, traits_of
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.registry import OPERATIONS, STORE_INFO
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.options import SECURITY, STRICT

_PATTERN = frozenset("*?[")
"""What no name has, and a pattern of names may have."""

NO_OTHERS: Mapping[str, CredentialManager] = MappingProxyType({})


def perform(
    manager: CredentialManager,
    operation: str,
    parameters: Mapping[str, Any],
    context: AccessContext,
    check_mode: bool = False,
    stays: bool = False,
    beside: Mapping[str, CredentialManager] = NO_OTHERS,
) -> Outcome:
    """Perform one operation of a lookup or module.

    Args:
        manager: the manager of the operation's store.
        operation: its name in `CATALOG`.
        parameters: as validated by the plugin's argument spec. With `fresh`, nothing is read from a cache.
        context: the caller; its tenant is replaced by the store's.
        check_mode: change nothing, and return what would be done.
        stays: this process outlives the operation and flushes the manager about every second; so read-only operations do not flush.
        beside: the managers of the other stores that the operation names, by their role (`OperationTraits.other_stores`).

    Returns:
        The outcome; each operation documents its result.

    Raises:
        CredentialError: the subclass says why. It has the store, and the credential if the operation is about one. No other exception
            is raised: of an unforeseen one the error names only the class.
    """
    traits = traits_of(operation)
    _check_roles(traits, beside)
    managers = (manager, *beside.values())
    try:
        outcome = _perform(manager, traits, parameters, context, check_mode, stays, beside)
    except Exception as error:  # noqa: BLE001  # the text of a foreign exception may hold a value
        raise as_credential_error(error).within(name=_name(parameters), store=manager.store) from None
    if outcome.result.get("changed") and not check_mode:
        for each in managers:
            each.warn_if_not_persistent()
    return outcome


def _check_roles(traits: OperationTraits, beside: Mapping[str, CredentialManager]) -> None:
    if set(traits.other_stores) != set(beside):
        what = "'{0}' names these other stores: {1}".format(traits.name, ", ".join(traits.other_stores) or "none")
        raise InvalidInput(what, option=min(set(traits.other_stores) ^ set(beside)), remedy="Name these, and no others.")


def answer_unopened(operation: str, config: Mapping[str, Any], store: str, error: CredentialError) -> Outcome:
    """Return the outcome of `store_info` for a store that cannot be opened. Every other operation raises the error.

    Args:
        operation: its name in `CATALOG`.
        config: the store's configuration, as given to `open_store`.
        store: the store's name.
        error: the error that `open_store` raised.

    Raises:
        CredentialError: `error`, for every operation except `store_info`.
    """
    if operation != STORE_INFO:
        raise error
    from ansible_collections.nebula.credential.plugins.module_utils.operations.store_info import of_unopened

    return of_unopened(config, store, error)


def _perform(
    manager: CredentialManager,
    traits: OperationTraits,
    parameters: Mapping[str, Any],
    context: AccessContext,
    check_mode: bool,
    stays: bool,
    beside: Mapping[str, CredentialManager],
) -> Outcome:
    # With several stores each one sets its own caller: `acting` of one store around all would give its tenant to the others.
    act = acting_as if beside else manager.acting
    try:
        for each in (manager, *beside.values()):
            _check_security(each, traits, parameters)
        with act(context, traits.name, cacheable=traits.cacheable and not parameters.get("fresh")):
            return OPERATIONS[traits.name]()(manager, parameters, context, check_mode, **beside)
    finally:
        # A worker of ansible-core ends without notice. Entries that the backend and the trail hold in memory would be lost with it.
        if not (stays and traits.read_only):
            _flush(manager, *beside.values())


def _check_security(manager: CredentialManager, traits: OperationTraits, parameters: Mapping[str, Any]) -> None:
    """Raise InvalidInput if an option of the task loosens something and the store is strict. Other stores load nothing for that."""
    if manager.backend.settings.get(SECURITY) == STRICT:
        from ansible_collections.nebula.credential.plugins.module_utils.store.security import check_task

        check_task(traits.name, parameters)


def _flush(first: CredentialManager, *others: CredentialManager) -> None:
    """Flush every manager, even if one of them fails."""
    try:
        first.flush()
    finally:
        if others:
            _flush(*others)


def _name(parameters: Mapping[str, Any]) -> Optional[str]:
    """Return the credential's name if the operation is about one credential, else None."""
    names = parameters.get("names")
    name = names[0] if isinstance(names, list) and len(names) == 1 else parameters.get("name")
    return name if isinstance(name, str) and _PATTERN.isdisjoint(name) else None
