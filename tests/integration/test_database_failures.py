# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each way in which a real database fails has its class, names what to do, and comes within its time limit."""

from __future__ import annotations

import contextlib
import gc
import socket
import time

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import UNHEALTHY
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    LoginFailed,
    ReadOnly,
    StorageError,
    Timeout,
    TooLarge,
    Unavailable,
)
from tests.conformance.records import a_record, value_of
from tests.faults.limits import try_longer_limits
from tests.integration.database_servers import UNSCOPED, as_login, at_commit, backend_at, backend_on, documented_logins, login_of, store_on
from tests.servers import databases, once, proxy

pytestmark = pytest.mark.server
ENTRY = {"id": "0" * 32, "time": "2026-11-22T12:00:00.000001Z", "action": "read", "uid": 0, "name": "a"}
LIMIT = 60.0
"""Seconds; what does not end by it fails sooner, however busy the machine is."""
GRACE = 60.0
"""A machine that is busy may be late. What no limit ends takes the minutes of the operating system."""


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request):
    return once.server(request.param)


@pytest.fixture
def between(server):
    """A network that can be made bad."""
    with proxy.running(server.host, server.port) as network:
        yield network


def failing(kind, call, limit=LIMIT):
    """The error of a call, which ends within its limit."""
    began = time.monotonic()
    with pytest.raises(kind) as caught, deadline.within(limit, "get"):
        call()
    assert time.monotonic() - began < limit + GRACE
    assert caught.value.__class__ is kind
    assert caught.value.__cause__ is None
    return caught.value


def test_a_wrong_password_is_a_refused_login(server, prefix):
    for password in ("wrong", None):
        backend = backend_at(server, prefix, databases.url(server), password=password)
        said = str(failing(LoginFailed, lambda backend=backend: backend.get("a")))
        assert "refuses the login" in said
        assert "wrong" not in said


def test_a_login_that_does_not_exist_is_refused_alike(server, prefix):
    failing(LoginFailed, lambda: backend_at(server, prefix, databases.url(server, user="ghost")).get("a"))


def test_a_database_that_does_not_exist_is_named(server, prefix):
    url = databases.url(server).rpartition("/")[0] + "/not_there"
    assert "/not_there" in str(failing(AccessDenied, lambda: backend_at(server, prefix, url).get("a")))


def test_a_server_that_nobody_listens_for_is_unavailable(server, prefix):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        backend = backend_on(server, prefix, port=unused.getsockname()[1])
        assert not failing(Unavailable, lambda: backend.put(a_record())).outcome_unknown
        assert backend.health().status == UNHEALTHY


def test_a_host_without_an_address_is_unavailable(server, prefix):
    url = databases.url(server).replace(server.host, "no-such-host.invalid")
    failing(Unavailable, lambda: backend_at(server, prefix, url, allow_insecure_transport=True).get("a"))


def test_a_server_that_accepts_and_never_answers_is_a_timeout(server, prefix):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(10)
        failing(Timeout, lambda: backend_on(server, prefix, port=silent.getsockname()[1]).get("a"), 2.5)


def test_a_connection_that_turns_silent_is_a_timeout(server, prefix, between):
    """Half-open: the kernel of the other side still answers, the server does not. Afterwards all is well again."""
    backend = backend_on(server, prefix, port=between.port)
    backend.put(a_record())
    between.mode = proxy.SILENT
    assert not failing(Timeout, lambda: backend.get("db_pass"), 0.5).outcome_unknown
    between.mode = proxy.PASS
    assert value_of(backend.get("db_pass")) == b"s3cret"


def test_a_slow_server_is_a_timeout(server, prefix, between):
    backend = backend_on(server, prefix, port=between.port)
    backend.put(a_record())
    between.mode = proxy.slow(3.0)
    failing(Timeout, lambda: backend.get("db_pass"), 0.5)


