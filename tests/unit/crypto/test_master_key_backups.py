# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rotation of the master key also moves the copies that a local store keeps of overwritten and deleted values."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.backend import Local
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import read_envelope
from ansible_collections.nebula.credential.plugins.module_utils.errors import Misplaced
from tests.unit.crypto.sealed_stores import a_record, a_store, key_ids, value_of


def with_backups(directory, **more):
    """The same store, which keeps copies of overwritten and deleted values."""
    return a_store(directory, inner=Local({"path": str(directory / "store"), "backup": True, **more}, BackendContext("local")))


def backups(directory):
    return sorted((directory / "store" / ".nebula" / "backups").rglob("*.enc"))


@pytest.mark.parametrize("compromised", [False, True])
def test_copies_that_the_store_keeps_are_moved_too(tmp_path, compromised):
    store = with_backups(tmp_path)
    for value in (b"one", b"two"):
        store.put(a_record("a/b", value))
    store.delete("a/b")
    store.put(a_record("other"))
    before = {path: path.read_bytes() for path in backups(tmp_path)}
    assert len(before) == 2
    planned = store.rotate_master_key(compromised=compromised, check=True)
    # The copies stay for their retention when no new ones are made, so a store without the option moves them as well.
    done = a_store(tmp_path).rotate_master_key(compromised=compromised)
    assert planned.envelopes == done.envelopes == 3
    assert len(key_ids(tmp_path)) == 1
    assert backups(tmp_path) == sorted(before)
    folder = tmp_path / "store"
    (folder / "a^0b.enc").write_bytes(backups(tmp_path)[-1].read_bytes())
    assert value_of(a_store(tmp_path).restore("a/b")) == b"two"


def test_copies_in_a_folder_of_their_own_are_moved_and_what_is_no_copy_is_left(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    store = with_backups(tmp_path, backup_path=str(elsewhere))
    for value in (b"one", b"two"):
        store.put(a_record("a", value))
    (copy,) = elsewhere.rglob("*.enc")
    junk = copy.with_name("junk.enc")
    junk.write_bytes(b"junk")
    (copy.parents[1] / "^not a name").mkdir()
    old = read_envelope(copy.read_bytes()).header.key_id
    store.rotate_master_key(compromised=True)
    assert read_envelope(copy.read_bytes()).header.key_id != old
    assert junk.read_bytes() == b"junk"


def test_a_copy_that_is_not_genuine_keeps_the_former_key_and_is_named(tmp_path):
    store = with_backups(tmp_path)
    for name in ("a", "b"):
        for value in (b"one", b"two"):
            store.put(a_record(name, value))
    first, second = backups(tmp_path)
    genuine = first.read_bytes()
    first.write_bytes(second.read_bytes())
    with pytest.raises(Misplaced) as raised:
        store.rotate_master_key(compromised=True)
    assert str(first) in str(raised.value)
    first.write_bytes(genuine)
    assert store.rotate_master_key(compromised=True).resumed
    assert len(key_ids(tmp_path)) == 1
