# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chain of an encrypted store's trail: its key comes from the store's key ring."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import Callable, List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.audit.chain_key import TrailKey, TrailKeys
from ansible_collections.nebula.credential.plugins.module_utils.audit.hash_chain import ChainKey
from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto.keyring import Keyring, OpenRing
from ansible_collections.nebula.credential.plugins.module_utils.crypto.paths import keys_directory
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Timeout, Unavailable


class RingSeals(TrailKeys):
    """Seals from the store's key ring. The mark is next to the key, so that an attacker who can write only the store cannot reset it."""

    def __init__(self, keyring: Keyring, clone: Optional[str] = None, offline: Callable[[], Optional[OpenRing]] = lambda: None) -> None:
        """Take the ring; do not open it.

        Args:
            keyring: the ring of the store.
            clone: the path of the trail if other clones of the store have trails of their own.
            offline: returns the ring as it was when the store last responded, for entries about copies; None if nothing has it.
        """
        self._keyring = keyring
        self._offline = offline
        self._ending = ".audit" if clone is None else ".{0}.audit".format(sha256(os.fsencode(os.path.realpath(clone))).hexdigest()[:16])
        self._ring: Optional[OpenRing] = None
        self._seal: Optional[TrailKey] = None

    def __call__(self) -> Optional[TrailKey]:
        """Return the seal under the active key; None if the store has no key yet, or the key cannot be read."""
        try:
            # Not `open`: writing an entry is no reason to change a store's slots, least of all in check mode.
            ring = self._open_ring()
        except CredentialError:
            # The operation itself raises this error to its caller; nothing was returned.
            return None
        if ring is not None and ring is not self._ring:
            mark = os.path.join(keys_directory(), ring.ring.store_id.hex() + self._ending)
            self._ring, self._seal = ring, TrailKey(ChainKey(ring.active.subkey(primitives.AUDIT)), mark)
        return self._seal

    def _open_ring(self) -> Optional[OpenRing]:
        try:
            return self._keyring.current()
        except (Unavailable, Timeout):
            return self._offline()

    def are_at_hand(self) -> bool:
        """Return True if the ring is already open, for any reason."""
        return self._keyring.is_open()

    def keys(self) -> List[bytes]:
        """Return the keys of every part of the trail that can be checked, those of retiring master keys included."""
        ring = self._keyring.open()
        return [] if ring is None else [key.subkey(primitives.AUDIT) for key in ring.keys.values()]
