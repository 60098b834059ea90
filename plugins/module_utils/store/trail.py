# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the audit trail of a store from its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.audit.chain_key import NoSeals, TrailKeys
from ansible_collections.nebula.credential.plugins.module_utils.audit.log_file import Journal, TrailPlace, find_trail
from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import OFF, STRICT, Trail
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import AuditSink, require_protocol
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits
from ansible_collections.nebula.credential.plugins.module_utils.store.copies import OfflineRing, find_offline_ring

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.layers.encryption.encrypt import Encrypt


def build_trail(
    options: Mapping[str, Any],
    traits: BackendTraits,
    backend: Backend,
    layer: Optional[Encrypt],
    context: BackendContext,
    copied: Backend,
) -> Optional[Trail]:
    """Return the audit trail of a store; None if it has none. Opens no file.

    Args:
        options: the options of the store, validated.
        traits: those of its backend.
        backend: the backend within its layers, without the one that encrypts.
        layer: the one that encrypts; None if the store keeps plain values.
        context: the backend's surroundings.
        copied: the backend in the layers that keep values outside the store (`store.copies`).
    """
    if options["audit"] == OFF:
        return None
    place = find_trail(options.get("audit_path"), traits.directory and options[traits.directory], context.store)
    seals = (
        NoSeals(place.path)
        if layer is None or not backend.capabilities.persistent
        else _ring_seals(layer, place, find_offline_ring(copied))
    )
    hand_on = require_protocol(backend, AuditSink).append_audit if backend.capabilities.audit_log else None
    shared, strict = options.get("audit_path") is not None, options["audit"] == STRICT
    return Trail(Journal(place.path), seals, context.store, strict=strict, shared=shared, hand_on=hand_on, warn=context.warn)


def _ring_seals(layer: Encrypt, place: TrailPlace, offline: OfflineRing) -> TrailKeys:
    from ansible_collections.nebula.credential.plugins.module_utils.audit.keyring_chain_key import RingSeals

    return RingSeals(layer.keyring, place.path if place.is_of_clone else None, offline)