def test_a_table_that_somebody_locks_is_a_timeout(server, prefix):
    backend = backend_on(server, prefix)
    backend.put(a_record())
    with contextlib.closing(server.connect()) as other, contextlib.closing(other.cursor()) as cursor:
        if databases.dialect(server) == "postgresql":
            cursor.execute("BEGIN")
            cursor.execute("LOCK TABLE {0}credentials".format(prefix))
        else:
            cursor.execute("LOCK TABLES {0}credentials WRITE".format(prefix))
        assert not failing(Timeout, lambda: backend.put(a_record(value="2")), 0.5).outcome_unknown
    assert value_of(backend.get("db_pass")) == b"s3cret"


def test_a_stale_connection_is_told_as_passing_and_the_pool_forgets_it(server, prefix, between):
    """Nothing happened, so whoever repeats it may; the second attempt finds a new connection."""
    backend = backend_on(server, prefix, port=between.port)
    backend.put(a_record())
    between.mode = proxy.RESET
    between.mode = proxy.PASS
    assert not failing(Unavailable, lambda: backend.put(a_record(value="2"))).outcome_unknown
    backend.put(a_record(value="3"))
    assert [info.version for info in backend.versions("db_pass")] == ["2", "1"]


def test_a_whole_store_goes_on_after_its_connections_were_cut(server, prefix, between):
    """The layers repeat what did not happen, and read what became of what may have happened."""
    store = store_on(server, prefix, port=between.port)
    store.backend.put(a_record(metadata=UNSCOPED), create=True)
    for number, mode in enumerate((proxy.RESET, proxy.HANG_UP, proxy.cut_answer(0), proxy.cut_request(10)), 2):
        if mode.severs:
            between.mode = mode
            between.mode = proxy.PASS
        else:
            between.set(mode, times=1)
        assert store.backend.put(a_record(value=str(number), metadata=UNSCOPED)).version == str(number)
        between.mode = proxy.PASS
        assert value_of(store.backend.get("db_pass")) == str(number).encode()
    store.close()


@pytest.mark.parametrize(
    ("cut", "kept"), [(proxy.cut_request(0), b"s3cret"), (proxy.cut_answer(0), b"new"), (proxy.cut_answer(0, reset=True), b"new")]
)
def test_a_commit_without_an_answer_has_an_unknown_outcome_and_leaves_old_or_new(server, prefix, between, cut, kept):
    """Never something in between: the value and what is kept of the old one are one transaction."""
    backend = backend_on(server, prefix, port=between.port)
    backend.put(a_record())
    at_commit(backend, lambda: between.set(cut, times=1))
    assert failing(Unavailable, lambda: backend.put(a_record(value="new"))).outcome_unknown
    assert value_of(backend.get("db_pass")) in {kept, b"s3cret"}
    assert len(backend.versions("db_pass")) == (1 if value_of(backend.get("db_pass")) == b"s3cret" else 2)


def test_a_commit_whose_answer_never_comes_has_an_unknown_outcome_in_time(server, prefix, between):
    backend = backend_on(server, prefix, port=between.port)
    backend.put(a_record())
    sent = []

    def put_unanswered(limit):
        between.mode = proxy.PASS
        at_commit(backend, lambda: (between.set(proxy.UNANSWERED), sent.append(limit)))
        return failing(Timeout, lambda: backend.put(a_record(value="new")), limit)

    assert try_longer_limits(put_unanswered, lambda: bool(sent)).outcome_unknown
    between.mode = proxy.PASS
    assert value_of(backend.get("db_pass")) in {b"new", b"s3cret"}


def test_a_cut_before_the_commit_leaves_the_old_value_for_certain(server, prefix, between):
    """At whatever request of the transaction."""
    backend = backend_on(server, prefix, port=between.port)
    backend.put(a_record())
    for size in (0, 40, 90, 200, 400, 700):
        backend.get("db_pass")
        between.set(proxy.cut_request(size), times=1)
        error = failing(Unavailable, lambda: backend.put(a_record(value="new")))
        between.mode = proxy.PASS
        found = backend.get("db_pass")
        assert error.outcome_unknown or value_of(found) == b"s3cret"
        assert len(backend.versions("db_pass")) == int(found.version)


