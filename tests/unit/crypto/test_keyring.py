# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys: made once, never replaced by a new one; each way of losing them has its own name."""

from __future__ import annotations

import base64
import json
import multiprocessing
import os
import threading

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.crypto.argon2id import (
    LEAST,
    Parameters,
)
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources import key_file
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.registry import build_sources
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Damaged,
    InsecurePermissions,
    MissingKey,
    NotFound,
    WrongPassphrase,
)
from tests.unit.crypto.sealed_stores import (
    a_memory_store,
    a_record,
    a_store,
    change_document,
    document_path,
    keys_directory,
    the_key_file,
    value_of,
    with_passphrase,
)

FORK = multiprocessing.get_context("fork")
CHEAP = Parameters(*LEAST)


@pytest.fixture(autouse=True)
def cheap_derivation(monkeypatch):
    """What a test writes is derived with the least that is accepted, to spare the machine."""
    monkeypatch.setattr("ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.passphrase.RECOMMENDED", CHEAP)


def test_the_first_write_makes_a_key_that_only_its_owner_can_read(tmp_path):
    store = a_store(tmp_path)
    with pytest.raises(NotFound):
        store.get("db_pass")
    assert not keys_directory().exists()
    store.put(a_record())
    assert the_key_file().stat().st_mode & 0o777 == 0o600
    assert str(tmp_path / "store") not in str(the_key_file())
    assert value_of(a_store(tmp_path).get("db_pass")) == b"correct horse"


def test_the_key_is_nowhere_in_the_store(tmp_path):
    store = a_store(tmp_path)
    store.put(a_record(value=b"a canary of some length"))
    wrapping = base64.b64decode(the_key_file().read_text().split()[2])
    for path in (tmp_path / "store").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert wrapping not in content
            assert base64.b64encode(wrapping) not in content
            assert b"a canary" not in content


def test_a_store_without_its_key_names_the_path_and_gets_no_new_one(tmp_path):
    a_store(tmp_path).put(a_record())
    path = the_key_file()
    kept = path.read_bytes()
    path.unlink()
    for operation in (lambda: a_store(tmp_path).get("db_pass"), lambda: a_store(tmp_path).put(a_record("other"))):
        with pytest.raises(MissingKey, match=str(path)):
            operation()
    assert not path.exists()
    path.write_bytes(kept)
    path.chmod(0o600)
    assert value_of(a_store(tmp_path).get("db_pass")) == b"correct horse"


def test_a_key_file_that_others_can_read_is_refused(tmp_path):
    a_store(tmp_path).put(a_record())
    the_key_file().chmod(0o644)
    with pytest.raises(InsecurePermissions, match="chmod 600"):
        a_store(tmp_path).get("db_pass")


@pytest.mark.parametrize(
    "content", [b"", b"nebula-key-1 x y\n", b"nebula-key-1 " + b"0" * 32 + b" !!!!\n", "cut", "flipped", "twice the end"]
)
def test_a_damaged_key_file_is_told_from_another_one(tmp_path, content):
    a_store(tmp_path).put(a_record())
    path = the_key_file()
    whole = path.read_bytes()
    broken = {"cut": whole[:-5], "flipped": whole[:60] + bytes((whole[60] ^ 1,)) + whole[61:], "twice the end": whole + b"\n"}
    path.write_bytes(broken.get(content, content))
    with pytest.raises(Damaged):
        a_store(tmp_path).get("db_pass")
    path.write_bytes(key_file.write_line(bytes(32)))
    with pytest.raises(WrongPassphrase, match="another key"):
        a_store(tmp_path).get("db_pass")


def test_a_key_file_that_is_configured_is_made_and_used_there(tmp_path):
    path = tmp_path / "elsewhere" / "store.key"
    sources = {"key_sources": [{"source": "key_file", "path": str(path)}]}
    a_store(tmp_path, **sources).put(a_record())
    assert path.stat().st_mode & 0o777 == 0o600
    assert not list(keys_directory().glob("*.key"))
    assert value_of(a_store(tmp_path, **sources).get("db_pass")) == b"correct horse"


def test_a_wrong_passphrase_is_told_from_damage(tmp_path):
    a_store(tmp_path, **with_passphrase("open sesame")).put(a_record())
    assert value_of(a_store(tmp_path, **with_passphrase("open sesame")).get("db_pass")) == b"correct horse"
    with pytest.raises(WrongPassphrase):
        a_store(tmp_path, **with_passphrase("open barley")).get("db_pass")
    slot = base64.b64decode(json.loads(document_path(tmp_path).read_text())["slots"][0])
    broken = slot[:50] + bytes((slot[50] ^ 1,)) + slot[51:]
    change_document(tmp_path, slots=[base64.b64encode(broken).decode()])
    with pytest.raises(Damaged):
        a_store(tmp_path, **with_passphrase("open sesame")).get("db_pass")


def test_one_damaged_slot_leaves_the_other_sources_working(tmp_path):
    both = {"key_sources": [{"source": "key_file"}, {"source": "passphrase", "passphrase": "open sesame"}]}
    a_store(tmp_path, **both).put(a_record())
    slots = json.loads(document_path(tmp_path).read_text())["slots"]
    change_document(tmp_path, slots=[base64.b64encode(b"x" * 200).decode(), slots[1]])
    assert value_of(a_store(tmp_path, **both).get("db_pass")) == b"correct horse"
    with pytest.raises(Damaged):
        a_store(tmp_path).get("db_pass")
    with pytest.raises(Damaged):
        a_store(tmp_path, **both).rotate_master_key()


