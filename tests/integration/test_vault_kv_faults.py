# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Races, killed writers, cut connections, a server that is sealed or killed: nothing acknowledged is lost, nothing is half there."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import HEALTHY, UNHEALTHY
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_requests import Kv2Requests
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError, NotFound, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Etag
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.conformance.records import METADATA, a_record, value_of
from tests.conformance.test_crowds import increment, run_all
from tests.integration.vault_store import VaultStore, before_request
from tests.servers import once, openbao, proxy
from tests.unit.store.managing import ask

FORK = multiprocessing.get_context("fork")
FOR_ALL = replace(METADATA, scope=Scope())
WRITERS = 32


@pytest.fixture
def store():
    return VaultStore(once.openbao())


def test_thirty_two_writers_in_threads_lose_no_update(store):
    backend = store.backend()
    backend.put(a_record("counter", "0"))
    run_all([threading.Thread(target=increment, args=(backend, 2)) for _each in range(WRITERS)])
    assert value_of(backend.get("counter")) == str(2 * WRITERS).encode()
    assert backend.last_serial("counter") == 2 * WRITERS + 1


def test_thirty_two_writers_in_processes_lose_no_update(store):
    store.backend().put(a_record("counter", "0"))
    workers = [FORK.Process(target=lambda: increment(store.backend(), 2)) for _each in range(WRITERS)]
    run_all(workers)
    assert [worker.exitcode for worker in workers] == [0] * WRITERS
    found = store.backend().get("counter")
    assert (value_of(found), found.serial) == (str(2 * WRITERS).encode(), 2 * WRITERS + 1)


def test_deleters_and_creators_take_turns(store):
    """A value that was deleted is not brought back by a writer who had read it before."""
    backend = store.backend()
    stored = backend.put(a_record())
    backend.delete("db_pass")
    with pytest.raises(Conflict) as caught:
        backend.put(a_record(value="late"), stored.etag)
    assert "version 1 was expected and none is stored" in str(caught.value)
    with pytest.raises(NotFound):
        backend.get("db_pass")


@pytest.mark.parametrize("request_", ["sheet", "write", "describe"])
@pytest.mark.parametrize("change", ["revoked", "tagged"])
def test_a_change_between_the_requests_of_a_new_value_is_kept(store, monkeypatch, request_, change):
    """Value and metadata are two requests, and no request compares both: the writer notices by what it gets back."""
    store.backend().put(a_record("db", "old", metadata=FOR_ALL))
    make = {"revoked": lambda: store.manager().revoke("db"), "tagged": lambda: store.manager().update("db", tags={"a": "b"})}[change]
    before_request(monkeypatch, request_, make)
    try:
        outcome = store.manager().ensure(DesiredCredential("db", value=Secret("new")))
    except CredentialError as error:
        outcome = error
    found = store.backend().get("db")
    if change == "revoked":
        assert (found.full_metadata.lifecycle, outcome.code) == ("revoked", "revoked")
        assert value_of(found) == (b"old" if request_ == "write" else b"new")
    else:
        assert (found.full_metadata.tags, value_of(found), outcome.changed) == ({"a": "b"}, b"new", True)
    assert found.serial is not None


@pytest.mark.parametrize("versions_kept", [0, 10])
def test_a_delete_that_was_overtaken_between_its_requests_gives_the_value_back(store, monkeypatch, versions_kept):
    """Unless the server no longer has it: then the delete stands."""
    backend = store.backend(keep_versions=versions_kept)
    stored = backend.put(a_record("db", "old", metadata=FOR_ALL))
    before_request(monkeypatch, "write", lambda: store.manager().update("db", tags={"a": "b"}))
    with pytest.raises(Conflict):
        backend.delete("db", expected=stored.etag)
    if versions_kept:
        assert (value_of(backend.get("db")), backend.get("db").full_metadata.tags) == (b"old", {"a": "b"})
    else:
        with pytest.raises(NotFound):
            backend.get("db")


@pytest.mark.parametrize("half", [True, False])
def test_a_new_value_between_the_requests_of_a_revoke_is_revoked(store, monkeypatch, half):
    """Also if its writer has only sent the value, or was killed then."""
    backend = store.backend()
    stored = backend.put(a_record("db", "old", metadata=FOR_ALL))

    def write():
        if half:
            killed_before("describe", lambda: store.backend().put(a_record("db", "new"), stored.etag))
        else:
            store.backend().put(a_record("db", "new", metadata=FOR_ALL), stored.etag)

    before_request(monkeypatch, "describe", write)
    assert store.manager().revoke("db").version == "2"
    found = backend.get("db")
    assert (value_of(found), found.full_metadata.lifecycle) == (b"new", "revoked")