def test_a_server_without_tls_is_refused_where_tls_is_demanded(server, prefix, tmp_path):
    """Not as a passing failure: it will not come by waiting."""
    authority = tmp_path / "ca.pem"
    import ssl

    pem = ssl.DER_cert_to_PEM_cert(next(iter(ssl.create_default_context().get_ca_certs(binary_form=True))))
    authority.write_text(pem)
    error = failing(StorageError, lambda: backend_on(server, prefix, tls_ca=str(authority)).get("a"))
    assert "'tls_ca'" in str(error)


def test_a_password_that_has_expired_is_a_refused_login(server, prefix):
    backend_on(server, prefix).put(a_record())
    name, password = login_of(server, prefix, ("SELECT", "credentials"))
    postgresql = databases.dialect(server) == "postgresql"
    server.run(("ALTER ROLE {0} VALID UNTIL '2020-01-01'" if postgresql else "ALTER USER {0}@'%' PASSWORD EXPIRE").format(name))
    backend = backend_at(server, prefix, databases.url(server, user=name), password=password, migration="manual")
    failing(LoginFailed, lambda: backend.get("a"))


def test_a_value_that_the_server_does_not_take_is_too_large(prefix):
    """MariaDB's `max_allowed_packet`. The error is told, and not repeated as a lost connection; the store goes on."""
    server = once.mariadb()
    backend = backend_on(server, prefix)
    backend.put(a_record())
    (most,) = server.run("SELECT @@global.max_allowed_packet")[0]
    error = failing(TooLarge, lambda: backend.put(a_record(value=b"x" * (most + 1))))
    assert not error.outcome_unknown
    assert value_of(backend.get("db_pass")) == b"s3cret"


def test_an_entry_of_the_trail_may_hold_any_text(server, prefix):
    """A name that was refused, a user that a play asserts."""
    entry = {
        "id": "0" * 32,
        "time": "2026-11-22T12:00:00.000001Z",
        "action": "read",
        "uid": 0,
        "name": "\0ü\U0001f511",
        "user": "ü\0" * 200,
    }
    backend = backend_on(server, prefix)
    for _each in range(2):
        backend.append_audit([entry])


def test_a_server_that_takes_no_writes_is_read_only(server, prefix):
    backend = backend_on(server, prefix)
    backend.put(a_record())
    postgresql = databases.dialect(server) == "postgresql"
    if not postgresql:
        # Administrators may write all the same.
        writer, _reader, password = documented_logins(server, prefix)
        backend = as_login(server, prefix, writer, password)
    else:
        backend.close()
    server.run("ALTER ROLE tester SET default_transaction_read_only = on" if postgresql else "SET GLOBAL read_only = 1")
    try:
        failing(ReadOnly, lambda: backend.put(a_record(value="2")))
        assert value_of(backend.get("db_pass")) == b"s3cret"
    finally:
        if postgresql:
            with contextlib.closing(server.connect()) as connection:
                connection.execute("SET default_transaction_read_only = off")
                connection.execute("ALTER ROLE tester RESET default_transaction_read_only")
        else:
            server.run("SET GLOBAL read_only = 0")


def test_a_server_without_a_free_connection_is_unavailable_and_waited_for(server, prefix):
    """Not a refused login, although it is told after the password was taken."""
    backend_on(server, prefix).put(a_record())
    name, _reader, password = documented_logins(server, prefix)
    taken = []
    gc.collect()  # a store of another test that were closed later would give a connection back
    try:
        with contextlib.suppress(Exception):
            taken.extend(server.connect(name, password) for _each in range(1000))
        assert len(taken) < 1000
        assert failing(Unavailable, lambda: as_login(server, prefix, name, password).get("db_pass")).throttled
    finally:
        for connection in taken:
            connection.close()
