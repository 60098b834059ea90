# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the key sources have in common whose key never leaves its place: a random secret that this key wraps and unwraps.

A slot holds the wrapped secret in the field where other slots hold their salt: like a salt, it differs for every slot.
"""

from __future__ import annotations

import hmac
import os
from abc import abstractmethod
from contextlib import contextmanager
from typing import Iterator, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_slots import Terms
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_source import KeySource
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.entry import naming_source
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, KeySourceUnavailable, LoginFailed, StorageError
from ansible_collections.nebula.credential.plugins.module_utils.model.key_status import name_source


def take_secret(opened: bytes, store_id: bytes) -> Optional[bytes]:
    """Return the secret that was wrapped behind the id of this store, by a key without associated data; None if it is another store's."""
    return opened[len(store_id) :] if hmac.compare_digest(opened[: len(store_id)], store_id) else None


class TimedSource(KeySource):
    """A source that asks another program or machine: no use takes longer than it is given."""

    operation = "using the key"
    """What takes too long, in the message about it."""

    def __init__(self, label: str, seconds: float) -> None:
        """Take the label of slots, and the time limit of each use in seconds."""
        self.label = label
        self._seconds = seconds

    def close(self) -> None:
        """End the connection of one use. The default has none."""

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Use the key in the block. Report any failure to get a response as an unavailable source."""
        try:
            with deadline.within(self._seconds, self.operation), naming_source(self.kind):
                yield
        except (AccessDenied, LoginFailed, StorageError) as problem:
            raise self.unusable(problem.what, problem.remedy) from None
        finally:
            self.close()

    def unusable(self, what: str, remedy: str) -> KeySourceUnavailable:
        """Return the error for a key that exists, and cannot be used here or now."""
        return KeySourceUnavailable(
            "the key source '{0}' cannot be used: {1}".format(name_source(self.kind, self.label), what), remedy=remedy
        )


class WrappingSource(TimedSource):
    """A source that wraps a new random secret for each slot, bound to the store."""

    does_not_unwrap = ("it does not unwrap what it wrapped", "Check that the key may be used for both.")
    """What is wrong, and what to do, if the secret does not come back."""

    @abstractmethod
    def wrap(self, secret: bytes, store_id: bytes) -> bytes:
        """Return the secret, wrapped for this store.

        Raises:
            CredentialError: an error of this method becomes `KeySourceUnavailable` if it is about access, a login or the place.
        """

    @abstractmethod
    def unwrap(self, wrapped: bytes, store_id: bytes) -> bytes:
        """Return what `wrap` was given for this store.

        Raises:
            MissingKey: the key is gone.
            WrongPassphrase: this is not the key that wrapped it, or it was not wrapped for this store.
            CredentialError: as `wrap`.
        """

    def look(self, store_id: bytes) -> None:
        """Check before wrapping what wrapping would not refuse. The default checks nothing."""

    def fits(self, terms: Terms) -> bool:
        return terms.source == self.kind and terms.label == self.label

    def prepare(self, store_id: bytes, *, renew: bool) -> Tuple[Terms, bytes]:
        """Make a new secret each time. Unwrap it once before a slot relies on it: the right to wrap does not include that."""
        secret = os.urandom(primitives.KEY_SIZE)
        with self._in_use():
            self.look(store_id)
            terms = Terms(self.kind, self.label, None, self.wrap(secret, store_id))
            if not self.comes_back(terms, secret, store_id):
                raise self.unusable(*self.does_not_unwrap)
        return terms, secret

    def comes_back(self, terms: Terms, secret: bytes, store_id: bytes) -> bool:
        """Return True if a slot of these terms gives the secret back."""
        return hmac.compare_digest(self._unwrap(terms.salt, store_id), secret)

    def secret(self, terms: Terms, store_id: bytes) -> bytes:
        with self._in_use():
            return self._unwrap(terms.salt, store_id)

    def check(self, store_id: bytes) -> None:
        """Wrap and unwrap a secret that nothing uses: that leaves nothing behind."""
        self.prepare(store_id, renew=False)

    def _unwrap(self, wrapped: bytes, store_id: bytes) -> bytes:
        secret = self.unwrap(wrapped, store_id)
        if len(secret) != primitives.KEY_SIZE:
            raise self.unusable("its response is not a key", "Check that the options lead to the service itself.")
        return secret
