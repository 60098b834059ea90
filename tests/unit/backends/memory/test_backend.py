# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The memory backend's own options, and the registry."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, InvalidConfiguration, NotEncrypted, TooLarge
from tests.conformance.records import a_record, value_of
from tests.conformance.sealing import Sealing


def opened(**options):
    store = Memory(options, BackendContext("test"))
    store.connect()
    return store


def test_a_full_store_takes_no_further_credential():
    """What is there can still be changed; room that is made can be used."""
    store = opened(max_credentials=2)
    store.put(a_record("a"))
    store.put(a_record("a", stage="pending"))
    store.put(a_record("b"))
    with pytest.raises(TooLarge) as caught:
        store.put(a_record("c"))
    assert "max_credentials" in str(caught.value)
    store.put(a_record("b", "2"))
    store.delete("b")
    store.put(a_record("c"))


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"max_credentials": 0}, "max_credentials"),
        ({"keep_versions": -1}, "keep_versions"),
        ({"persist_on_shutdown": True}, "persist_path"),
        ({"persist_on_shutdown": True, "persist_path": "/x", "encrypt": False}, "persist_on_shutdown"),
    ],
)
def test_a_wrong_option_is_refused_at_the_start(options, option):
    with pytest.raises(InvalidConfiguration) as caught:
        Memory(options, BackendContext("test"))
    assert caught.value.option == option


def persisting(path):
    store = Sealing(Memory({"persist_on_shutdown": True, "persist_path": str(path)}, BackendContext("test")))
    store.connect()
    return store


def test_only_envelopes_are_persisted(tmp_path):
    store = persisting(tmp_path / "kept")
    with pytest.raises(NotEncrypted):
        store.inner.put(a_record())


def test_a_persisted_store_comes_back_whole(tmp_path):
    """Values, versions, stages, the serials of the deleted and the store's document; in a file that is 0600."""
    path = tmp_path / "kept"
    store = persisting(path)
    for value in "12":
        store.put(a_record(value=value))
    store.put(a_record(value="p", stage="pending"))
    store.put(a_record("gone"))
    store.delete("gone")
    store.write_store_document(b"document", None)
    store.close()
    store.close()
    assert path.stat().st_mode & 0o777 == 0o600
    again = persisting(path)
    assert [value_of(again.get("db_pass", version)) for version in (None, "1", "2")] == [b"2", b"1", b"2"]
    assert value_of(again.get("db_pass", stage="pending")) == b"p"
    assert (again.last_serial("gone"), again.read_store_document()) == (1, b"document")
    assert again.put(a_record(value="3")).serial == 3


def test_a_damaged_persisted_store_is_told(tmp_path):
    path = tmp_path / "kept"
    store = persisting(path)
    store.put(a_record())
    store.close()
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], whole[:20], whole[:40] + b"\x00" + whole[41:], b"x" + whole):
        path.write_bytes(damaged)
        with pytest.raises(Damaged) as caught:
            persisting(path)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("backend", ["redis", "", None, 3, ["local"]])
def test_an_unknown_backend_is_refused_with_the_list(backend):
    with pytest.raises(InvalidConfiguration) as caught:
        backend_class(backend)
    assert "option 'backend'" in str(caught.value)
    assert "local, memory" in str(caught.value)
