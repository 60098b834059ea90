# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Describes a store's key, and creates the slots that its configuration requires."""

from __future__ import annotations

from typing import Iterable, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.crypto import retired_keys
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_slots import Slot
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_source import KeySource
from ansible_collections.nebula.credential.plugins.module_utils.crypto.keyring import Intended, Keyring, OpenRing
from ansible_collections.nebula.credential.plugins.module_utils.crypto.paths import default_key_path
from ansible_collections.nebula.credential.plugins.module_utils.crypto.store_document import StoreDocument, readable_slots
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope_metadata import from_microseconds
from ansible_collections.nebula.credential.plugins.module_utils.model.key_status import (
    EnsuredKey,
    FormerKey,
    KeySlot,
    StoreKey,
    name_source,
)

_UNKNOWN_STORE = bytes(16)


def ensure_key(keyring: Keyring, check: bool) -> EnsuredKey:
    """Give a store a key and a slot for each configured source, and remove the slots of dropped sources.

    Args:
        keyring: the store's keys.
        check: return the expected result and change nothing.

    Raises:
        MissingKey: there are records but no document, or no source is configured.
        Damaged: a slot is damaged.
        InvalidConfiguration: no slot would be left.
        KeySourceUnavailable, StorageError: a configured source is not available, or the store cannot be written.
    """
    ring = keyring.peek()
    intended = _read_intended(keyring, ring)
    before = StoreKey() if ring is None else describe_key(keyring, ring)
    after = _foreseen(ring, before, intended) if check else describe_key(keyring, keyring.ensure())
    added = tuple(name_source(source.kind, source.label) for source in intended.missing)
    return EnsuredKey(before, after, added, tuple(name_source(slot.terms.source, slot.terms.label) for slot in intended.dropped))


def _read_intended(keyring: Keyring, ring: Optional[OpenRing]) -> Intended:
    if ring is not None:
        return keyring.read_intended(ring)
    keyring.check_new()
    return Intended((), (), keyring.sources)


def _foreseen(ring: Optional[OpenRing], before: StoreKey, intended: Intended) -> StoreKey:
    for source in intended.missing:
        source.check(_UNKNOWN_STORE if ring is None else ring.ring.store_id)
    gone = {(slot.terms.source, slot.terms.label) for slot in intended.dropped}
    kept = (slot for slot in before.slots if (slot.source, slot.label) not in gone)
    return before._replace(slots=(*kept, *foreseen_slots(intended.missing)))


def foreseen_slots(sources: Iterable[KeySource]) -> Tuple[KeySlot, ...]:
    """Return the slots that sources would get. The label of a key file is unknown until it has a key."""
    return tuple(KeySlot(source.kind, source.label, configured=True) for source in sources)


def describe_key(keyring: Keyring, ring: OpenRing) -> StoreKey:
    """Return the public facts about a ring."""
    slots, _broken = readable_slots(StoreDocument(ring.ring, ring.slots, b""))
    store_id = ring.ring.store_id
    return StoreKey(
        store_id=store_id.hex(),
        key_id=ring.active.key_id.hex(),
        slots=tuple(_describe_slot(keyring, slot, store_id) for slot in slots if slot.terms.source != retired_keys.KIND),
        former=tuple(_former(slot) for slot in slots if slot.terms.source == retired_keys.KIND),
        rotating=ring.ring.retiring is not None,
        default_key_file=default_key_path(store_id) if ring.content else None,
        created_at=None if ring.ring.created_at is None else from_microseconds(ring.ring.created_at),
    )


def _describe_slot(keyring: Keyring, slot: Slot, store_id: bytes) -> KeySlot:
    configured = any(source.is_among([slot.terms], store_id) for source in keyring.sources)
    return KeySlot(slot.terms.source, slot.terms.label, configured)


def _former(slot: Slot) -> FormerKey:
    until = retired_keys.keep_until(slot)
    return FormerKey(slot.key_id.hex(), from_microseconds(until) if until else None)
