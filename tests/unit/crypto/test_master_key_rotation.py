# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotation of the master key: killed anywhere, it is run again and nothing is lost."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.local.backend import Local
from ansible_collections.nebula.credential.plugins.module_utils.crypto import envelope_mover, retired_keys
from ansible_collections.nebula.credential.plugins.module_utils.crypto import high_water_marks as marks
from ansible_collections.nebula.credential.plugins.module_utils.crypto.argon2id import LEAST, Parameters
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources import key_file
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.key_file import KeyFile
from ansible_collections.nebula.credential.plugins.module_utils.crypto.keyring import Keyring
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    Damaged,
    InvalidInput,
    KeySourceUnavailable,
    MissingKey,
    NotEncrypted,
    NotFound,
    WrongKey,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import STAGES
from tests.unit.crypto.sealed_stores import a_memory_store, a_record, a_store, file_of, key_ids, the_key_file, value_of

FORK = multiprocessing.get_context("fork")


def filled(directory, **configuration):
    """A store with every kind of object: stages, kept versions, a deleted name."""
    store = a_store(directory, **configuration)
    for value in (b"one", b"two", b"three"):
        store.put(a_record("a", value))
    for stage in STAGES[1:]:
        store.put(a_record("a", stage.encode(), stage=stage))
    store.put(a_record("b/c", b"other"))
    store.patch_metadata(store.get("b/c").with_metadata(description="patched"), 0)
    store.put(a_record("gone"))
    store.delete("gone")
    return store


def check(store):
    """Everything that `filled` stored can be read, by newcomers too."""
    assert [value_of(store.get("a", version=version)) for version in ("1", "2", "3")] == [b"one", b"two", b"three"]
    assert [value_of(store.get("a", stage=stage)) for stage in STAGES[1:]] == [stage.encode() for stage in STAGES[1:]]
    assert store.get("b/c").full_metadata.description == "patched"
    assert all(row.verified for row in store.list())


def ring_document(directory):
    return json.loads((directory / "store" / ".nebula" / "metadata.json").read_text())


def test_everything_is_moved_and_nothing_else_changes(tmp_path):
    store = filled(tmp_path)
    before = store.get("a")
    old = store.keyring.open().active.key_id
    done = store.rotate_master_key()
    assert (done.envelopes, done.resumed) == (4 + len(STAGES) - 1, False)
    assert key_ids(tmp_path) == {bytes.fromhex(done.key_id)} != {old}
    for opened in (store, a_store(tmp_path)):
        check(opened)
    assert store.get("a") == before
    assert store.put(a_record("gone")).serial == 2


def test_the_key_file_is_renewed_and_holds_the_new_key_only(tmp_path):
    store = filled(tmp_path)
    before = the_key_file().read_bytes()
    store.rotate_master_key()
    after = the_key_file().read_bytes()
    assert len(after.splitlines()) == 1
    assert after != before


def test_a_key_file_that_the_user_named_keeps_its_keys(tmp_path):
    """Other stores may be using it."""
    path = tmp_path / "shared.key"
    shared = {"key_sources": [{"source": "key_file", "path": str(path)}]}
    one, two = filled(tmp_path / "one", **shared), filled(tmp_path / "two", **shared)
    one.rotate_master_key()
    assert len(path.read_bytes().splitlines()) == 2
    check(a_store(tmp_path / "one", **shared))
    check(a_store(tmp_path / "two", **shared))
    check(two)


def test_a_backup_from_before_can_be_read_until_its_time_is_over(tmp_path):
    store = filled(tmp_path)
    backup = file_of(tmp_path, "a").read_bytes()
    store.rotate_master_key(keep_until=datetime.now(timezone.utc) + timedelta(days=30))
    file_of(tmp_path, "a").write_bytes(backup)
    assert value_of(a_store(tmp_path).get("a")) == b"three"
    store.rotate_master_key(keep_until=datetime.now(timezone.utc) - timedelta(days=1))
    file_of(tmp_path, "a").write_bytes(backup)
    assert value_of(a_store(tmp_path).get("a")) == b"three"
    assert len(ring_document(tmp_path)["slots"]) == 2


def test_of_a_compromised_key_nothing_is_left(tmp_path):
    store = filled(tmp_path)
    backup = file_of(tmp_path, "a").read_bytes()
    store.rotate_master_key()
    store.rotate_master_key(compromised=True)
    assert len(ring_document(tmp_path)["slots"]) == 1
    check(a_store(tmp_path))
    file_of(tmp_path, "a").write_bytes(backup)
    with pytest.raises(WrongKey):
        a_store(tmp_path).get("a")


