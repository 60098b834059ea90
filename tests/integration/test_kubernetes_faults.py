# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An API server and an etcd that are killed, crowds of writers, writers killed between two requests, a token that is over (A7)."""

from __future__ import annotations

import base64
import json
import threading
import time
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    CredentialError,
    LoginFailed,
    NotFound,
    Timeout,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from tests.conformance.records import METADATA, a_record, value_of
from tests.integration.kubernetes_store import KubeStore
from tests.servers import kubernetes, once
from tests.servers.processes import ServerUnavailable

pytestmark = pytest.mark.server
FOR_ALL = replace(METADATA, scope=Scope())
WRITERS = 32


@pytest.fixture
def store():
    return KubeStore(once.kubernetes())


@pytest.fixture(scope="module")
def durable():
    """A server whose etcd syncs to a disk."""
    once.kubernetes()  # says so where there is none
    try:
        with kubernetes.running(durable=True) as server:
            yield server
    except ServerUnavailable as error:
        pytest.fail(str(error))


@pytest.mark.parametrize("encrypt", [pytest.param(False, marks=pytest.mark.long), True])
def test_of_many_writers_none_loses_an_update(store, encrypt):
    """32 at once, each on a connection of its own, count up by compare-and-swap; without an expectation the last one wins."""
    manager = store.manager(encrypt=encrypt)
    with manager.acting():
        manager.backend.put(a_record(value="0", metadata=FOR_ALL))
    failures = []

    def count():
        own = store.manager(encrypt=encrypt, write_timeout=120, read_timeout=120)
        with own.acting():
            try:
                while True:
                    found = own.backend.get("db_pass")
                    try:
                        own.backend.put(a_record(value=str(int(value_of(found)) + 1), metadata=FOR_ALL), found.etag)
                        return
                    except Conflict:
                        continue
            except CredentialError as error:
                failures.append(error)

    run_all([threading.Thread(target=count) for _each in range(WRITERS)])
    assert failures == []
    with manager.acting():
        assert value_of(manager.backend.get("db_pass")) == str(WRITERS).encode()
        assert [info.version for info in manager.backend.versions("db_pass")] == [str(WRITERS + 1 - number) for number in range(11)]
        assert all(manager.backend.get("db_pass", info.version) for info in manager.backend.versions("db_pass"))
    kept = {name for name in store.names() if ".9v" in name}
    assert len(kept) == 10


def run_all(threads):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)


def test_a_token_that_has_expired_is_a_refused_login(store):
    """Signed by the server's own key: nothing but its time is wrong."""
    token = store.account("get")
    for ends, expected in ((60, NotFound), (-60, LoginFailed)):
        with pytest.raises(expected) as caught:
            store.backend(api_key=signed_again(token, store.server.directory / "accounts.key", int(time.time()) + ends)).get("db_pass")
        assert token not in str(caught.value)


def test_a_token_file_is_read_for_each_request(store, tmp_path):
    """The server refuses the old one, and then there is another: the same store goes on with it."""
    store.backend().put(a_record())
    config = json.loads(store.server.kubeconfig(tmp_path / "config", namespace=store.namespace).read_text())
    config["users"][0]["user"] = {"tokenFile": "token"}
    (tmp_path / "config").write_text(json.dumps(config))
    token = store.account("get")
    backend = store.backend(host=None, api_key=None, ca_cert=None, kubeconfig=str(tmp_path / "config"))
    for written in (token + "\n", signed_again(token, store.server.directory / "accounts.key", int(time.time()) - 60), token):
        (tmp_path / "token").write_text(written)
        if written.strip() == token:
            assert value_of(backend.get("db_pass")) == b"s3cret"
        else:
            with pytest.raises(LoginFailed):
                backend.get("db_pass")


def signed_again(token, key, ends):
    """A service account's token (RFC 7519, RS256) that was made an hour ago and ends at another time."""
    header, claims, _signature = token.split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    told.update(exp=ends, iat=ends - 3600, nbf=ends - 3600)
    content = header + "." + base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")
    signature = serialization.load_pem_private_key(key.read_bytes(), None).sign(content.encode(), padding.PKCS1v15(), hashes.SHA256())
    return content + "." + base64.urlsafe_b64encode(signature).decode().rstrip("=")


@pytest.mark.parametrize("encrypt", [pytest.param(False, marks=pytest.mark.long), True])
@pytest.mark.parametrize("victim", ["kill", "kill_etcd"])
def test_a_server_killed_in_mid_write_loses_nothing_that_was_acknowledged(durable, victim, encrypt):
    """kill -9 while four writers write, with etcd on a disk; then it starts again."""
    own = KubeStore(durable, encrypt=encrypt)
    acknowledged = written_until_killed(own, getattr(durable, victim))
    durable.start()
    manager = own.manager()
    with manager.acting():
        for name, value in acknowledged.items():
            found = manager.backend.get(name)
            assert int(value_of(found)) in (value, value + 1), "{0}: {1} was acknowledged".format(name, value)
            for info in manager.backend.versions(name):
                manager.backend.get(name, info.version)
            assert manager.backend.put(a_record(name, "0", metadata=FOR_ALL), found.etag).serial > found.serial


def written_until_killed(own, kill):
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

    if own.options["encrypt"]:
        manager = own.manager()
        with manager.acting():
            manager.backend.put(a_record("first", metadata=FOR_ALL))
    writers = [threading.Thread(target=count_up, args=("c{0}".format(number),)) for number in range(4)]
    for writer in writers:
        writer.start()
    assert enough.wait(60)
    kill()
    for writer in writers:
        writer.join(60)
    assert acknowledged
    return acknowledged


def test_an_etcd_that_is_gone_is_an_outage_within_the_time_limit(durable):
    """The API server is there, and says something between 500 and 504, or nothing in time."""
    own = KubeStore(durable)
    own.backend().put(a_record())
    durable.kill_etcd()
    try:
        manager = own.manager(read_timeout=2, write_timeout=2, max_retries=0)
        with manager.acting():
            for work in (lambda: manager.backend.get("db_pass"), lambda: manager.backend.put(a_record(metadata=FOR_ALL))):
                with pytest.raises((Unavailable, Timeout)):
                    work()
    finally:
        durable.start()
    assert value_of(own.backend().get("db_pass")) == b"s3cret"


class Killed(BaseException):
    """The process is no more."""


@pytest.mark.parametrize("verb", ["create", "update", "delete"])
@pytest.mark.parametrize("work", ["put", "delete"])
def test_a_writer_that_is_killed_between_its_requests_leaves_the_old_or_the_new(store, monkeypatch, verb, work):
    """On the real server too; the next write sweeps. (Every request is tried in tests/unit/backends/objects/test_backend.py.)"""
    backend = store.backend(keep_versions=1)
    for value in "123":
        backend.put(a_record(value=value))
    asked = Connection.request

    def killed(self, this, *arguments, **named):
        answer = asked(self, this, *arguments, **named)
        if this == verb:
            raise Killed
        return answer

    monkeypatch.setattr(Connection, "request", killed)
    with pytest.raises(Killed):
        backend.put(a_record(value="4")) if work == "put" else backend.delete("db_pass")
    monkeypatch.setattr(Connection, "request", asked)
    try:
        assert value_of(backend.get("db_pass")) in (b"3", b"4")
        assert all(backend.get("db_pass", info.version) for info in backend.versions("db_pass"))
    except NotFound:
        assert work == "delete"
    stored = backend.put(a_record(value="next"))
    assert stored.serial > 3
    left = [name for name in store.names() if not name.endswith(".9deleted")]
    assert len(left) == 2 - (len(backend.versions("db_pass")) == 1)