def _put_own(directory, barrier, number):
    store = a_store(directory)
    barrier.wait()
    store.put(a_record("name{0}".format(number), b"%d" % number))


@pytest.mark.parametrize("configured", [False, True])
def test_processes_that_create_one_store_at_once_get_one_key(tmp_path, configured, monkeypatch):
    if configured:
        monkeypatch.setattr(
            "ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.registry.DEFAULT",
            ({"source": "key_file", "path": str(tmp_path / "the.key")},),
        )
    count = 12
    barrier = FORK.Barrier(count)
    processes = [FORK.Process(target=_put_own, args=(tmp_path, barrier, number)) for number in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * count
    store = a_store(tmp_path)
    assert {value_of(store.get("name{0}".format(number))) for number in range(count)} == {b"%d" % number for number in range(count)}
    assert len(list(keys_directory().glob("*.key"))) == (0 if configured else 1)


def test_a_key_from_a_creation_that_was_killed_is_used_up_not_lost(tmp_path):
    """The key file is durable before the document; a crash between them leaves a key and an empty store."""
    path = str(tmp_path / "the.key")
    (source,) = build_sources([{"source": "key_file", "path": path}], print)
    _each, first = source.prepare(bytes(16), renew=False)
    sources = {"key_sources": [{"source": "key_file", "path": path}]}
    a_store(tmp_path, **sources).put(a_record())
    assert source.prepare(bytes(16), renew=False)[1] == first
    assert value_of(a_store(tmp_path, **sources).get("db_pass")) == b"correct horse"


def test_a_store_without_any_source_is_listed_and_not_read(tmp_path):
    a_store(tmp_path).put(a_record())
    keyless = a_store(tmp_path, key_sources=[])
    assert [(row.name, row.verified) for row in keyless.list()] == [("db_pass", False)]
    with pytest.raises(MissingKey):
        keyless.get("db_pass")
    with pytest.raises(MissingKey, match="no key source"):
        a_store(tmp_path / "new", key_sources=[]).put(a_record())


def test_what_a_killed_writer_left_beside_a_key_file_is_removed(tmp_path):
    """It may hold keys. A young one may have a living writer, and stays."""
    (source,) = build_sources([{"source": "key_file", "path": str(tmp_path / "the.key")}], print)
    old, young = tmp_path / ".nebula-1-old.tmp", tmp_path / ".nebula-1-young.tmp"
    for path in (old, young):
        path.write_text("a key")
    os.utime(old, (0, 0))
    source.prepare(bytes(16), renew=False)
    assert not old.exists()
    assert young.exists()


def test_a_key_file_is_never_emptied():
    (source,) = build_sources(None, print)
    _each, secret = source.prepare(bytes(16), renew=False)
    source.forget_all_but(frozenset(), bytes(16))
    assert base64.b64encode(secret) in the_key_file().read_bytes()
    the_key_file().unlink()
    source.abandon(bytes(16))


def test_a_passing_store_keeps_its_key_to_itself():
    store = a_memory_store()
    store.put(a_record())
    assert value_of(store.get("db_pass")) == b"correct horse"
    assert [row.verified for row in store.list()] == [True]
    assert not keys_directory().exists()
    key_id, key = store.subkey("nebula/1/audit")
    assert (len(key_id), len(key)) == (16, 32)
    assert store.subkey("nebula/1/audit") == (key_id, key)
    assert store.subkey("nebula/1/drift")[1] != key


def test_a_read_asks_the_store_for_nothing_but_the_value(tmp_path, monkeypatch):
    """On a server each look at the document would be a request more: it is read again only for a key that the ring lacks."""
    store = a_store(tmp_path)
    for name in ("one", "two"):
        store.put(a_record(name))
    reader, asked = a_store(tmp_path), []
    reader.get("one")
    original = reader.inner.read_store_document
    monkeypatch.setattr(reader.inner, "read_store_document", lambda: asked.append(1) or original())
    reader.get("two")
    assert len(list(reader.list())) == 2
    assert len(reader.get_many(["one", "two"])) == 2
    assert asked == []
    store.rotate_master_key()
    assert value_of(reader.get("two")) == b"correct horse"
    assert asked


class CountedLock:
    """A lock that counts who has come for it."""

    def __init__(self, lock):
        self.lock = lock
        self.came = threading.Semaphore(0)

    def __enter__(self):
        self.came.release()
        self.lock.acquire()

    def __exit__(self, *_error):
        self.lock.release()


def test_writers_that_wait_together_share_one_read_of_the_document(tmp_path, monkeypatch):
    """But not one that began before they asked: a rotation may have come after it."""
    keyring = a_store(tmp_path).keyring
    keyring.create()
    lock = CountedLock(keyring._lock)
    monkeypatch.setattr(keyring, "_lock", lock)
    reads, begun, may_go = [], threading.Event(), threading.Event()
    read = keyring.backend.read_store_document

    def slow():
        reads.append(None)
        begun.set()
        assert may_go.wait(60)
        return read()

    monkeypatch.setattr(keyring.backend, "read_store_document", slow)
    rings = []
    readers = [threading.Thread(target=lambda: rings.append(keyring.reload())) for _each in range(8)]
    for reader in readers:
        reader.start()
        assert lock.came.acquire(timeout=60)
        assert begun.wait(60)  # the first one has begun to read before the others ask
    may_go.set()
    for reader in readers:
        reader.join(60)
    assert (len(rings), len({ring.content for ring in rings}), len(reads)) == (8, 1, 2)
