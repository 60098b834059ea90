# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every backend by its name. Only the options of the one that is used are loaded, and later its class.

A new backend is its folder, and its row here: a function, since a module's payload is built from imports that can be read off the source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Mapping, Optional, Type

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend


def _database() -> BackendTraits:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.database.options import TRAITS

    return TRAITS


def _kubernetes() -> BackendTraits:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.options import TRAITS

    return TRAITS


def _local() -> BackendTraits:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.local.options import TRAITS

    return TRAITS


def _memory() -> BackendTraits:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.options import TRAITS

    return TRAITS


def _vault() -> BackendTraits:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import TRAITS

    return TRAITS


BACKENDS: Mapping[str, Callable[[], BackendTraits]] = {
    "database": _database,
    "kubernetes": _kubernetes,
    "local": _local,
    "memory": _memory,
    "vault": _vault,
}


def find_traits(backend: object) -> Optional[BackendTraits]:
    """Return what a backend declares, or None if there is no such backend."""
    return BACKENDS[backend]() if isinstance(backend, str) and backend in BACKENDS else None


def read_traits(backend: object) -> BackendTraits:
    """Return what a backend declares.

    Raises:
        InvalidConfiguration: there is no such backend; the remedy lists those there are.
    """
    found = find_traits(backend)
    if found is None:
        known = ", ".join(sorted(BACKENDS))
        raise InvalidConfiguration(
            "there is no backend {0}".format(ascii(backend)), option="backend", remedy="Choose one of: {0}.".format(known)
        )
    return found


def backend_class(backend: object) -> Type[Backend]:
    """Load a backend and return its class. Raises InvalidConfiguration as `read_traits` does."""
    return read_traits(backend).load()
