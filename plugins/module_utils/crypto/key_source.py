# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interface of a key source: something outside the store that opens a slot in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import FrozenSet, Iterable, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_slots import Terms


class KeySource(ABC):
    """One entry of `key_sources`. A source wraps master keys; it is never a master key itself."""

    kind = ""
    label = ""
    """Distinguishes two sources of one kind, if the configuration sets it."""

    @abstractmethod
    def prepare(self, store_id: bytes, *, renew: bool) -> Tuple[Terms, bytes]:
        """Return the terms that a new slot records, and the secret (32 bytes) that wraps its key.

        Args:
            store_id: the store the slot is for.
            renew: wrap with a new secret, if the source can make one.

        Raises:
            KeySourceUnavailable: the source cannot be used here.
            StorageError: the source cannot keep a new secret.
        """

    @abstractmethod
    def secret(self, terms: Terms, store_id: bytes) -> bytes:
        """Return the secret that opens a slot of these terms.

        Raises:
            MissingKey: it is gone.
            WrongPassphrase: the source holds another one.
            KeySourceUnavailable: the source cannot be used here.
        """

    def check(self, store_id: bytes) -> None:
        """Check that `prepare` would succeed, as far as possible without doing it. The default checks nothing.

        Raises:
            As `prepare`.
        """

    def answers_to(self, name: str) -> bool:
        """Return True if `name` in `drop_sources` means this source."""
        return name in (self.kind, "{0}:{1}".format(self.kind, self.label))

    def fits(self, terms: Terms) -> bool:
        """Return True if the source may open a slot of these terms."""
        return terms.source == self.kind

    def is_among(self, slots: Iterable[Terms], store_id: bytes) -> bool:
        """Return True if the source already has a slot."""
        return any(self.fits(terms) for terms in slots)

    def abandon(self, store_id: bytes) -> None:
        """Undo `prepare` for a store that another process created first. The default made nothing."""

    def forget_all_but(self, labels: FrozenSet[str], store_id: bytes) -> None:
        """Drop the secrets that no slot needs any more. The default keeps none."""
