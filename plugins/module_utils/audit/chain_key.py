# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""With which key a trail is chained, and where its mark lies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import List, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.audit.hash_chain import ChainKey


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
