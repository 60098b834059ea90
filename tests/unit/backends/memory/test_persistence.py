# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a memory store that persists has acknowledged outlives its process, however that ends; and no process writes over another's file."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory import snapshot
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Flushable, find_protocol, flush_backend
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, Damaged, Duplicate, ReadOnly
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conformance.records import a_record, value_of
from tests.conformance.sealing import Sealing
from tests.integration.killing import survives
from tests.unit.store.managing import ask


@pytest.fixture
def path(tmp_path):
    return tmp_path / "kept"


def opened(path, warn=lambda _message: None):
    """A store that is never closed: a worker of ansible-core ends so."""
    kept = {"persist_on_shutdown": True, "persist_path": str(path)} if path else {}
    return open_store({"backend": "memory", "audit": "off", **kept}, name="prod", warn=warn)


def written(manager, value, name="db"):
    return ask(manager, "credential", name=name, value=value).result["changed"]


def value(manager, name="db"):
    return manager.token(name).expose().decode()


def backend(path):
    store = Sealing(Memory({"persist_on_shutdown": True, "persist_path": str(path)}, BackendContext("test")))
    store.connect()
    return store


def test_what_an_operation_has_written_is_there_for_the_next_process(path):
    for step in ("one", "two"):
        assert written(opened(path), step)
        assert value(opened(path)) == step
    assert path.stat().st_mode & 0o777 == 0o600
    assert not written(opened(path), "two")
    ask(opened(path), "credential", name="db", state="absent")
    assert not opened(path).exists("db")


def test_a_write_of_the_library_is_kept_without_flush_or_close(path):
    """The high-water mark is on the disk then, so the value has to be: else the next process would call the file rolled back."""
    first = opened(path)
    first.create(DesiredCredential("db", value=Secret("one")))
    assert value(opened(path)) == "one"
    first.update("db", description="d")
    assert opened(path).describe("db")["description"] == "d"
    first.delete("db")
    assert not opened(path).exists("db")


def test_a_flush_writes_only_what_is_new(path):
    store = backend(path)
    flush_backend(store)
    assert not path.exists()
    store.put(a_record())
    flush_backend(store)
    before = path.stat()
    store.get("db_pass")
    flush_backend(store)
    store.close()
    assert path.stat() == before
    for change in (lambda: store.patch_metadata(store.get("db_pass"), 0), lambda: store.delete("db_pass")):
        change()
        flush_backend(store)
        assert path.stat() != before
        before = path.stat()


def test_the_store_document_is_on_the_disk_when_it_is_acknowledged(path):
    backend(path).write_store_document(b"document", None)
    assert backend(path).read_store_document() == b"document"


def test_a_file_that_another_process_changed_is_not_written_over(path):
    first, second = backend(path), backend(path)
    second.put(a_record(value="second"))
    first.put(a_record(value="first"))
    flush_backend(first)
    with pytest.raises(Conflict, match="changed by another process") as caught:
        flush_backend(second)
    assert str(path) in str(caught.value)
    assert value_of(backend(path).get("db_pass")) == b"first"


def test_a_file_that_another_process_removed_is_not_made_anew(path):
    store = backend(path)
    store.put(a_record())
    flush_backend(store)
    store.put(a_record("other"))
    path.unlink()
    with pytest.raises(Conflict, match="changed by another process"):
        flush_backend(store)
    assert not path.exists()


def test_what_was_refused_is_not_served_and_can_be_repeated(path):
    first, second = backend(path), backend(path)
    second.put(a_record(value="second"))
    first.put(a_record(value="first"))
    flush_backend(first)
    with pytest.raises(Conflict):
        flush_backend(second)
    assert value_of(second.get("db_pass")) == b"first"
    second.put(a_record(value="second"))
    second.close()
    assert [value_of(backend(path).get("db_pass", version)) for version in "12"] == [b"first", b"second"]


def test_each_thread_whose_write_was_dropped_is_told(path):
    store, other = backend(path), backend(path)
    put, refused = threading.Event(), threading.Event()
    told = []

    def work():
        store.put(a_record("of_the_thread"))
        put.set()
        refused.wait(60)
        try:
            flush_backend(store)
        except Conflict as conflict:
            told.append(str(conflict))

    thread = threading.Thread(target=work)
    thread.start()
    put.wait(60)
    other.put(a_record(value="other"))
    flush_backend(other)
    with pytest.raises(Conflict):
        flush_backend(store)
    refused.set()
    thread.join(60)
    assert [str(path) in message for message in told] == [True]
    flush_backend(store)


def test_a_store_follows_what_other_processes_have_written(path):
    """None of them is out of date, which a high-water mark would call rolled back, and none undoes another's write."""
    managers = [opened(path) for _each in range(3)]
    for number, manager in enumerate(managers * 2):
        assert written(manager, str(number))
        assert written(manager, "x", "own{0}".format(number))
        assert [value(each) for each in managers] == [str(number)] * 3
    assert len(list(managers[0].list())) == 7


def meddle(manager, act):
    """Let another process act in the midst of a write: it is in memory and not in the file yet."""
    memory = find_protocol(manager.backend, Flushable)
    flush = memory.flush

    def meddled():
        memory.flush = flush
        act()
        flush()

    memory.flush = meddled


