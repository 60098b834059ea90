# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A credential type of a third party: of another collection, or of a Python package. Loaded on the controller, if a store names it.

The type `acme.vaulty.badge` is the module `plugins/plugin_utils/credential_types/badge.py` of the collection `acme.vaulty`. A name without
dots is that of an entry point of the group `nebula_credential.types`, which names a module. Such a module has `TYPE`, a subclass of our
`CredentialType`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.types.base import RECIPES, CredentialType
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import TYPES, add_type, is_loaded
from ansible_collections.nebula.credential.plugins.plugin_utils.config.configuration_path import FILE_NAME
from ansible_collections.nebula.credential.plugins.plugin_utils.config.guarded_type import guard_type
from ansible_collections.nebula.credential.plugins.plugin_utils.config.third_party import (
    check_allowed,
    find_entry_points,
    import_extension,
    load_entry_point,
    refusal_error,
)

GROUP = "nebula_credential.types"
FOLDER = "credential_types"
OPTION = "types"


def admit_types(config: Mapping[str, Any], is_of_file: bool, read_allowed: Callable[[], tuple[str, ...]]) -> None:
    """Check that a store may use the types and have the recipes that it names, and load the types. What is no list is left to the store.

    Args:
        config: the store's configuration.
        is_of_file: whether the configuration file defines the store.
        read_allowed: returns the full names that the configuration file allows to others.

    Raises:
        InvalidConfiguration: the file neither defines the store nor allows a type, or does not define a store with recipes; or a type
            cannot be loaded.
    """
    if config.get(RECIPES) and not is_of_file:
        what = "it may run commands, so only a store that {0} defines can have it".format(FILE_NAME)
        raise refusal_error(what, "Define the store in {0}.".format(FILE_NAME), RECIPES)
    for name in _read_names(config):
        check_allowed(name, "type", OPTION, is_of_file, read_allowed)
    load_types(config)


def load_types(config: Mapping[str, Any]) -> None:
    """Load the types that a store names into this process. The caller has checked that the configuration allows it.

    Raises:
        InvalidConfiguration: one cannot be imported, or is no type.
    """
    for name in _read_names(config):
        if name in TYPES:
            raise refusal_error("'{0}' is a type of the collection itself".format(name), "Leave it out.", OPTION)
        if not is_loaded(name):
            add_type(name, _read_module(name, _load_module(name)))


def _read_names(config: Mapping[str, Any]) -> Iterable[str]:
    names = config.get(OPTION)
    return [name for name in names if isinstance(name, str)] if isinstance(names, (list, tuple)) else []


def _load_module(name: str) -> object:
    if "." in name:
        return import_extension(name, FOLDER, OPTION)
    found = find_entry_points(GROUP, name)
    if not found:
        what = "no installed package has a type '{0}'".format(name)
        raise refusal_error(what, "Install its package; a type of a collection has a full name: namespace.collection.name.", OPTION)
    return load_entry_point(name, found, "type", OPTION)


def _read_module(name: str, module: object) -> CredentialType:
    found = getattr(module, "TYPE", None)
    if isinstance(found, type) and issubclass(found, CredentialType) and not inspect.isabstract(found) and not found.capabilities.composed:
        try:
            return guard_type(found, name)()
        except Exception as error:  # noqa: BLE001  # the code of others can raise anything
            what = "the type '{0}' cannot be made ({1})".format(name, type(error).__name__)
            raise refusal_error(what, "Its class takes no arguments.", OPTION) from None
    raise refusal_error("'{0}' is no type".format(name), "Its module sets TYPE to a subclass of CredentialType.", OPTION)
