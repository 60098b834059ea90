# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The encrypting layer: a backend like any other from outside, envelopes only inside."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.crypto.envelope import authentic
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import read_envelope
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    Conflict,
    Damaged,
    InvalidInput,
    Misplaced,
    NotEncrypted,
    NotFound,
    Tampered,
    WrongKey,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.encryption import encrypt as encrypting
from ansible_collections.nebula.credential.plugins.module_utils.model.record import STAGES, Etag
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from tests.conformance.records import put_state
from tests.unit.crypto.sealed_stores import a_memory_store, a_record, a_store, file_of, value_of

FORK = multiprocessing.get_context("fork")


@pytest.fixture(params=["memory", "local"])
def store(request, tmp_path):
    return a_memory_store() if request.param == "memory" else a_store(tmp_path)


def test_the_provider_below_sees_envelopes_only(store):
    store.put(a_record())
    below = store.inner.get("db_pass")
    assert (below.fields, below.state) == ({}, {})
    assert b"correct horse" not in below.envelope
    above = store.get("db_pass")
    assert (value_of(above), above.envelope, above.verified) == (b"correct horse", None, True)


def test_what_put_returns_is_what_get_returns(store):
    assert store.put(a_record()) == store.get("db_pass")
    assert store.put(a_record(value=b"second"), Etag("1")) == store.get("db_pass")


def test_serials_rise_by_one_and_are_not_used_again_after_a_delete(store):
    first = [store.put(a_record()) for _each in range(3)]
    store.delete("db_pass")
    again = store.put(a_record())
    assert [record.serial for record in [*first, again]] == [1, 2, 3, 4]
    assert len({record.record_id for record in first}) == 1
    assert again.record_id != first[0].record_id


def test_stages_are_objects_of_their_own(store):
    for stage in STAGES:
        store.put(a_record(value=stage.encode(), stage=stage))
    assert [value_of(store.get("db_pass", stage=stage)) for stage in STAGES] == [stage.encode() for stage in STAGES]
    store.delete("db_pass", stage="pending")
    with pytest.raises(NotFound):
        store.get("db_pass", stage="pending")


def test_a_lost_race_without_an_expectation_is_run_again(store):
    store.put(a_record(value=b"first"))
    put = store.inner.put

    def slow(record, *arguments, **more):
        store.inner.put = put
        store.put(a_record(value=b"theirs"))
        return put(record, *arguments, **more)

    store.inner.put = slow
    assert store.put(a_record(value=b"mine")).serial == 3
    assert value_of(store.get("db_pass", version="2")) == b"theirs"


def test_a_lost_race_with_an_expectation_is_a_conflict(store):
    store.put(a_record())
    with pytest.raises(Conflict):
        store.put(a_record(), Etag("7"))
    with pytest.raises(Conflict):
        store.put(a_record(), create=True)
    with pytest.raises(Conflict):
        store.put(a_record("other"), Etag("1"))


def test_a_race_that_never_ends_is_given_up(store, monkeypatch):
    def always(*_arguments, **_more):
        raise Conflict("somebody was first")

    store.put(a_record())
    monkeypatch.setattr(encrypting, "_ATTEMPTS", 3)
    store.inner.put = always
    with pytest.raises(Conflict, match="3 other writes"):
        store.put(a_record())
    store.inner.delete = always
    with pytest.raises(Conflict, match="3 other writes"):
        store.delete("db_pass")
    with pytest.raises(Conflict, match="somebody"):
        store.delete("db_pass", expected=Etag("1"))


def _put_often(directory, number):
    store = a_store(directory)
    for _each in range(10):
        store.put(a_record(value=b"%d" % number))


