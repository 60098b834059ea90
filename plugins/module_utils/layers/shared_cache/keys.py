# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key that seals the shared cache: of the store's own ring, or of a ring with key sources of its own (ENVELOPE rules 9 to 11)."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Iterator, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Filter
from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.ansible_vault import VaultPassword
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.registry import build_sources
from ansible_collections.nebula.credential.plugins.module_utils.crypto.keyring import Keyring, OpenRing
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, MissingKey
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.layers.encryption.decrypt import Decrypt
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.options import OPTION
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.redis import Server
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record

RECHECK = 30.0
"""Seconds after which the document is read again: a server that lost all its data has another key by then."""

KeyOf = Callable[[], Optional[bytes]]
"""Returns the tier's key of 32 bytes; None if there is none yet."""


def key_of(
    server: Server, options: Mapping[str, Any], backend: Backend, layer: Optional[Decrypt], vault_password: Optional[VaultPassword]
) -> KeyOf:
    """Return the function that returns the key.

    Raises:
        InvalidConfiguration: the store has no key of its own, and no key source is configured.
    """
    entries = options.get("key_sources")
    if entries:
        sources = build_sources(entries, backend.context.warn, vault_password)
        return _OwnRing(lambda: Keyring(_RingPlace(backend, server), sources))
    if layer is None or entries is not None:
        raise InvalidConfiguration(
            "this store keeps plain fields, so it has no key to seal with",
            option=OPTION + ".key_sources",
            remedy="Name a key source that each of the controllers has, for example [{source: key_file, path: /etc/nebula/cache.key}].",
        )
    keyring = layer.keyring
    return lambda: _key(keyring.open())


def _key(ring: Optional[OpenRing]) -> Optional[bytes]:
    return None if ring is None else ring.active.subkey(primitives.SHARED_CACHE)


class _RingPlace(Layer):
    """The place of such a ring's document: the server itself. The document holds only wrapped keys, and may be lost without harm."""

    def __init__(self, inner: Backend, server: Server) -> None:
        super().__init__(inner)
        self._server = server

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        """Return no records, so that a document that is gone is made anew."""
        return iter(())

    def read_store_document(self) -> Optional[bytes]:
        return self._server.document()

    def write_store_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        self._server.replace_document(content, replaces)


class _OwnRing:
    """The ring of the shared cache. It is made if there is none."""

    def __init__(self, made: Callable[[], Keyring]) -> None:
        self._made = made
        self._keyring = made()
        self._looked = time.monotonic()
        self._lock = threading.Lock()

    def __call__(self) -> Optional[bytes]:
        with self._lock:
            if time.monotonic() - self._looked > RECHECK:
                self._look_again()
            return _key(self._keyring.open() or self._keyring.create())

    def _look_again(self) -> None:
        try:
            self._keyring.reload()
        except MissingKey:  # the server has lost it, and everything that it sealed
            self._keyring = self._made()
        self._looked = time.monotonic()
