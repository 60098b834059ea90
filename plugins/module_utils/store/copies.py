# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layers that keep values outside the store: with other runs, and for times in which it is down. Other stores do not load them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterable, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.layers.fallback_copy.options import OPTION as FALLBACK_COPY
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.options import OPTION as SHARED_CACHE
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.keyring import OpenRing
    from ansible_collections.nebula.credential.plugins.module_utils.layers.encryption.decrypt import Decrypt


OfflineRing = Callable[[], Optional["OpenRing"]]
"""Returns the ring of an encrypted store as it was when the store last responded; None if nothing keeps it."""


def find_offline_ring(backend: Backend) -> OfflineRing:
    """Return what keeps the ring of a store that `wrap_in_copies` returned."""
    read_ring: OfflineRing = getattr(backend, "read_ring", lambda: None)
    return read_ring


def wrap_in_copies(
    backend: Backend,
    layer: Optional[Decrypt],
    options: Mapping[str, Any],
    common: Iterable[str],
    vault_password: Optional[Callable[[Optional[str]], Optional[Secret]]],
) -> Backend:
    """Return the backend in those of these layers that its options name.

    Args:
        backend: the backend within its layers.
        layer: the one that encrypts; None if the store keeps plain values.
        options: the options of the store, validated.
        common: the options that every store has.
        vault_password: gives the password of a vault id on the controller.

    Raises:
        InvalidConfiguration: an option is wrong, or nothing of this store may be kept.
        MissingLibrary: a package that the shared cache needs is not installed.
    """
    if options.get(SHARED_CACHE):
        from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.configuration import wrap_in_shared_cache

        backend = wrap_in_shared_cache(backend, layer, options, common, vault_password)
    if options.get(FALLBACK_COPY) is not None:
        from ansible_collections.nebula.credential.plugins.module_utils.layers.fallback_copy.configuration import wrap_in_fallback_copy

        backend = wrap_in_fallback_copy(backend, layer, options, common, vault_password)
    return backend