def killed_before(request, work):
    """Do `work` in a process of its own that dies before it makes that request."""
    pid = os.fork()
    if pid == 0:
        try:
            setattr(Kv2Requests, request, lambda *_arguments, **_named: os.kill(os.getpid(), signal.SIGKILL))
            work()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def test_a_creator_killed_between_its_requests_leaves_a_value_that_the_next_run_takes_over(store):
    parameters = {"name": "db", "state": "present", "type": "basic", "fields": {"username": "app"}, "value": "s3cret", "ttl": "1h"}
    killed_before("describe", lambda: ask(store.manager(), "credential", **parameters))
    manager = store.manager()
    assert manager.get("db").fields["password"].expose() == b"s3cret"
    assert ask(manager, "credential", **parameters).result["changed"]
    healed = manager.get("db")
    assert (healed.record.type, healed.record.serial, healed.fields["password"].expose()) == ("basic", 2, b"s3cret")
    assert healed.metadata.expires_at is not None
    assert not ask(manager, "credential", **parameters).result["changed"]


def test_a_writer_killed_between_its_requests_leaves_a_value_with_what_is_known(store):
    backend = store.backend()
    first = backend.put(a_record())
    killed_before("describe", lambda: store.backend().put(a_record(value="new"), Etag("1")))
    found = backend.get("db_pass")
    assert (value_of(found), found.type, found.serial, found.record_id) == (b"new", "basic", None, first.record_id)
    assert (found.full_metadata.tags, found.full_metadata.expires_at) == (METADATA.tags, None)
    stored = backend.put(a_record(value="newer"), found.etag)
    assert (stored.version, stored.record_id) == ("3", first.record_id)
    assert backend.get("db_pass").metadata == METADATA


@pytest.mark.parametrize("stage", ["journal", "pending"])
def test_a_stage_is_whole_with_its_first_request(store, stage):
    """What a rotation goes by after a crash is not lost between two requests."""
    killed_before("describe", lambda: store.backend().put(a_record(stage=stage), create=True))
    found = store.backend().get("db_pass", stage=stage)
    assert (found.metadata, found.type, found.serial, found.version) == (METADATA, "basic", 1, "1")
    store.backend().put(a_record(value="2", stage=stage), Etag("1"))
    assert store.backend().get("db_pass", stage=stage).metadata == METADATA


@pytest.mark.parametrize("request_", ["describe", "destroy"])
def test_a_deleter_killed_between_its_requests_has_deleted(store, request_):
    """Nobody reads it again, and whoever creates it next removes what was left of it."""
    backend = store.backend()
    for value in "12":
        first = backend.put(a_record(value=value))
    killed_before(request_, lambda: store.backend().delete("db_pass", expected=Etag("2")))
    for version in (None, "1", "2", "3") if request_ == "destroy" else (None,):
        with pytest.raises(NotFound):
            backend.get("db_pass", version)
    again = backend.put(a_record(value="new"), create=True)
    assert again.record_id != first.record_id
    assert [info.version for info in backend.versions("db_pass")] == ["4"]
    told = store.server.call("GET", store.path("db_pass", "metadata"))["data"]["versions"]
    assert [told[version]["destroyed"] for version in "1234"] == [True, True, True, False]


MODES = {
    "the request is cut": lambda: proxy.cut_request(60),
    "the answer is cut": lambda: proxy.cut_answer(0),
    "the answer is cut in the middle": lambda: proxy.cut_answer(40),
    "the answer is reset": lambda: proxy.cut_answer(0, reset=True),
    "the connection is reset": lambda: proxy.RESET,
}


def through(store, between, **options):
    """The store behind a proxy, with its repeats."""
    return store.manager(url="http://127.0.0.1:{0}".format(between.port), **options)


