# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes under every kind of lock, on real servers, to a backend that cannot compare and swap (KV version 1)."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
import yaml

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    Conflict,
    CredentialError,
    InvalidConfiguration,
    LoginFailed,
    Timeout,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.layers.write_lock import WriteLock
from ansible_collections.nebula.credential.plugins.module_utils.locks.base import build_key
from tests.conformance.records import a_record, value_of
from tests.conftest import CHECKOUT
from tests.integration.vault_store import VaultStore
from tests.servers import once, valkey
from tests.unit.store.managing import ask

PROCESSES, THREADS = 8, 4
POLICY = CHECKOUT / "docs" / "policies" / "kubernetes-leases.yaml"
KEY = build_key("nebula", "db_pass")


class File:
    """Lock files in a directory."""

    frees_itself = True

    def __init__(self, directory):
        self.path = directory / "locks"
        self.options = {"kind": "file", "path": str(self.path)}

    def lose(self):
        (self.path / KEY).unlink()


class Redis:
    """Keys on a Valkey."""

    frees_itself = False

    def __init__(self, _directory, server=None):
        self.server = server or once.valkey()
        self.prefix = "t" + secrets.token_hex(4)
        url = "redis://127.0.0.1:{0}/0".format(self.server.port)
        self.options = {"kind": "redis", "url": url, "password": self.server.password, "prefix": self.prefix}

    def ask(self, *commands):
        return self.server.ask("AUTH " + self.server.password, *commands)

    def lose(self):
        assert ":1" in self.ask("DEL {0}:lock:{1}".format(self.prefix, build_key(self.prefix, "db_pass")))


class Postgresql:
    """Advisory locks of a PostgreSQL."""

    frees_itself = True

    def __init__(self, _directory):
        self.server = once.postgresql()
        self.prefix = "t" + secrets.token_hex(4)
        url = "postgresql://{0.user}@{0.host}:{0.port}/{0.database}".format(self.server)
        self.options = {"kind": "postgresql", "url": url, "password": self.server.password, "prefix": self.prefix}

    def lose(self):
        holders = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
        self.server.run("SELECT pg_terminate_backend(pid) FROM ({0}) AS holders".format(holders))


class Kubernetes:
    """Leases in a namespace."""

    frees_itself = False

    def __init__(self, _directory):
        self.server = once.kubernetes()
        self.namespace = self.server.namespace("t" + secrets.token_hex(4))
        where = {"host": self.server.url, "ca_cert": str(self.server.ca_cert), "namespace": self.namespace}
        self.options = {"kind": "kubernetes", "api_key": self.server.token, **where}

    def path(self, name=""):
        return "/apis/coordination.k8s.io/v1/namespaces/{0}/leases{1}".format(self.namespace, name and "/" + name)

    def lose(self):
        self.server.call("DELETE", self.path("nebula-" + KEY))

    def write(self, **spec):
        metadata = {"name": "nebula-" + KEY}
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
        self.server.call("POST", self.path(), body)


KINDS = {"file": File, "redis": Redis, "postgresql": Postgresql, "kubernetes": Kubernetes}


class During(Layer):
    """Does something while the lock is held, before a write reaches the backend."""

    def __init__(self, inner, work):
        super().__init__(inner)
        self.work = work

    def put(self, record, expected=None, *, create=False):
        self.work()
        return self.inner.put(record, expected, create=create)


@pytest.fixture
def kv1():
    server = once.openbao()
    return VaultStore(server, mount=server.enable("kv", "kv1", options={"version": "1"}), kv_version=1)


@pytest.fixture(params=sorted(KINDS))
def place(request, tmp_path):
    return KINDS[request.param](tmp_path)


def open_locked(kv1, place, **lock):
    """The layer that locks, around the backend with its time limits."""
    return find_lock(kv1.manager(lock={**place.options, **lock}, read_timeout=60))


def find_lock(manager):
    backend = manager.backend
    while not isinstance(backend, WriteLock):
        backend = backend.inner
    return backend


def do_during(backend, work):
    """The same lock around `work` and the backend."""
    return WriteLock(During(backend.inner, work), backend._lock)


def increment(kv1, place):
    """Add one in each of the threads, with a new attempt after each lost race."""

    unknown = []

    def add():
        while True:
            found = backend.get("db_pass")
            try:
                backend.put(a_record("db_pass", str(int(value_of(found)) + 1)), found.etag)
                return
            except Conflict as problem:
                unknown.append(problem.outcome_unknown)

    backend = open_locked(kv1, place, wait=600)
    with ThreadPoolExecutor(THREADS) as threads:
        for done in [threads.submit(add) for _each in range(THREADS)]:
            done.result()  # an error of a thread is one of this process
    backend.close()
    assert not any(unknown)