USES = {
    "ensure": lambda manager: written(manager, "second"),
    "create": lambda manager: manager.create(DesiredCredential("new", value=Secret("x"))),
    "delete": lambda manager: ask(manager, "credential", name="db", state="absent"),
    "update": lambda manager: manager.update("db", description="d"),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_of_two_writes_at_once_none_is_lost(path, use):
    """The later one is refused, and what may be repeated is. No mark stands for what was refused, so nothing is called rolled back."""
    first, second = opened(path), opened(path)
    written(first, "before")
    meddle(second, lambda: written(first, "first", "other"))
    with suppress(Conflict):
        use(second)
    with suppress(Duplicate):  # it was done already
        use(second)
    assert value(opened(path), "other") == "first"
    assert [row.name for row in opened(path).list()] == [row.name for row in second.list()]


def test_a_write_that_may_not_be_repeated_is_refused(path):
    first, second = opened(path), opened(path)
    written(first, "before")
    meddle(second, lambda: written(first, "first"))
    with pytest.raises(Conflict, match="version 1 was expected and version 2 is stored"):
        ask(second, "credential", name="db", value="second", expected_version="1")
    assert value(second) == value(opened(path)) == "first"


def test_two_stores_that_begin_at_once_have_one_key(path):
    first, second = opened(path), opened(path)
    meddle(second, lambda: written(first, "first"))
    assert written(second, "second", "other")
    assert (value(opened(path)), value(opened(path), "other")) == ("first", "second")


def test_what_cannot_be_written_is_not_acknowledged(path, monkeypatch):
    written(opened(path), "one")
    manager = opened(path)

    def refuse(_target, _content):
        raise PermissionError(13, "no")

    with monkeypatch.context() as broken:
        broken.setattr(snapshot, "write_durably", refuse)
        broken.setattr(snapshot, "write_all", refuse)
        with pytest.raises(ReadOnly):
            written(manager, "two")
    assert value(manager) == value(opened(path)) == "one"


def written_bytes(monkeypatch):
    """Add up the bytes that this process writes to files."""
    sizes = []
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: sizes.append(len(content)) or real(descriptor, content))
    return sizes


def test_a_write_costs_what_it_changes_however_much_is_stored(path, monkeypatch):
    """The file is written as a whole only when its size has doubled: 400 values cost about twice as many bytes as 200."""
    store, sizes, costs = backend(path), written_bytes(monkeypatch), []
    for half in range(2):
        sizes.clear()
        for number in range(200):
            store.put(a_record("n{0}".format(200 * half + number)))
            flush_backend(store)
        costs.append(sum(sizes))
    assert costs[1] < 3 * costs[0]
    assert sum(costs) < 6 * path.stat().st_size
    assert len(list(backend(path).list())) == 400


def test_values_that_are_replaced_do_not_let_the_file_grow_without_end(path):
    store = backend(path)
    for number in range(600):
        store.put(a_record(value=str(number)))
        flush_backend(store)
    assert path.stat().st_size < 128 * 1024
    assert value_of(backend(path).get("db_pass")) == b"599"


def test_bytes_that_were_not_committed_count_for_nothing(path):
    """A writer was killed before it committed them. Bytes that are missing before that are damage."""
    store = backend(path)
    for number in range(3):
        store.put(a_record(value=str(number)))
        flush_backend(store)
    good = path.read_bytes()
    path.write_bytes(good + good[24:100])
    assert value_of(backend(path).get("db_pass")) == b"2"
    after = backend(path)
    after.put(a_record("other"))
    flush_backend(after)
    assert [value_of(backend(path).get(name)) for name in ("db_pass", "other")] == [b"2", b"s3cret"]
    path.write_bytes(good[:-1])
    with pytest.raises(Damaged):
        backend(path)


@pytest.mark.parametrize("kept", [0, 3])
def test_a_writer_may_die_at_every_system_call(path, kept):
    """It leaves the old or the new state, and the next writer continues."""
    steps, finished, number = 0, False, 0
    while not finished:
        steps += 1
        path.unlink(missing_ok=True)
        for number in range(kept):
            store = backend(path)
            store.put(a_record(value=str(number)))
            flush_backend(store)

        def work(store):
            store.put(a_record(value="new"))
            flush_backend(store)

        finished = survives(steps, lambda: backend(path), work)
        found = [value_of(record) for record in map(backend(path).get, [row.name for row in backend(path).list()])]
        assert found in ([[b"new"]] if finished else [[b"new"], [str(number).encode()] if kept else []])
        after = backend(path)
        after.put(a_record(value="after"))
        flush_backend(after)
        assert value_of(backend(path).get("db_pass")) == b"after"
    assert steps > 5


def test_a_play_is_told_once_that_what_it_writes_ends_with_its_process():
    told = []
    manager = opened(None, told.append)
    ask(manager, "credential_info", health=True)
    ask(manager, "credential", name="db", state="absent")
    assert told == []
    for name in ("a", "b"):
        assert written(manager, "x", name)
    assert len(told) == 1
    assert "store 'prod'" in told[0]
    assert "process" in told[0]


def test_a_program_that_uses_the_library_and_check_mode_are_told_nothing(path):
    told = []
    manager = opened(None, told.append)
    manager.create(DesiredCredential("db", value=Secret("one")))
    manager.flush()
    manager.close()
    ask(opened(path, told.append), "credential", name="db", value="x")
    assert told == []
