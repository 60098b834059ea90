# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key that seals the shared cache: of the store's own ring, or of a ring with key sources of its own (ENVELOPE rules 9 to 11)."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.entry import VaultPassword
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.registry import build_sources
from ansible_collections.nebula.credential.plugins.module_utils.crypto.keyring import OpenRing
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.layers.encryption.decrypt import Decrypt
from ansible_collections.nebula.credential.plugins.module_utils.layers.own_ring import OwnRing
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.options import OPTION
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.redis import Server

KeyOf = Callable[[], Optional[bytes]]
"""Returns the tier's key of 32 bytes; None if there is none yet."""


def key_of(
    server: Server, options: Mapping[str, Any], backend: Backend, layer: Optional[Decrypt], vault_password: Optional[VaultPassword]
) -> KeyOf:
    """Return the function that returns the key.

    Raises:
        InvalidConfiguration: the store has no key of its own, and no key source is configured.
    """
    entries = options.get("key_sources")
    if entries:
        sources = build_sources(entries, backend.context.warn, vault_password)
        return OwnRing(backend, server, sources, primitives.SHARED_CACHE)
    if layer is None or entries is not None:
        raise InvalidConfiguration(
            "this store keeps plain fields, so it has no key to seal with",
            option=OPTION + ".key_sources",
            remedy="Name a key source that each of the controllers has, for example [{source: key_file, path: /etc/nebula/cache.key}].",
        )
    keyring = layer.keyring
    return lambda: _key(keyring.open())


def _key(ring: Optional[OpenRing]) -> Optional[bytes]:
    return None if ring is None else ring.active.subkey(primitives.SHARED_CACHE)
