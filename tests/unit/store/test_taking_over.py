# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`state: present` on values that another tool wrote (J3), in a store of whole objects."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, TypeMismatch
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from tests.conformance.object_places import MemoryObjects
from tests.unit.store.managing import ask


@pytest.fixture
def store():
    backend = MemoryObjects({}, BackendContext("test"))
    return CredentialManager(backend, store="test")


def present(store, **parameters):
    return ask(store, "credential", name="db", state="present", **parameters).result


def test_a_value_of_another_tool_takes_the_type_that_is_wanted(store):
    """It is written again, once, as the value that it is."""
    store.backend.places.meddle("db", username="app", password="s3cret")
    assert store.get("db").record.type == "opaque"
    assert present(store, type="basic")["changed"]
    taken = store.get("db")
    assert (taken.record.type, taken.record.serial is not None) == ("basic", True)
    assert taken.fields["password"].expose() == b"s3cret"
    assert not present(store, type="basic")["changed"]
    with pytest.raises(TypeMismatch):
        present(store, type="database")


def test_a_value_of_another_tool_that_does_not_fit_the_type_is_left_alone(store):
    store.backend.places.meddle("db", something="else")
    with pytest.raises(InvalidInput):
        present(store, type="basic")
    assert store.get("db").record.serial is None


def test_a_value_of_another_tool_gets_an_end_of_its_life(store):
    """A time to live is told with a value, so the value is written again; what it is stays."""
    store.backend.places.meddle("db", value="s3cret")
    assert present(store, ttl="1h")["changed"]
    assert store.get("db").metadata.expires_at is not None
    assert not present(store, ttl="1h")["changed"]


def test_a_value_of_another_tool_is_left_alone_where_nothing_else_is_wanted(store):
    store.backend.places.meddle("db", value="s3cret")
    assert not present(store)["changed"]
    assert not present(store, value="s3cret")["changed"]
    assert store.get("db").record.serial is None
