# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a backend would not take is refused before any request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Limited
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS, backend_class
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits
from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound, TooLarge
from ansible_collections.nebula.credential.plugins.module_utils.layers.encryption.encrypt import wrap_in_encryption
from ansible_collections.nebula.credential.plugins.module_utils.layers.limits import Limits
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conformance.records import METADATA, a_record, value_of


class Small(Memory, Limited):
    """A store of 1000 bytes and two tags a credential."""

    capabilities = replace(Memory.capabilities, max_bytes=1000, max_tags=2)
    container = "a box"

    def __init__(self):
        super().__init__({}, BackendContext("prod"))

    def measure_value(self, record):
        return sum(len(value.expose()) for value in record.fields.values()) if record.envelope is None else len(record.envelope)


@pytest.fixture
def store():
    return Limits(Small())


def record_of_size(size, **changes):
    return a_record(fields={"value": Secret(b"x" * size)}, **changes)


def test_a_value_is_taken_up_to_the_last_byte(store):
    assert len(value_of(store.get(store.put(record_of_size(1000)).name), "value")) == 1000


def test_a_value_that_is_larger_is_refused_with_both_sizes_and_its_name(store):
    with pytest.raises(TooLarge) as caught:
        store.put(record_of_size(1001))
    assert caught.value.name == "db_pass"
    assert "the value has 1001 bytes, and a box holds 1000 at most" in str(caught.value)
    with pytest.raises(NotFound):
        store.get("db_pass")


def test_tags_are_counted(store):
    store.put(record_of_size(1))
    found = store.get("db_pass")
    with pytest.raises(TooLarge, match="the credential has 3 tags, and a box holds 2 at most") as caught:
        store.patch_metadata(found.with_metadata(tags=dict.fromkeys("abc", "")), 0)
    assert caught.value.name == "db_pass"
    assert store.patch_metadata(found.with_metadata(tags=dict.fromkeys("ab", "")), 0).revision == 1


def test_an_envelope_is_measured_as_it_is_stored_and_its_tags_are_inside():
    """New metadata is a part of it, so it can become too large without a new value."""
    store = wrap_in_encryption(Limits(Small()), {})
    metadata = replace(METADATA, tags=dict.fromkeys("abc", ""))
    record = store.put(a_record(metadata=metadata))
    with pytest.raises(TooLarge, match="bytes, and a box holds 1000 at most"):
        store.patch_metadata(record.with_metadata(description="x" * 1000), 0)
    with pytest.raises(TooLarge):
        store.put(a_record(value="x" * 1000, metadata=metadata))
    assert value_of(store.get("db_pass")) == b"s3cret"


def test_the_stores_document_is_measured(store):
    store.write_store_document(b"x" * 1000, None)
    with pytest.raises(TooLarge):
        store.write_store_document(b"x" * 1001, b"x" * 1000)


def test_a_store_has_the_layer_if_its_backend_states_a_limit(monkeypatch):
    """A store that does without it does not load it."""
    small = BackendTraits(spec=Memory.options)
    monkeypatch.setitem(BACKENDS, "small", lambda: (small, lambda: lambda _options, _context: Small()))
    has_layer = {
        name: find_layer(open_store({"backend": name, "audit": "off"}, name="prod").backend) is not None for name in ("small", "memory")
    }
    assert has_layer == {"small": True, "memory": False}


def find_layer(part):
    while part is not None and not isinstance(part, Limits):
        part = part.inner
    return part


def test_a_backend_that_states_a_limit_measures_its_values():
    stating = {
        name for name in BACKENDS if {backend_class(name).capabilities.max_bytes, backend_class(name).capabilities.max_tags} != {None}
    }
    assert stating == {name for name in BACKENDS if issubclass(backend_class(name), Limited)} != set()