def test_of_32_writers_none_loses_its_change(kv1, place):
    backend = open_locked(kv1, place)
    backend.put(a_record("db_pass", "0"), create=True)
    backend.close()
    workers = [multiprocessing.get_context("fork").Process(target=increment, args=(kv1, place)) for _each in range(PROCESSES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(300)
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES
    assert value_of(backend.get("db_pass")) == str(PROCESSES * THREADS).encode()


def hold(kv1, place, told, lease):
    """Hold the lock until this process is killed."""
    do_during(open_locked(kv1, place, **lease), lambda: (told.send(None), time.sleep(3600))).put(a_record(), create=True)


def test_the_lock_of_a_killed_holder_is_free_after_its_lease(kv1, place):
    listen, told = multiprocessing.Pipe(duplex=False)
    lease = {} if isinstance(place, File) else {"lease": 11}
    waiting = open_locked(kv1, place, **lease)
    hasty = open_locked(kv1, place, wait=0, **lease)
    holder = multiprocessing.get_context("fork").Process(target=hold, args=(kv1, place, told, lease))
    holder.start()
    assert listen.poll(60)
    with pytest.raises(Timeout) as caught:
        hasty.put(a_record(), create=True)
    assert "process {0} on {1} holds it; nothing was written".format(holder.pid, socket.gethostname()) in str(caught.value)
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    if not place.frees_itself:
        with pytest.raises(Timeout):
            hasty.put(a_record(), create=True)
    assert waiting.put(a_record(), create=True).version == "1"


def test_a_write_whose_lock_was_lost_is_not_reported_as_done(kv1, place):
    backend = do_during(open_locked(kv1, place), place.lose)
    with pytest.raises(Conflict, match="the lock was lost while the value was written") as caught:
        backend.put(a_record(), create=True)
    assert caught.value.outcome_unknown
    backend.inner.work = lambda: None
    backend.put(a_record(value="two"), backend.get("db_pass").etag)
    assert value_of(backend.get("db_pass")) == b"two"


def test_a_write_of_unknown_outcome_keeps_its_lock(kv1, place):
    """What was sent may still be carried out, so the next writer waits."""

    def fail():
        raise Unavailable("the response was lost").annotate(outcome_unknown=True)

    backend = do_during(open_locked(kv1, place, wait=0), fail)
    with pytest.raises(Unavailable):
        backend.put(a_record(), create=True)
    backend.inner.work = lambda: None
    with pytest.raises(Timeout, match="process {0} on ".format(os.getpid())):
        backend.put(a_record(), create=True)
    assert backend.put(a_record("other"), create=True).version == "1"


def test_a_rotation_runs_where_every_writer_respects_the_lock(kv1, place):
    manager = kv1.manager(lock=place.options)
    ask(manager, "credential", name="db_pass", state="present", value="s3cret")
    ask(manager, "credential_rotate", name="db_pass", target="none")
    assert len(manager.versions("db_pass")) == 2


DOWN = {
    "redis": {"kind": "redis", "url": "redis://127.0.0.1:1/0"},
    "postgresql": {"kind": "postgresql", "url": "postgresql://u@127.0.0.1:1/d"},
    "kubernetes": {"kind": "kubernetes", "host": "https://127.0.0.1:1", "api_key": "x", "namespace": "n"},
}


@pytest.mark.parametrize("kind", sorted(DOWN))
def test_nothing_is_written_while_the_locks_server_is_down(kv1, kind):
    manager = kv1.manager(lock=DOWN[kind])

    def write():
        with pytest.raises(Unavailable, match="nothing was written") as caught:
            manager.backend.put(a_record(), create=True)
        assert (caught.value.option, caught.value.outcome_unknown) == ("lock", False)

    assert kv1.asked(write) == []


def test_a_server_that_goes_down_in_the_middle_leaves_the_outcome_unknown(kv1, tmp_path):
    with valkey.running() as server:
        place = Redis(tmp_path, server)
        backend = do_during(open_locked(kv1, place), lambda: os.kill(server.pid, signal.SIGKILL))
        with pytest.raises(Conflict) as caught:
            backend.put(a_record(), create=True)
    assert caught.value.outcome_unknown


@pytest.mark.parametrize("skew", [timedelta(days=-9000), timedelta(days=9000)], ids=["behind", "ahead"])
def test_no_clock_is_compared_with_that_of_another_holder(kv1, tmp_path, skew):
    """A Lease has ended if it did not change while it was watched, whatever times are in it."""
    place = Kubernetes(tmp_path)
    written = (datetime.now(timezone.utc) + skew).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    place.write(holderIdentity="other", leaseDurationSeconds=2, acquireTime=written, renewTime=written)
    with pytest.raises(Timeout, match="another process holds it"):
        open_locked(kv1, place, wait=0).put(a_record(), create=True)
    assert open_locked(kv1, place, wait=120).put(a_record(), create=True).version == "1"


def test_a_lock_costs_two_requests_and_the_write_none_more(kv1, tmp_path):
    single = find_lock(kv1.manager(single_writer=True))
    single.put(a_record("first"), create=True)
    without = len(kv1.asked(lambda: single.put(a_record("one"), create=True)))
    leases, keys = Kubernetes(tmp_path), Redis(tmp_path)
    for place in (leases, keys):
        backend = open_locked(kv1, place)
        backend.put(a_record(type(place).__name__ + "0"), create=True)
        before = len(leases.server.requests(leases.namespace))
        assert len(kv1.asked(lambda: backend.put(a_record(type(place).__name__), create=True))) == without  # noqa: B023  # used at once
        made = leases.server.requests(leases.namespace)[before:]
    assert made == []
    backend = open_locked(kv1, leases)
    backend.put(a_record("again"), create=True)
    before = len(leases.server.requests(leases.namespace))
    backend.put(a_record("again2"), create=True)
    assert [each["verb"] for each in leases.server.requests(leases.namespace)[before:]] == ["create", "delete"]


def wait_for_access(work):
    """What `work` returns, once the server has noticed a new Role."""
    until = time.monotonic() + 60
    while True:
        try:
            return work()
        except AccessDenied:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def test_the_documented_role_is_enough_for_leases_and_a_missing_right_is_named(kv1, tmp_path):
    place = Kubernetes(tmp_path)
    account = "nebula-credential-lock"
    place.options["api_key"] = place.server.service_account_token(place.namespace, account)
    with pytest.raises(AccessDenied) as caught:
        open_locked(kv1, place).put(a_record(), create=True)
    _account, role, binding = yaml.safe_load(POLICY.read_text().replace("apps", place.namespace))["items"]
    for kind, manifest in (("roles", role), ("rolebindings", binding)):
        where = "/apis/rbac.authorization.k8s.io/v1/namespaces/{0}/{1}".format(place.namespace, kind)
        place.server.call("POST", where, manifest)
    place.write(holderIdentity="killed", leaseDurationSeconds=1)
    backend = open_locked(kv1, place, wait=120)
    assert wait_for_access(lambda: backend.put(a_record(), create=True)).version == "1"
    assert "may not 'create' leases" in str(caught.value)
    assert "docs/policies/kubernetes-leases.yaml" in str(caught.value)


def test_a_refused_login_of_the_lock_is_named_and_read_again(kv1, tmp_path, monkeypatch):
    place = Redis(tmp_path)
    right = place.options.pop("password")
    monkeypatch.setenv("LOCK_PASSWORD", "wrong-canary")
    backend = open_locked(kv1, place, password_env="LOCK_PASSWORD")
    with pytest.raises(LoginFailed) as caught:
        backend.put(a_record(), create=True)
    assert ("127.0.0.1:" in str(caught.value), "wrong-canary" in str(caught.value)) == (True, False)
    monkeypatch.setenv("LOCK_PASSWORD", right)
    assert backend.put(a_record(), create=True).version == "1"


def test_a_read_takes_no_lock(kv1, place):
    backend = open_locked(kv1, place)
    backend.put(a_record(), create=True)
    lockless = find_lock(kv1.manager(lock=DOWN["redis"]))
    assert value_of(lockless.get("db_pass")) == b"s3cret"
    assert [row.name for row in lockless.list()] == ["db_pass"]
    with pytest.raises(CredentialError):
        lockless.delete("db_pass")


def test_without_a_lock_no_write_is_sent(kv1):
    manager = kv1.manager()

    def write():
        with pytest.raises(InvalidConfiguration, match="cannot compare and swap") as caught:
            manager.backend.put(a_record(), create=True)
        assert caught.value.option == "lock"

    assert kv1.asked(write) == []
