# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Former master keys, wrapped by the active one: a rotation needs them while it runs, backups need them afterwards (ENVELOPE rule 12)."""

from __future__ import annotations

import os
from typing import Dict, Iterable, List

from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_slots import RETIRED, Slot, Terms, unwrap, wrap
from ansible_collections.nebula.credential.plugins.module_utils.crypto.master_key import MasterKey

KIND = RETIRED


def build_retired_slot(active: MasterKey, former: MasterKey, keep_until: int, store_id: bytes) -> bytes:
    """Return a slot of a former key. Its label is when it may be removed: microseconds since the epoch, 0 for never."""
    return wrap(former, Terms(KIND, str(keep_until), None, os.urandom(16)), active.subkey(primitives.WRAP), store_id)


def unwrap_retired_keys(active: MasterKey, slots: Iterable[Slot], store_id: bytes) -> Dict[bytes, MasterKey]:
    """Return the former keys, by key id.

    Raises:
        WrongPassphrase, Tampered: the active key did not wrap this slot.
    """
    secret = active.subkey(primitives.WRAP)
    return {slot.key_id: unwrap(slot, secret, store_id) for slot in slots if slot.terms.source == KIND}


def still_needed(slots: Iterable[Slot], now: int) -> List[Slot]:
    """Return the slots of former keys that may not be removed yet."""
    return [slot for slot in slots if slot.terms.source == KIND and not 0 < keep_until(slot) <= now]


def keep_until(slot: Slot) -> int:
    """Return when a former key may be removed: microseconds since the epoch, 0 for never."""
    label = slot.terms.label
    return int(label) if label.isascii() and label.isdigit() and len(label) < 18 else 0
