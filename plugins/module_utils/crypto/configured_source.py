# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A key source as an entry of `key_sources`: its errors name that option."""

from __future__ import annotations

from contextlib import contextmanager
from typing import FrozenSet, Iterable, Iterator, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_slots import Terms
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_source import KeySource
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.options import OPTION
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError


class ConfiguredSource(KeySource):
    """Wraps another source and adds the option to its errors. The inner source (files, locks) knows nothing of options."""

    def __init__(self, inner: KeySource) -> None:
        """Take the source itself."""
        self._inner = inner
        self.kind = inner.kind
        self.label = inner.label

    def prepare(self, store_id: bytes, *, renew: bool) -> Tuple[Terms, bytes]:
        with _naming_the_option():
            return self._inner.prepare(store_id, renew=renew)

    def secret(self, terms: Terms, store_id: bytes) -> bytes:
        with _naming_the_option():
            return self._inner.secret(terms, store_id)

    def check(self, store_id: bytes) -> None:
        with _naming_the_option():
            self._inner.check(store_id)

    def answers_to(self, name: str) -> bool:
        return self._inner.answers_to(name)

    def fits(self, terms: Terms) -> bool:
        return self._inner.fits(terms)

    def is_among(self, slots: Iterable[Terms], store_id: bytes) -> bool:
        with _naming_the_option():
            return self._inner.is_among(slots, store_id)

    def abandon(self, store_id: bytes) -> None:
        with _naming_the_option():
            self._inner.abandon(store_id)

    def forget_all_but(self, labels: FrozenSet[str], store_id: bytes) -> None:
        with _naming_the_option():
            self._inner.forget_all_but(labels, store_id)


@contextmanager
def _naming_the_option() -> Iterator[None]:
    try:
        yield
    except CredentialError as problem:
        raise problem.within(option=OPTION) from None
