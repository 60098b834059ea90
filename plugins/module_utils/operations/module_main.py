# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module on a host (`run_on: target`): it opens the store there, performs its operation and returns the result."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.invocation import censor_invocation
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification, without_masked_mappings
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.hosts.module import HostModule
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import LOCAL, StoreReference, inline_store
from ansible_collections.nebula.credential.plugins.module_utils.operations.catalog import traits_of
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import answer_unopened, perform
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.parameters import for_operation
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store


def run_module(operation: str, specification: Specification) -> None:
    """Run the module of an operation. The action plugin has replaced the store's name by the resolved store.

    Every failure ends in `HostModule.fail`; the result has its `code`.
    """
    # no_log: nothing goes to syslog. The result below withholds the options that the specification marks no_log.
    lighter = without_masked_mappings(specification.argument_spec)
    module = HostModule(argument_spec=lighter, no_log=True, supports_check_mode=True, **specification.relations())
    shown = {"module_args": censor_invocation(module.params, specification.argument_spec, specification.other_stores)}
    try:
        outcome = _perform(module, operation, specification.other_stores)
    except Exception as error:  # noqa: BLE001  # the edge: every exception becomes a neutral error
        module.fail(error, invocation=shown)
    # The library knows which fields are secret. Other values given under `fields` ("localhost") stay readable.
    returns = module.params.get("return_value") or traits_of(operation).returns_secrets
    module.no_log_values = set() if returns else _texts(outcome.secrets)
    module.exit_json(invocation=shown, **_without_diff(outcome.result, module))


def _perform(module: HostModule, operation: str, other_stores: Sequence[str]) -> Outcome:
    store = _store(module.params.get("store"))
    parameters, context = for_operation(module.params, other_stores), _context(module.params, store)
    with ExitStack() as opened:
        try:
            manager = _open(store, module, opened)
        except CredentialError as error:
            return answer_unopened(operation, store.config, store.name, error)
        beside = {role: _open(_store(module.params.get(role)), module, opened) for role in other_stores}
        return perform(manager, operation, parameters, context, module.check_mode, beside=beside)


def _open(store: StoreReference, module: HostModule, opened: ExitStack) -> CredentialManager:
    manager = open_store(store.config, name=store.name, warn=module.warn, vault_password=_no_vault_password)
    opened.callback(manager.close)
    return manager


def _no_vault_password(_vault_id: Optional[str]) -> Optional[Secret]:
    """Return None: the run's vault passwords stay on the controller."""
    return None


def _store(store: Any) -> StoreReference:
    return inline_store(store if isinstance(store, Mapping) else {"backend": LOCAL, "name": store or LOCAL})


def _context(parameters: Mapping[str, Any], store: StoreReference) -> AccessContext:
    asserted: Dict[str, Any] = {name: value for name, value in (parameters.get("scope") or {}).items() if value is not None}
    return AccessContext(
        tenant=str(store.config.get("tenant") or "default"),
        uid=os.getuid(),
        controller=os.uname().nodename,
        host=os.uname().nodename,
        **asserted,
    )


def _texts(secrets: Iterable[Secret]) -> set[str]:
    texts: List[str] = [secret.expose().decode("utf-8", "ignore") for secret in secrets]
    return {text for text in texts if len(text) >= 4}


def _without_diff(result: Mapping[str, Any], module: HostModule) -> Dict[str, Any]:
    return {name: value for name, value in result.items() if name != "diff" or module._diff}
