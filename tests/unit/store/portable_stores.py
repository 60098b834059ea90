# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stores between which a credential goes, and one with three versions of two scopes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.record import PREVIOUS, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store

KEY = bytes(range(32))
FIRST, LATER = AccessContext(workflow="first"), AccessContext(workflow="later")


class Stores:
    """Stores in the test's directory, closed at its end."""

    def __init__(self, directory):
        self.directory, self.managers = directory, []

    def open(self, name, **config):
        self.managers.append(open_store(config, name=name))
        return self.managers[-1]

    def local(self, name="source", **options):
        return self.open(name, backend="local", path=str(self.directory / name), **options)

    def sqlite(self, name="destination", **options):
        (self.directory / name).mkdir(mode=0o700, exist_ok=True)
        return self.open(name, backend="database", url="sqlite:///{0}/store.db".format(self.directory / name), **options)


def make_source(stores):
    """Return a local encrypted store whose `db` has three versions of two scopes, and a `previous`."""
    manager = stores.local()
    manager.create(DesiredCredential("db", type="basic", value=Secret("one"), scope=Scope(workflow="first"), tags={"env": "prod"}), FIRST)
    manager.ensure(DesiredCredential("db", value=Secret("two"), scope=Scope(workflow="later"), policy={"kind": "manual"}), FIRST)
    manager.ensure(DesiredCredential("db", value=Secret("three"), description="the newest"), LATER)
    with manager.acting(LATER):
        before = manager.backend.get("db", "2")
        kept = Record(
            "db", "basic", before.fields, metadata=replace(before.full_metadata, attributes={"source_version": "2"}), stage=PREVIOUS
        )
        manager.backend.put(kept, create=True)
    return manager


class Cut(Layer):
    """Ends after so many puts."""

    def __init__(self, inner, writes):
        super().__init__(inner)
        self.left = writes

    def put(self, record, expected=None, *, create=False):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return self.inner.put(record, expected, create=create)


def cut_off(destination, portable, writes):
    with pytest.raises(KeyboardInterrupt):
        CredentialManager(Cut(destination.backend, writes)).import_(portable, LATER)
