# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`run_on: target`: which stores may be sent to a host, and the arguments that are sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import TARGET
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import find_traits, is_third_party
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.options import ON_CONTROLLER
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.layers.fallback_copy.options import OPTION as FALLBACK_COPY
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.sent_code import CODE
from ansible_collections.nebula.credential.plugins.module_utils.store.options import SECURITY, STRICT
from ansible_collections.nebula.credential.plugins.module_utils.types.base import RECIPES
from ansible_collections.nebula.credential.plugins.plugin_utils.config.config_secrets import list_login_stores
from ansible_collections.nebula.credential.plugins.plugin_utils.config.native_values import to_native

_KEY_FILE = "key_file"


class Unshown(dict[str, Any]):
    """Arguments that ansible-core's debug output (`ANSIBLE_DEBUG`) prints without their values."""

    def __repr__(self) -> str:
        return "(not shown)"

    __str__ = __repr__


def check_may_leave(store: StoreReference) -> None:
    """Check that the stores can be opened on a host.

    Raises:
        InvalidConfiguration: one is a local store with its default key (the host would make another store with another
            key), is opened by the run's vault password (which never leaves the controller), or runs code of others; or one has copies,
            in other stores or for outages: the host would make keys and copies of its own.
    """
    if store.mirrors:
        raise _refusal_error(store, "the copies of its 'mirror' are written from the controller", "Leave 'run_on' out.")
    for each in store.every:
        _check_one(each)


def _check_one(store: StoreReference) -> None:
    if store.config.get(SECURITY) == STRICT:
        raise _refusal_error(store, "the store is strict, and its 'security' keeps it on the controller", "Leave 'run_on' out.")
    traits = find_traits(store.config.get("backend"))
    if is_third_party(store.config.get("backend")) or (traits is not None and traits.runs_programs):
        raise _refusal_error(store, "what its backend runs is on the controller only", "Leave 'run_on' out.")
    if store.config.get("types"):
        raise _refusal_error(store, "the types of other parties are on the controller only", "Leave 'run_on' out.")
    if store.config.get(RECIPES):
        raise _refusal_error(store, "the store has 'refreshes', which are carried out on the controller only", "Leave 'run_on' out.")
    if store.config.get(FALLBACK_COPY) is not None:
        raise _refusal_error(store, "the copies of its 'fallback_copy' are on the controller", "Leave 'run_on' out.")
    if list_login_stores(store.config):
        raise _refusal_error(store, "its login needs a credential of a store on the controller", "Leave 'run_on' out.")
    sources = store.config.get("key_sources") or [{"source": _KEY_FILE}]
    kinds = [source.get("source") for source in sources if isinstance(source, Mapping)]
    for kind in ON_CONTROLLER:
        if kind in kinds:
            raise _refusal_error(store, "the store is opened by {0}, which stays on the controller".format(ON_CONTROLLER[kind]))
    if traits is not None and traits.directory is not None and any(source == {"source": _KEY_FILE} for source in sources):
        raise _refusal_error(store, "a local store with its default key is on the controller")


def _refusal_error(
    store: StoreReference, what: str, remedy: str = "Leave 'run_on' out, or name a store with a key source of its own."
) -> InvalidConfiguration:
    return InvalidConfiguration(what, option="run_on", store=store.name, remedy=remedy)


def target_arguments(operation: str, arguments: Mapping[str, Any], store: StoreReference) -> Unshown:
    """Return the task's arguments with the resolved stores in place of their names, and with the library that the module needs."""
    # Imported here: other tasks do not need it.
    from ansible_collections.nebula.credential.plugins.plugin_utils.action.library_code import build_code, has_module

    code = {CODE: build_code(operation, store)} if has_module(operation) else {}
    stores = {"store": store, **store.beside}
    resolved = {option: dict(each.config, name=each.name) for option, each in stores.items()}
    return Unshown(to_native(arguments), **resolved, **code, run_on=TARGET)