def test_a_source_that_is_not_here_stops_the_rotation_unless_it_is_dropped(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.passphrase.RECOMMENDED", Parameters(*LEAST)
    )
    both = {"key_sources": [{"source": "key_file"}, {"source": "passphrase", "passphrase": "x", "label": "office"}]}
    filled(tmp_path, **both)
    document = ring_document(tmp_path)
    store = a_store(tmp_path)
    with pytest.raises(KeySourceUnavailable, match=r"'passphrase' \(office\)"):
        store.rotate_master_key()
    assert ring_document(tmp_path) == document
    store.rotate_master_key(drop_sources=["passphrase:office"])
    check(store)
    with pytest.raises(MissingKey):
        a_store(tmp_path, key_sources=both["key_sources"][1:]).get("a")


def test_a_store_without_a_key_has_nothing_to_rotate(tmp_path):
    with pytest.raises(MissingKey):
        a_store(tmp_path).rotate_master_key()


def dying_at(kind, method, count):
    """Replace a method so that its call number `count` kills the process: 0 before it does anything."""
    original, calls = getattr(kind, method), []

    def wrapped(*arguments, **more):
        if len(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        calls.append(1)
        return original(*arguments, **more)

    setattr(kind, method, wrapped)


POINTS = [
    (KeyFile, "_append", 0),
    (key_file, "write_durably", 0),
    (Local, "write_store_document", 0),
    *[(Local, "rewrite_envelope", count) for count in range(7)],
    (marks, "_write", 0),
    (marks, "_write", 2),
    (Local, "write_store_document", 1),
    (KeyFile, "forget_all_but", 0),
    (key_file, "write_durably", 1),
]


def _rotate_and_die(directory, point, compromised):
    dying_at(*point)
    a_store(directory).rotate_master_key(compromised=compromised)
    os._exit(9)


@pytest.mark.parametrize("compromised", [False, True])
@pytest.mark.parametrize("point", POINTS, ids=lambda point: "{0}.{1}-{2}".format(point[0].__name__.split(".")[-1], point[1], point[2]))
def test_a_killed_rotation_loses_nothing_and_is_taken_up(tmp_path, point, compromised):
    old = filled(tmp_path).keyring.open().active.key_id
    process = FORK.Process(target=_rotate_and_die, args=(tmp_path, point, compromised))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    check(a_store(tmp_path))
    store = a_store(tmp_path)
    store.put(a_record("between"))
    done = store.rotate_master_key(compromised=compromised)
    assert key_ids(tmp_path) == {bytes.fromhex(done.key_id)}
    assert old not in key_ids(tmp_path)
    check(a_store(tmp_path))
    assert len(the_key_file().read_bytes().splitlines()) == 1
    if compromised:
        assert len(ring_document(tmp_path)["slots"]) == 1


def test_a_rotation_taken_up_can_be_made_a_compromised_one(tmp_path):
    filled(tmp_path)
    process = FORK.Process(target=_rotate_and_die, args=(tmp_path, (Local, "rewrite_envelope", 3), False))
    process.start()
    process.join(60)
    store = a_store(tmp_path)
    assert store.rotate_master_key(compromised=True).resumed
    assert len(ring_document(tmp_path)["slots"]) == 1
    check(store)


def test_a_writer_that_took_the_old_key_acknowledges_nothing_under_it(tmp_path):
    """It read the ring, then the rotation ran from end to end, then it stored its value."""
    writer = filled(tmp_path)
    put = writer.inner.put

    def slow(record, *arguments, **more):
        a_store(tmp_path).rotate_master_key(compromised=True)
        return put(record, *arguments, **more)

    writer.inner.put = slow
    writer.put(a_record("late", b"late"))
    assert value_of(a_store(tmp_path).get("late")) == b"late"
    assert len(key_ids(tmp_path)) == 1


def test_a_patch_that_took_the_old_envelope_acknowledges_nothing_under_it(tmp_path):
    writer = filled(tmp_path)
    patch = writer.inner.patch_metadata

    def slow(*arguments):
        a_store(tmp_path).rotate_master_key(compromised=True)
        return patch(*arguments)

    writer.inner.patch_metadata = slow
    writer.patch_metadata(writer.get("a").with_metadata(description="late"), 0)
    assert a_store(tmp_path).get("a").full_metadata.description == "late"
    assert len(key_ids(tmp_path)) == 1


def test_what_somebody_replaced_meanwhile_needs_no_moving(tmp_path):
    writer = filled(tmp_path)
    put = writer.inner.put

    def slow(record, *arguments, **more):
        a_store(tmp_path).rotate_master_key()
        stored = put(record, *arguments, **more)
        a_store(tmp_path).put(a_record("late", b"later"))
        return stored

    writer.inner.put = slow
    writer.put(a_record("late", b"late"))
    assert value_of(a_store(tmp_path).get("late")) == b"later"


def test_what_somebody_deleted_meanwhile_is_not_brought_back(tmp_path):
    writer = filled(tmp_path)
    put = writer.inner.put

    def slow(record, *arguments, **more):
        a_store(tmp_path).rotate_master_key()
        stored = put(record, *arguments, **more)
        a_store(tmp_path).delete("late")
        return stored

    writer.inner.put = slow
    writer.put(a_record("late", b"late"))
    with pytest.raises(NotFound):
        a_store(tmp_path).get("late")


def test_a_reader_that_is_open_all_the_while_reads_on(tmp_path):
    reader = filled(tmp_path)
    check(reader)
    a_store(tmp_path).rotate_master_key(compromised=True)
    check(reader)


def test_two_rotations_begun_at_once_are_one(tmp_path):
    store = filled(tmp_path)
    write = Keyring.write

    def late(self, *arguments):
        self.write = write.__get__(self)
        a_store(tmp_path).rotate_master_key()
        return write(self, *arguments)

    store.keyring.write = late.__get__(store.keyring)
    with pytest.raises(Conflict):
        store.rotate_master_key()
    check(a_store(tmp_path))


def test_a_damaged_value_holds_the_former_key_until_it_is_gone(tmp_path):
    store = filled(tmp_path)
    path = file_of(tmp_path, "a")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(Damaged, match="credential 'a'"):
        store.rotate_master_key(compromised=True)
    assert value_of(a_store(tmp_path).get("b/c")) == b"other"
    path.write_bytes(whole)
    assert store.rotate_master_key().resumed
    check(store)
    assert len(ring_document(tmp_path)["slots"]) == 1


def test_a_damaged_value_without_versions_does_not_keep_the_others_from_being_moved(tmp_path):
    store = filled(tmp_path)
    (path,) = (tmp_path / "store").glob("b*.enc")
    whole = path.read_bytes()
    path.write_bytes(b"cut")
    with pytest.raises(NotEncrypted, match="credential 'b/c'"):
        store.rotate_master_key()
    path.write_bytes(whole)
    done = store.rotate_master_key()
    assert (done.resumed, done.envelopes) == (True, 1)
    check(store)


def test_a_plain_value_is_not_moved(tmp_path):
    store = filled(tmp_path)
    get = store.inner.get
    store.inner.get = lambda *arguments: replace(get(*arguments), envelope=None)
    with pytest.raises(NotEncrypted):
        store.rotate_master_key()


def test_a_value_that_changes_or_goes_while_it_is_moved(tmp_path, monkeypatch):
    store = filled(tmp_path)
    rewrite, versions = store.inner.rewrite_envelope, store.inner.versions
    asked = []

    def busy(record, replaces):
        asked.append(record)
        if len(asked) == 1:
            raise Conflict("other bytes")
        if len(asked) == 2:
            raise NotFound("gone")
        rewrite(record, replaces)

    def gone(name):
        if name == "b/c":
            raise NotFound("gone")
        return versions(name)

    store.inner.rewrite_envelope, store.inner.versions = busy, gone
    store.rotate_master_key()
    check(store)
    monkeypatch.setattr(envelope_mover, "_ATTEMPTS", 2)

    def always(*_arguments):
        raise Conflict("other bytes")

    store.inner.rewrite_envelope = always
    with pytest.raises(Conflict, match="2 other writes"):
        store.rotate_master_key()


def test_a_retired_key_without_an_end_stays(tmp_path):
    store = filled(tmp_path)
    store.rotate_master_key()
    store.rotate_master_key()
    assert len(ring_document(tmp_path)["slots"]) == 3
    assert retired_keys.KIND == "retired"


def test_a_passing_store_has_no_document_to_rotate():
    store = a_memory_store()
    store.put(a_record())
    with pytest.raises(InvalidInput, match="ends with its process"):
        store.rotate_master_key()
    assert value_of(store.get("db_pass")) == b"correct horse"