def test_processes_that_write_one_name_at_once_all_get_through(tmp_path):
    processes = [FORK.Process(target=_put_often, args=(tmp_path, number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * 4
    assert a_store(tmp_path).get("db_pass").serial == 40


def test_a_plain_value_is_refused_where_the_store_is_encrypted(tmp_path):
    memory = Memory({}, BackendContext("plain"))
    memory.put(a_record())
    store = encrypting.wrap_in_encryption(memory, {})
    for operation in (lambda: store.get("db_pass"), lambda: store.put(a_record())):
        with pytest.raises(NotEncrypted, match="db_pass"):
            operation()
    assert [(row.name, type(row.problem)) for row in store.list()] == [("db_pass", NotEncrypted)]
    local = a_store(tmp_path)
    local.put(a_record())
    file_of(tmp_path, "db_pass").write_text("correct horse")
    for operation in (lambda: local.get("db_pass"), lambda: local.put(a_record())):
        with pytest.raises(NotEncrypted):
            operation()


def test_a_damaged_value_is_not_written_over_but_can_be_deleted(tmp_path):
    store = a_store(tmp_path)
    store.put(a_record())
    path = file_of(tmp_path, "db_pass")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    for operation in (lambda: store.get("db_pass"), lambda: store.put(a_record())):
        with pytest.raises(Damaged, match="credential 'db_pass'"):
            operation()
    store.delete("db_pass")
    again = store.put(a_record(value=b"anew"))
    assert again.serial >= 2
    assert value_of(store.get("db_pass")) == b"anew"


def test_a_store_whose_key_is_lost_can_still_be_emptied(tmp_path):
    a_store(tmp_path).put(a_record())
    keyless = a_store(tmp_path, key_sources=[{"source": "passphrase", "passphrase": "x"}])
    keyless.delete("db_pass")
    assert list(keyless.list(Filter(names_only=True))) == []


def test_files_swapped_between_names_stages_and_versions_are_misplaced(tmp_path):
    store = a_store(tmp_path)
    for name in ("a", "b"):
        store.put(a_record(name))
        store.put(a_record(name))
    file_of(tmp_path, "b").write_bytes(file_of(tmp_path, "a").read_bytes())
    for operation in (lambda: store.get("b"), lambda: store.put(a_record("b"))):
        with pytest.raises(Misplaced, match="credential 'b'"):
            operation()
    assert {row.name: row.verified for row in store.list()} == {"a": True, "b": False}
    older, newer = (replace(store.inner.get("a", version)) for version in "12")
    store.inner.rewrite_envelope(replace(older, envelope=newer.envelope), older.envelope)
    with pytest.raises(Misplaced, match="version"):
        store.get("a", version="1")


def test_a_value_of_another_store_is_a_wrong_key(tmp_path):
    one, two = a_store(tmp_path / "one"), a_store(tmp_path / "two")
    for store in (one, two):
        store.put(a_record())
    file_of(tmp_path / "one", "db_pass").write_bytes(file_of(tmp_path / "two", "db_pass").read_bytes())
    with pytest.raises(WrongKey):
        one.get("db_pass")
    assert [row.verified for row in one.list()] == [False]


def test_tenants_do_not_read_each_other(tmp_path):
    ours, theirs = a_store(tmp_path), a_store(tmp_path, tenant="theirs")
    ours.put(a_record())
    with pytest.raises(Misplaced):
        theirs.get("db_pass")
    with pytest.raises(AccessDenied, match="tenant"):
        theirs.put(a_record("other"))


def test_metadata_changes_without_the_ciphertext(store):
    before = store.put(a_record())
    envelope = read_envelope(store.inner.get("db_pass").envelope)
    patched = store.patch_metadata(before.with_metadata(description="changed"), 0)
    after = read_envelope(store.inner.get("db_pass").envelope)
    assert after.ciphertext == envelope.ciphertext
    assert (patched.revision, patched.version, patched) == (1, "1", store.get("db_pass"))
    assert store.get("db_pass").full_metadata.description == "changed"


def test_a_patch_of_what_has_changed_is_a_conflict(store):
    record = store.put(a_record())
    store.patch_metadata(record, 0)
    with pytest.raises(Conflict, match="revision 0 was expected"):
        store.patch_metadata(record, 0)
    store.put(a_record())
    with pytest.raises(Conflict):
        store.patch_metadata(record, 0)
    with pytest.raises(NotFound):
        store.patch_metadata(replace(record, name="never"), 0)


def test_a_patch_of_a_store_without_keys_finds_nothing(store):
    with pytest.raises(NotFound):
        store.patch_metadata(a_record(), 0)


def test_a_scope_changes_by_a_new_version_only(store):
    record = store.put(a_record(scope=Scope(workflow="deploy")))
    with pytest.raises(InvalidInput, match="new version"):
        store.patch_metadata(record.with_metadata(scope=Scope()), 0)
    store.put(record.with_metadata(scope=Scope()), Etag("1"))
    assert store.get("db_pass").full_metadata.scope == Scope()


def test_state_is_replaced_and_the_value_stays(store):
    first = store.put(replace(a_record(), state={"refresh_token": Secret(b"old")}))
    put_state(store, "db_pass", {"refresh_token": Secret(b"new")}, first.etag)
    record = store.get("db_pass")
    assert (value_of(record), record.state["refresh_token"].expose(), record.serial) == (b"correct horse", b"new", 2)
    with pytest.raises(Conflict):
        put_state(store, "db_pass", {}, Etag("1"))


def test_listed_metadata_is_verified_by_the_key(tmp_path):
    store = a_store(tmp_path)
    record = store.put(a_record())
    assert [(row.verified, row.envelope, row.fields) for row in store.list()] == [(True, None, {})]
    from tests.vectors.plain_format import checked

    path = file_of(tmp_path, "db_pass")
    path.write_bytes(checked(path.read_bytes()[:-32].replace(b"prod", b"test")))
    assert [(row.verified, row.full_metadata.tags) for row in store.list()] == [(False, {"env": "test"})]
    for operation in (lambda: store.get("db_pass"), lambda: store.put(a_record()), lambda: store.patch_metadata(record, 0)):
        with pytest.raises(Tampered):
            operation()


def test_names_are_listed_without_a_key(tmp_path):
    a_store(tmp_path).put(a_record())
    locked = a_store(tmp_path, key_sources=[{"source": "passphrase", "passphrase": "wrong"}])
    assert [row.name for row in locked.list(Filter(names_only=True))] == ["db_pass"]


def test_many_are_read_at_once(store):
    for name in "ab":
        store.put(a_record(name, name.encode()))
    assert {name: value_of(record) for name, record in store.get_many(["a", "b", "never"]).items()} == {"a": b"a", "b": b"b"}


def test_a_new_store_has_nothing(store):
    assert store.get_many(["a"]) == {}
    assert list(store.list()) == []
    with pytest.raises(NotFound):
        store.delete("a")


def test_a_serial_that_nobody_counted_is_refused(tmp_path):
    store = a_store(tmp_path)
    store.put(a_record())
    store.marks.advance(
        store.keyring.open(), "other", store.opener.mark(store.keyring.open(), "db_pass")._replace(serial=2**63), durable=True
    )
    with pytest.raises(Tampered, match="serial"):
        store.put(a_record("other"))


def test_what_is_deleted_recoverably_may_come_back(tmp_path):
    """No tombstone is set: the backend promised to be able to bring the very same version back."""
    store = a_store(tmp_path)
    store.put(a_record())
    kept = file_of(tmp_path, "db_pass").read_bytes()
    store.delete("db_pass", recoverable=True)
    file_of(tmp_path, "db_pass").write_bytes(kept)
    assert value_of(store.get("db_pass")) == b"correct horse"


def test_an_envelope_is_bound_to_the_ring_that_wrote_it(store):
    store.put(a_record())
    envelope = read_envelope(store.inner.get("db_pass").envelope)
    ring = store.keyring.open()
    assert envelope.header.key_id == ring.active.key_id
    assert authentic(ring.active, envelope)


def one_that_looked_too_early(tmp_path, monkeypatch):
    """A process that found no document, while another one made the store and wrote to it."""
    a_store(tmp_path).put(a_record())
    late = a_store(tmp_path)
    looked, early = late.keyring.backend.read_store_document, [None]
    monkeypatch.setattr(late.keyring.backend, "read_store_document", lambda: early.pop() if early else looked())
    return late


def test_a_store_that_another_process_has_just_made_is_written_to(tmp_path, monkeypatch):
    """Its records are no sign of a document that is gone."""
    late = one_that_looked_too_early(tmp_path, monkeypatch)
    assert value_of(late.put(a_record(value=b"second"))) == b"second"
    assert value_of(a_store(tmp_path).get("db_pass")) == b"second"


@pytest.mark.parametrize("read", [lambda store: store.get("db_pass"), lambda store: store.get_many(["db_pass"])["db_pass"]])
def test_and_is_read_from(tmp_path, monkeypatch, read):
    assert value_of(read(one_that_looked_too_early(tmp_path, monkeypatch))) == b"correct horse"
