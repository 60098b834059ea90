# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A key ring of a layer's own, beside that of the store: its document is where the layer keeps the rest (ENVELOPE rules 9 to 11)."""

from __future__ import annotations

import threading
import time
from typing import Iterator, Optional, Protocol, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Filter
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_source import KeySource
from ansible_collections.nebula.credential.plugins.module_utils.crypto.keyring import Keyring
from ansible_collections.nebula.credential.plugins.module_utils.errors import MissingKey
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record

RECHECK = 30.0
"""Seconds after which the document is read again: a place that lost all its data has another key by then."""


class DocumentPlace(Protocol):
    """Where the document is. It holds only wrapped keys, and may be lost without harm: what they sealed is lost with it."""

    def document(self) -> Optional[bytes]:
        """Return the document; None if there is none."""

    def replace_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        """Write the document if it is still the one that it `replaces`.

        Raises:
            Conflict: another process has written it meanwhile.
        """


class RingPlace(Layer):
    """A store that consists of the document alone."""

    def __init__(self, inner: Backend, place: DocumentPlace) -> None:
        """Take the store, for its context, and where the document is."""
        super().__init__(inner)
        self._place = place

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        """Return no records, so that a document that is gone is made anew."""
        return iter(())

    def read_store_document(self) -> Optional[bytes]:
        return self._place.document()

    def write_store_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        self._place.replace_document(content, replaces)


class OwnRing:
    """Return a key of such a ring. The ring is made if there is none."""

    def __init__(self, backend: Backend, place: DocumentPlace, sources: Sequence[KeySource], purpose: str) -> None:
        """Open nothing.

        Args:
            backend: the store, for its context.
            place: where the document is.
            sources: what opens the ring.
            purpose: the label of the key (`crypto.primitives`).
        """
        self._place = RingPlace(backend, place)
        self._sources = sources
        self._purpose = purpose
        self._keyring = self._build_keyring()
        self._looked = time.monotonic()
        self._lock = threading.Lock()

    def _build_keyring(self) -> Keyring:
        return Keyring(self._place, self._sources)

    def __call__(self) -> bytes:
        """Return the key, 32 bytes."""
        with self._lock:
            if time.monotonic() - self._looked > RECHECK:
                self._look_again()
            return (self._keyring.open() or self._keyring.create()).active.subkey(self._purpose)

    def _look_again(self) -> None:
        try:
            self._keyring.reload()
        except MissingKey:  # the place has lost it, and everything that it sealed
            self._keyring = self._build_keyring()
        self._looked = time.monotonic()
