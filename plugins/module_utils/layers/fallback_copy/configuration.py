# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the fallback copies of a store from its configuration."""

from __future__ import annotations

import json
from typing import Any, Iterable, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import describe_login
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import read_traits
from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.entry import VaultPassword
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.registry import build_sources
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.layers.encryption.decrypt import Decrypt
from ansible_collections.nebula.credential.plugins.module_utils.layers.fallback_copy.files import CopyFiles
from ansible_collections.nebula.credential.plugins.module_utils.layers.fallback_copy.layer import FallbackCopy
from ansible_collections.nebula.credential.plugins.module_utils.layers.fallback_copy.options import OPTION, read_max_age
from ansible_collections.nebula.credential.plugins.module_utils.layers.own_ring import OwnRing
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.entries import Entries

_OF_THE_STORE = frozenset(("backend", "tenant"))


def wrap_in_fallback_copy(
    backend: Backend,
    layer: Optional[Decrypt],
    options: Mapping[str, Any],
    common: Iterable[str],
    vault_password: Optional[VaultPassword] = None,
) -> FallbackCopy:
    """Put fallback copies around a store. Open no file.

    Args:
        backend: the backend within its layers.
        layer: the layer that encrypts, or None if the store keeps plain values.
        options: the options of the store, validated.
        common: the options that every store has. They say how a store is used, not which store it is.
        vault_password: gives the password of a vault id on the controller.

    Raises:
        InvalidConfiguration: an option is wrong, or no value of this store may be copied.
    """
    able = backend.capabilities
    if able.leased or not able.remote:
        what = "the values of this store have a lease" if able.leased else "this store is on this machine, so nothing is gained by a copy"
        raise InvalidConfiguration(what, option=OPTION, remedy="Leave it out.")
    own = options[OPTION]
    max_age = read_max_age(own)
    if not own["key_sources"]:
        raise InvalidConfiguration("the list is empty", option=OPTION + ".key_sources", remedy="Name a source: [{source: key_file}].")
    files = CopyFiles(own["path"], backend.context.warn)
    sources = build_sources(own["key_sources"], backend.context.warn, vault_password)
    ring = OwnRing(backend, files, sources, primitives.FALLBACK_COPY)
    which = {name: value for name, value in options.items() if name in _OF_THE_STORE or name not in set(common)}
    traits = read_traits(options["backend"])

    def build_entries() -> Entries:
        told_apart = json.dumps([which, max_age, describe_login(which, traits)], sort_keys=True, default=str)
        return Entries(ring(), OPTION, told_apart.encode("utf-8"))

    keyring = None if layer is None else layer.keyring
    return FallbackCopy(backend, files, build_entries, max_age, keyring)
