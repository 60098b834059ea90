# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A credential with three versions and `previous`, and stores to export it from and to import it into."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.record import PREVIOUS
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.store.importer import Importer

from .records import METADATA, NOON, a_record
from .store_kind import StoreKind, encrypting

LOCAL = StoreKind("local-encrypted", "local", lambda directory: {"path": str(directory / "store"), "lock_timeout": 120.0}, encrypting)
KEY = bytes(range(32))
CALLER = AccessContext(workflow="deploy", tags={"team": "a"})
VALUES = (b"one", b"two", b"three")


class Killed(BaseException):
    """The process ended."""


class Watched(Layer):
    """Calls `before` ahead of each put."""

    def __init__(self, inner, before):
        super().__init__(inner)
        self.before, self.puts = before, 0

    def put(self, record, expected=None, *, create=False):
        self.before(self.puts)
        self.puts += 1
        return self.inner.put(record, expected, create=create)


def fill(backend):
    """Three versions of two scopes, each with its own times and tags, and the one before the last as `previous`."""
    stored = before = None
    for number, value in enumerate(VALUES):
        metadata = replace(
            METADATA,
            created_at=NOON + timedelta(days=number),
            tags={"number": str(number)},
            scope=Scope(workflow="other" if number == 0 else "deploy"),
        )
        before = stored
        stored = backend.put(a_record(value=value, metadata=metadata), before and before.etag, create=before is None)
    attributes = {"source_version": before.version}
    kept = a_record(value=VALUES[1], stage=PREVIOUS, metadata=replace(METADATA, history=(), attributes=attributes))
    backend.put(kept, create=True)


def importer_of(backend):
    return Importer(backend, "destination", "default")


def import_whole(backend, portable):
    return importer_of(backend).write(portable, other_tenant=False, lossy=False)
