# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""With which key a trail is chained, and where its mark lies."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import List, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.audit.chain import ChainKey
from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto.keyring import Keyring, OpenRing
from ansible_collections.nebula.credential.plugins.module_utils.crypto.locations import keys_directory
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError


class Seal(NamedTuple):
    """The chain's key, and the path of the mark that says how far the chain has come."""

    key: ChainKey
    mark_path: str


class Seals(ABC):
    """Gives the seal of now, and the keys of before."""

    @abstractmethod
    def __call__(self) -> Optional[Seal]:
        """The seal to write with; None where there is no key yet, because nothing was ever stored."""

    def are_at_hand(self) -> bool:
        """Whether the seal can be given without asking the backend for it."""
        return True

    @abstractmethod
    def keys(self) -> List[bytes]:
        """The keys of every part of the trail that can be checked; none for a trail without a key.

        Raises:
            EncryptionError: they cannot be had.
        """


class NoSeals(Seals):
    """For a store without a key of its own: the chain shows accidents and careless edits."""

    def __init__(self, path: str) -> None:
        """Name the file of the trail; its mark lies beside it."""
        self._seal = Seal(ChainKey(None), path + ".mark")

    def __call__(self) -> Seal:
        """Always the same one."""
        return self._seal

    def keys(self) -> List[bytes]:
        """None."""
        return []


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
