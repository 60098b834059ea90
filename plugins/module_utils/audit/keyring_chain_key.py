# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chain of an encrypted store's trail: its key comes from the store's key ring."""

from __future__ import annotations

import os
from typing import List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.audit.chain_key import Seal, Seals
from ansible_collections.nebula.credential.plugins.module_utils.audit.hash_chain import ChainKey
from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto.keyring import Keyring, OpenRing
from ansible_collections.nebula.credential.plugins.module_utils.crypto.paths import keys_directory
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError


class RingSeals(Seals):
    """Seals with the store's key ring. The mark lies beside the key, so whoever can only write the store cannot put it back."""

    def __init__(self, keyring: Keyring) -> None:
        """Take the ring. Opens nothing."""
        self._keyring = keyring
        self._ring: Optional[OpenRing] = None
        self._seal: Optional[Seal] = None

    def __call__(self) -> Optional[Seal]:
        """The seal under the active key; None where the store has no key yet, or where it cannot be had."""
        try:
            # Not `opened`: writing an entry is no reason to change a store's slots, least of all in check mode.
            ring = self._keyring.known()
        except CredentialError:
            # Whoever asked is told so by the operation itself; nothing was served.
            return None
        if ring is not None and ring is not self._ring:
            mark = os.path.join(keys_directory(), ring.ring.store_id.hex() + ".audit")
            self._ring, self._seal = ring, Seal(ChainKey(ring.active.subkey(primitives.AUDIT)), mark)
        return self._seal

    def are_at_hand(self) -> bool:
        """Whether the ring was opened, for whatever reason."""
        return self._keyring.is_open()

    def keys(self) -> List[bytes]:
        """The keys of every part of the trail that can be checked: those of retiring master keys too."""
        ring = self._keyring.opened()
        return [] if ring is None else [key.subkey(primitives.AUDIT) for key in ring.keys.values()]
