# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every backend by its name. A new one is one file and one line here."""

from __future__ import annotations

from typing import Mapping, Type

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.providers.base import Provider
from ansible_collections.nebula.credential.plugins.module_utils.providers.database import Database
from ansible_collections.nebula.credential.plugins.module_utils.providers.kubernetes import Kubernetes
from ansible_collections.nebula.credential.plugins.module_utils.providers.local import Local
from ansible_collections.nebula.credential.plugins.module_utils.providers.memory import Memory
from ansible_collections.nebula.credential.plugins.module_utils.providers.vault import Vault

PROVIDERS: Mapping[str, Type[Provider]] = {
    "database": Database,
    "kubernetes": Kubernetes,
    "local": Local,
    "memory": Memory,
    "vault": Vault,
}


def provider_class(backend: object) -> Type[Provider]:
    """The class of a backend.

    Raises:
        InvalidConfiguration: there is no such backend; the remedy lists those there are.
    """
    if not isinstance(backend, str) or backend not in PROVIDERS:
        known = ", ".join(sorted(PROVIDERS))
        raise InvalidConfiguration(
            "there is no backend {0}".format(ascii(backend)), option="backend", remedy="Choose one of: {0}.".format(known)
        )
    return PROVIDERS[backend]
