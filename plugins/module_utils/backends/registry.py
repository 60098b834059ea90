# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every backend by its name. Each is loaded when it is used: a session loads no other. A new one is a file, and its lines here."""

from __future__ import annotations

from typing import Callable, Mapping, Type

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration


def _database() -> Type[Backend]:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.database.backend import Database

    return Database


def _kubernetes() -> Type[Backend]:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.backend import Kubernetes

    return Kubernetes


def _local() -> Type[Backend]:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.local.backend import Local

    return Local


def _memory() -> Type[Backend]:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory

    return Memory


def _vault() -> Type[Backend]:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.backend import Vault

    return Vault


BACKENDS: Mapping[str, Callable[[], Type[Backend]]] = {
    "database": _database,
    "kubernetes": _kubernetes,
    "local": _local,
    "memory": _memory,
    "vault": _vault,
}


def backend_class(backend: object) -> Type[Backend]:
    """The class of a backend.

    Raises:
        InvalidConfiguration: there is no such backend; the remedy lists those there are.
    """
    if not isinstance(backend, str) or backend not in BACKENDS:
        known = ", ".join(sorted(BACKENDS))
        raise InvalidConfiguration(
            "there is no backend {0}".format(ascii(backend)), option="backend", remedy="Choose one of: {0}.".format(known)
        )
    return BACKENDS[backend]()
