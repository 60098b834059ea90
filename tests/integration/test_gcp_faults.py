# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many writers at once, writers that are killed, and a service that limits or fails."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import threading

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, StorageError, Timeout, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.stack import resilient
from tests.conformance.records import a_record, value_of
from tests.integration.gcp_store import GoogleStore
from tests.servers import once, secret_manager

WRITERS, CLIENTS = 32, 32
OURS = "nebula-db_pass"


@pytest.fixture
def store():
    return GoogleStore(once.server("secret_manager"))


@pytest.fixture
def own():
    """A server of the test alone: what it orders meets no other test."""
    with secret_manager.running() as server:
        yield GoogleStore(server)


def together(work, count=WRITERS):
    """Do something in so many threads at once. Returns what each gave."""
    given, begin = [], threading.Barrier(count)

    def run(number):
        begin.wait(60)
        given.append(work(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert len(given) == count
    return given


def test_of_32_writers_that_read_the_same_value_one_wins_and_the_others_leave_no_version(store):
    stored = store.backend().put(a_record(value="first"))
    backends = [store.backend() for _each in range(WRITERS)]

    def write(number):
        try:
            backends[number].put(a_record(value=str(number)), stored.etag.__class__(stored.version, stored.revision))
        except Conflict:
            return None
        return str(number)

    winners = [each for each in together(write) if each is not None]
    assert len(winners) == 1
    assert value_of(store.backend().get("db_pass")) == winners[0].encode()
    client = store.theirs()
    enabled = [number for number, state in client.states(OURS).items() if state == "ENABLED"]
    assert sorted(enabled) == sorted(client.secret(OURS).version_aliases.values())
    client.close()


def test_of_32_writers_that_create_one_wins(store):
    backends = [store.backend() for _each in range(WRITERS)]

    def create(number):
        try:
            backends[number].put(a_record(value=str(number)), create=True)
        except Conflict:
            return None
        return str(number)

    winners = [each for each in together(create) if each is not None]
    assert [value_of(store.backend().get("db_pass"))] == [each.encode() for each in winners]


def increment(options, times=1):
    """Add one by compare-and-swap, again until it holds."""
    backend = backend_class("gcp")(options, BackendContext("prod"))
    done = 0
    while done < times:
        found = backend.get("db_pass")
        try:
            backend.put(a_record(value=str(int(value_of(found)) + 1)), found.etag)
            done += 1
        except Conflict:
            continue


@pytest.mark.long
def test_no_increment_of_32_writers_is_lost(store):
    options = store.configured()
    store.backend().put(a_record(value="0"))
    together(lambda _number: increment(options))
    found = store.backend().get("db_pass")
    assert (value_of(found), found.serial) == (str(WRITERS).encode(), WRITERS + 1)


@pytest.mark.long(reason="each process loads gRPC")
def test_no_increment_of_32_processes_is_lost(store):
    options = store.configured()
    store.backend().put(a_record(value="0"))
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=increment, args=(options, 2)) for _each in range(WRITERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(540)
    assert [worker.exitcode for worker in workers] == [0] * WRITERS
    found = store.backend().get("db_pass")
    assert (value_of(found), found.serial) == (str(2 * WRITERS).encode(), 2 * WRITERS + 1)


class Killed(BaseException):
    """Ends a writer between two of its requests."""


@contextlib.contextmanager
def killed_after(monkeypatch, method):
    """End the writer of the block once that request was carried out."""
    call = Connection._call

    def killed(self, name, request, resource):
        answer = call(self, name, request, resource)
        if name == method:
            raise Killed
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(Connection, "_call", killed)
        with pytest.raises(Killed):
            yield


@pytest.mark.parametrize("method", ["create_secret", "add_secret_version", "update_secret"])
def test_a_killed_creator_leaves_nothing_or_the_whole_value(store, monkeypatch, method):
    with killed_after(monkeypatch, method):
        store.backend().put(a_record(value="1"), create=True)
    again = store.backend()
    try:
        again.put(a_record(value="2"), create=True)
        expected = b"2"
    except Conflict:
        expected = b"1"
    assert (value_of(again.get("db_pass")), expected) == (expected, b"1" if method == "update_secret" else b"2")
    assert [row.name for row in again.list()] == ["db_pass"]


@pytest.mark.parametrize("method", ["add_secret_version", "update_secret"])
def test_a_killed_writer_leaves_the_old_or_the_new_value_and_the_next_one_cleans_up(store, monkeypatch, method):
    backend = store.backend(keep_versions=0)
    backend.put(a_record(value="1"))
    with killed_after(monkeypatch, method):
        store.backend(keep_versions=0).put(a_record(value="2"))
    again = store.backend(keep_versions=0)
    assert value_of(again.get("db_pass")) == (b"2" if method == "update_secret" else b"1")
    again.put(a_record(value="3"), again.get("db_pass").etag)
    client = store.theirs()
    assert [state for _number, state in sorted(client.states(OURS).items())] == ["DESTROYED", "DESTROYED", "ENABLED"]
    client.close()


def test_a_value_that_was_never_current_is_never_read(store, monkeypatch):
    """Not even where a secret of another tool has no alias of ours yet: the newest version is of a killed writer there."""
    client = store.theirs()
    client.make(OURS)
    client.add(OURS, b"theirs")
    backend = store.backend()
    found = backend.get("db_pass")
    with killed_after(monkeypatch, "add_secret_version"):
        store.backend().put(a_record(value="never"), found.etag)
    assert store.backend().get("db_pass").fields["value"].expose() == b"theirs"
    backend.put(a_record(value="ours"), found.etag)
    assert value_of(store.backend().get("db_pass")) == b"ours"
    client.close()


def test_a_refusal_of_our_own_lost_answer_is_a_success(own):
    """The update is carried out and its answer lost; the repeated one finds another etag, which is its own."""
    backend = resilient(own.backend(), {"base_delay": 0.001, "max_delay": 0.001})
    backend.connect()
    stored = backend.put(a_record(value="1"))
    own.server.order({"fail": {"methods": ["update_secret"], "code": "UNAVAILABLE", "after": True, "times": 1}})
    again = backend.put(a_record(value="2"), stored.etag)
    assert (again.serial, value_of(backend.get("db_pass"))) == (2, b"2")


def test_a_process_reads_its_own_write_where_reads_by_alias_are_late(own):
    """Another one may read the former value, and its write is a conflict."""
    backend, other = own.backend(), own.backend()
    backend.put(a_record(value="1"), create=True)
    own.server.order({"late": True})
    assert value_of(backend.get("db_pass")) == b"1"
    backend.put(a_record(value="2"), backend.get("db_pass").etag)
    assert value_of(backend.get("db_pass")) == b"2"
    late = other.get("db_pass")
    assert value_of(late) == b"1"
    with pytest.raises(Conflict) as caught:
        other.put(a_record(value="3"), late.etag)
    assert "version 1 was expected and version 2 is stored" in str(caught.value)
    own.server.order({"late": False})
    assert value_of(other.get("db_pass")) == b"2"


def open_for_storm(own, repeats, seconds):
    """A store for each client, with so many repeats and so much time."""
    own.backend().put(a_record())
    limits = {"max_retries": repeats, "base_delay": 0.01, "max_delay": 0.05, "read_timeout": seconds, "breaker_failures": 0}
    stores = [resilient(own.backend(), limits) for _each in range(CLIENTS)]
    for each in stores:
        each.connect()
    return stores


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "UNAVAILABLE", pytest.param("INTERNAL", marks=pytest.mark.long)])
def test_a_storm_is_survived_by_32_clients(own, code):
    """As many requests fail as one client has repeats, so none can run out of them; none is sent in vain."""
    stores = open_for_storm(own, 5, 60.0)
    own.server.order({"fail": {"methods": ["access_secret_version"], "code": code, "times": 5}})
    before = len(own.requests())
    assert together(lambda number: value_of(stores[number].get("db_pass")), CLIENTS) == [b"s3cret"] * CLIENTS
    assert len(own.requests()) - before == CLIENTS + 5


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "UNAVAILABLE", pytest.param("INTERNAL", marks=pytest.mark.long)])
def test_a_storm_that_does_not_end_costs_each_of_32_clients_its_repeats_and_one_request(own, code):
    """Neither google-auth, nor the client, nor gRPC repeats anything."""
    stores = open_for_storm(own, 3, 8.0)
    own.server.order({"fail": {"methods": ["access_secret_version"], "code": code, "times": 100000}})
    before = len(own.requests())

    def read(number):
        with pytest.raises((Unavailable, Timeout)):
            stores[number].get("db_pass")
        return number

    together(read, CLIENTS)
    assert CLIENTS < len(own.requests()) - before <= CLIENTS * 4


