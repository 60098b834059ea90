# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The user's own metadata, and tags that are names alone, on every backend."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager

FREE = {"owner": "ops", "cost": 1.5, "contacts": ["a", None, True], "nested": {"ä": 10**20}}
TAGS = {"production": "", "team": "web"}


def test_free_metadata_is_kept_with_each_new_value_until_it_is_removed(backend):
    manager = CredentialManager(backend, store="prod")
    manager.ensure(DesiredCredential("db", value=Secret("one"), metadata=FREE, tags=TAGS))
    manager.ensure(DesiredCredential("db", value=Secret("two")))
    found = manager.get("db").describe()
    assert (found["metadata"], found["tags"]) == (FREE, TAGS)
    assert [row.describe()["metadata"] for row in manager.list()] == [FREE]
    assert not manager.ensure(DesiredCredential("db", metadata=FREE, tags=TAGS)).changed
    assert manager.ensure(DesiredCredential("db", metadata={"owner": "dev"})).changed
    assert manager.get("db").describe()["metadata"] == {"owner": "dev"}
    assert manager.ensure(DesiredCredential("db", metadata={})).changed
    assert manager.get("db").describe()["metadata"] == {}
    assert manager.token("db") == Secret("two")
