# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filling an encrypted store with many credentials in seconds: sealed as by a write, and stored by the kind's own `load`, without syncs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Iterator, Mapping

from tests.bench.stores import innermost
from tests.conformance.store_kind import StoreKind


def load(kind: StoreKind, store: Any, like: str, tags_of: Mapping[str, Mapping[str, str]]) -> None:
    """Store a credential for each name of `tags_of`, with these tags and the value of `like`, which is stored already."""
    assert kind.load is not None
    kind.load(innermost(store.backend), _seal_each(store, like, tags_of))


def _seal_each(store: Any, like: str, tags_of: Mapping[str, Mapping[str, str]]) -> Iterator[Any]:
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.high_water_marks import Mark
    from ansible_collections.nebula.credential.plugins.module_utils.model.record import LastSerial

    layer = _find_encryption(store.backend)
    ring, base = layer.keyring.open(), layer.get(like)
    for name, tags in tags_of.items():
        record = replace(base, name=name, serial=None, metadata=replace(base.metadata, tags=tags))
        sealed = layer._seal(ring, record, None, None, LastSerial(0))
        yield sealed
        if layer.marks is not None:
            layer.marks.advance(ring, name, Mark(sealed.record_id, 1, 0), durable=False)


def _find_encryption(backend: Any) -> Any:
    while not hasattr(backend, "keyring"):
        backend = backend.inner
    return backend
