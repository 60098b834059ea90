# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key that chains a trail, and the place of the trail's mark."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import List, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.audit.hash_chain import ChainKey


class TrailKey(NamedTuple):
    """The chain's key, and the path of the mark that records the end of the chain."""

    key: ChainKey
    mark_path: str


class TrailKeys(ABC):
    """The source of the current seal and of earlier keys."""

    @abstractmethod
    def __call__(self) -> Optional[TrailKey]:
        """Return the seal to write with; None if there is no key yet, because nothing was ever stored."""

    def are_at_hand(self) -> bool:
        """Return True if the seal can be returned without a request to the backend."""
        return True

    @abstractmethod
    def keys(self) -> List[bytes]:
        """Return the keys of every part of the trail that can be checked; none for a trail without a key.

        Raises:
            EncryptionError: the keys cannot be read.
        """


class NoSeals(TrailKeys):
    """Seals for a store without a key of its own: the chain shows accidents and careless edits."""

    def __init__(self, path: str) -> None:
        """Take the path of the trail; the mark is next to it."""
        self._seal = TrailKey(ChainKey(None), path + ".mark")

    def __call__(self) -> TrailKey:
        """Return the seal, always the same one."""
        return self._seal

    def keys(self) -> List[bytes]:
        """Return an empty list."""
        return []