@pytest.mark.parametrize("encrypt", [False, True])
@pytest.mark.parametrize("at", [0, 1, 2, 3])
@pytest.mark.parametrize("mode", MODES)
def test_a_cut_connection_leaves_the_old_or_the_new_and_tells_which(store, mode, at, encrypt):
    """The request number `at` of a put meets the fault, once: the put is carried out exactly once."""
    with proxy.running("127.0.0.1", store.server.port) as between:
        manager = through(store, between, encrypt=encrypt)
        with manager.acting():
            first = manager.backend.put(a_record(metadata=FOR_ALL))
            arm(between, MODES[mode](), at)
            stored = manager.backend.put(a_record(value="new", metadata=FOR_ALL), first.etag)
            found = manager.backend.get("db_pass")
            assert (value_of(found), found.version, found.record_id) == (b"new", stored.version, first.record_id)
            assert found.metadata == FOR_ALL
            assert [info.version for info in manager.backend.versions("db_pass")] == ["2", "1"]


def arm(between, mode, at):
    """Set the mode right before request number `at` from now, for one connection."""
    count = 0
    original = Kv2Requests._request

    def request(self, *arguments, **named):
        nonlocal count
        if count == at:
            Kv2Requests._request = original
            between.set(mode, times=1)
        count += 1
        return original(self, *arguments, **named)

    Kv2Requests._request = request


@pytest.fixture(autouse=True)
def requests_as_they_are():
    original = Kv2Requests._request
    yield
    Kv2Requests._request = original


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_cut_connection_leaves_a_deleted_credential_deleted(store, at):
    """With every version destroyed, however late the answer was lost."""
    with proxy.running("127.0.0.1", store.server.port) as between:
        manager = through(store, between)
        with manager.acting():
            stored = manager.backend.put(a_record(metadata=FOR_ALL))
            arm(between, proxy.cut_answer(0), at + 1)  # the first request is the scope's
            manager.backend.delete("db_pass", expected=stored.etag)
            with pytest.raises(NotFound):
                manager.backend.get("db_pass")
    told = store.server.call("GET", store.path("db_pass", "metadata"))["data"]
    assert {each["destroyed"] for each in told["versions"].values()} == {True}
    assert told["custom_metadata"] == {"nebula-deleted": "2"}


def test_a_server_that_is_sealed_in_mid_run_says_so(store):
    """Passing, within the time limit; and all is as it was when it is unsealed."""
    with openbao.running() as server:
        own = VaultStore(server)
        manager = own.manager(max_retries=0)
        ask(manager, "credential", name="db", state="present", value="s3cret")
        assert manager.health()["status"] == HEALTHY
        server.seal()
        for work in (lambda: manager.token("db"), lambda: ask(manager, "credential", name="db", state="present", value="x")):
            with pytest.raises(Unavailable) as caught:
                work()
            assert "sealed" in str(caught.value)
        health = manager.health()
        assert health["status"] == UNHEALTHY
        assert "sealed" in " ".join(health["reasons"])
        server.unseal()
        assert manager.token("db").expose() == b"s3cret"


@pytest.mark.parametrize("encrypt", [False, True])
def test_a_server_killed_in_mid_write_loses_nothing_that_was_acknowledged(encrypt):
    """kill -9 while four writers write, with its storage on disk; then it starts again."""
    with openbao.running(storage="raft") as server:
        own = VaultStore(server, encrypt=encrypt)
        for _round in range(2):
            acknowledged = written_until_killed(own, server)
            server.start()
            manager = own.manager()
            with manager.acting():
                for name, value in acknowledged.items():
                    found = manager.backend.get(name)
                    assert int(value_of(found)) in (value, value + 1), "{0}: {1} was acknowledged".format(name, value)
                    assert manager.backend.put(a_record(name, "0", metadata=FOR_ALL), found.etag).version != found.version


def written_until_killed(own, server):
    """Count up four credentials until the server is gone: the last number of each that was acknowledged."""
    acknowledged, enough = {}, threading.Event()

    def count_up(name):
        manager = own.manager(max_retries=0, breaker_failures=0)
        with manager.acting():
            try:
                for value in range(1, 100000):
                    manager.backend.put(a_record(name, str(value), metadata=FOR_ALL))
                    acknowledged[name] = value
                    if value == 5:
                        enough.set()
            except CredentialError:
                return

    manager = own.manager()
    with manager.acting():  # until the engine is ready, and the store has a key
        manager.backend.put(a_record("first", metadata=FOR_ALL))
    writers = [threading.Thread(target=count_up, args=("c{0}".format(number),)) for number in range(4)]
    for writer in writers:
        writer.start()
    enough.wait(60)
    server.kill()
    for writer in writers:
        writer.join(60)
    assert acknowledged
    return acknowledged
