# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backend of a third party: of another collection, or of a Python package. Loaded on the controller, if the configuration names it.

The backend `acme.vaulty.shelf` is the module `plugins/plugin_utils/credential_backends/shelf.py` of the collection `acme.vaulty`. A name
without dots is that of an entry point of the group `nebula_credential.backends`, which names a module. Such a module has `TRAITS`, its
declaration, and `BACKEND`, a subclass of our `Backend`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS, add_backend, find_traits
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits
from ansible_collections.nebula.credential.plugins.plugin_utils.config.third_party import (
    check_allowed,
    find_entry_points,
    import_extension,
    load_entry_point,
    refusal_error,
)

GROUP = "nebula_credential.backends"
FOLDER = "credential_backends"


def admit_backend(name: object, is_of_file: bool, read_allowed: Callable[[], tuple[str, ...]]) -> None:
    """Check that a store may use its backend, and load it if it is a third party's. What is no backend is left to the store.

    Args:
        name: the store's `backend`.
        is_of_file: whether the configuration file defines the store. Its author is trusted to run code; a variable or a task is not.
        read_allowed: returns the full names that the configuration file allows to others.

    Raises:
        InvalidConfiguration: the file neither defines the store nor allows the backend; or the backend cannot be loaded.
    """
    traits = find_traits(name) if isinstance(name, str) and name in BACKENDS else None
    if not isinstance(name, str) or (traits is not None and not traits.runs_programs):
        return
    if traits is None and "." not in name and not find_entry_points(GROUP, name):
        return
    check_allowed(name, "backend", "backend", is_of_file, read_allowed)
    load_backend(name)


def load_backend(name: object) -> None:
    """Load a third party's backend into this process. Do nothing if it is loaded, or if there is none of that name.

    Raises:
        InvalidConfiguration: it cannot be imported, or is no backend.
    """
    if not isinstance(name, str) or find_traits(name) is not None:
        return
    if "." in name:
        module = import_extension(name, FOLDER, "backend")
    else:
        found = find_entry_points(GROUP, name)
        if not found:
            return
        module = load_entry_point(name, found, "backend", "backend")
    add_backend(name, *_read_module(name, module))


def _read_module(name: str, module: object) -> tuple[BackendTraits, type[Backend]]:
    traits, backend = getattr(module, "TRAITS", None), getattr(module, "BACKEND", None)
    if isinstance(traits, BackendTraits) and isinstance(backend, type) and issubclass(backend, Backend) and _is_complete(backend, traits):
        return traits, backend
    remedy = (
        "Its module sets TRAITS to a BackendTraits, and BACKEND to a subclass of Backend with every method and 'options = TRAITS.spec'."
    )
    raise refusal_error("'{0}' is no backend".format(name), remedy, "backend")


def _is_complete(backend: type[Backend], traits: BackendTraits) -> bool:
    return backend.options is traits.spec and not inspect.isabstract(backend)