def test_a_service_that_says_it_is_unavailable_is_not_called_unreachable(own):
    own.server.order({"fail": {"methods": ["access_secret_version"], "code": "UNAVAILABLE", "times": 1}})
    with pytest.raises(Unavailable, match="Secret Manager is not available") as caught:
        own.backend().get("db_pass")
    assert caught.value.throttled
    with pytest.raises(Unavailable, match="cannot be reached") as caught:
        own.backend(endpoint="https://127.0.0.1:1").get("db_pass")
    assert not caught.value.throttled


def test_the_wait_that_the_service_names_is_kept(own):
    own.backend().put(a_record())
    own.server.order({"fail": {"methods": ["access_secret_version"], "code": "RESOURCE_EXHAUSTED", "retry_after": 1.5}})
    with pytest.raises(Unavailable) as caught:
        own.backend().get("db_pass")
    assert (caught.value.retry_after, caught.value.throttled) == (1.5, True)


@pytest.mark.parametrize(
    ("code", "kind"), [("INVALID_ARGUMENT", "invalid_input"), ("UNIMPLEMENTED", "storage"), ("DATA_LOSS", "unavailable")]
)
def test_every_other_status_is_an_error_of_ours_without_googles_text(own, code, kind):
    own.server.order({"fail": {"methods": ["access_secret_version"], "code": code}})
    with pytest.raises((StorageError, Exception)) as caught:
        own.backend().get("db_pass")
    assert caught.value.code == kind
    assert "ordered by a test" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_region_that_does_not_exist_is_one_failed_connection(store):
    """Its name is not checked against a list: a new one must work. Nothing answers there, and no token is made before that is known."""
    backend = store.backend(location="nowhere-1", endpoint="https://127.0.0.1:1", access_token=json.dumps("x"))
    with pytest.raises(Unavailable) as caught:
        backend.get("db")
    assert "127.0.0.1:1" in str(caught.value)
