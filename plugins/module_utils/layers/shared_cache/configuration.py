# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the shared cache of a store from its configuration."""

from __future__ import annotations

import json
from typing import Any, Iterable, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import describe_login
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import read_traits
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.entry import VaultPassword
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.layers.encryption.decrypt import Decrypt
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.entries import Entries
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.keys import key_of
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.layer import SharedCache
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.options import OPTION, address_of
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.redis import Server

_OF_THE_STORE = frozenset(("backend", "tenant"))


def wrap_in_shared_cache(
    backend: Backend,
    layer: Optional[Decrypt],
    options: Mapping[str, Any],
    common: Iterable[str],
    vault_password: Optional[VaultPassword] = None,
) -> SharedCache:
    """Put a shared cache around a store, without a request.

    Args:
        backend: the backend within its layers, `layer` included.
        layer: the layer that encrypts, or None if the store keeps plain values.
        options: the options of the store, validated.
        common: the options that every store has. They say how a store is used, not which store it is.
        vault_password: gives the password of a vault id on the controller.

    Raises:
        InvalidConfiguration: an option is wrong, or nothing of this store may be kept.
        MissingLibrary: the package `redis` is not installed.
    """
    able = backend.capabilities
    if able.leased or not able.persistent:
        what = "the values of this store {0}, so they are not shared".format("have a lease" if able.leased else "end with its process")
        raise InvalidConfiguration(what, option=OPTION, remedy="Leave it out.")
    own = options[OPTION]
    server = Server(address_of(own, backend.context.warn), own["prefix"])
    which = {name: value for name, value in options.items() if name in _OF_THE_STORE or name not in set(common)}
    traits = read_traits(options["backend"])

    def build_entries(key: bytes) -> Entries:
        told_apart = json.dumps([which, describe_login(which, traits)], sort_keys=True, default=str)
        return Entries(key, own["prefix"], told_apart.encode("utf-8"))

    key = key_of(server, own, backend, layer, vault_password)
    return SharedCache(backend, server, key, build_entries, own["ttl"])
